"""Student's t with what torch's own lacks: CDF, quantiles and the CRPS."""

from __future__ import annotations

import math

import torch
from scipy import special
from torch import Tensor
from torch.distributions import StudentT as TorchStudentT

__all__ = ["StudentT"]


class StudentT(TorchStudentT):
    r"""Student's t of `df` degrees of freedom, location `loc` and scale `scale`; both tails have shape 1 / df.

    `log_prob` is torch's and differentiable. CDF, survival function and quantiles come from SciPy, without gradients.
    """

    def cdf(self, value: Tensor) -> Tensor:
        """P(Y <= y)."""
        return self._by_scipy(special.stdtr, (value - self.loc) / self.scale)

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > y), accurate far out."""
        return self._by_scipy(special.stdtr, (self.loc - value) / self.scale)

    def icdf(self, level: Tensor | float) -> Tensor:
        """Quantile."""
        level = torch.as_tensor(level, dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + self.scale * self._by_scipy(special.stdtrit, level.expand(self.batch_shape or level.shape))

    def crps(self, value: Tensor) -> Tensor:
        r"""CRPS in the unit of the outcome, infinite at one degree of freedom and below.

        With z the standardised outcome, f and F the standard density and CDF (Jordan, Krueger & Lerch, 2019, appendix),

        .. math:: \sigma \Big( z (2 F(z) - 1) + 2 f(z) \frac{\nu + z^2}{\nu - 1}
                  - \frac{2 \sqrt\nu}{\nu - 1} \frac{B(1/2, \nu - 1/2)}{B(1/2, \nu / 2)^2} \Big).
        """
        z, nu = (value - self.loc) / self.scale, self.df
        density = (self.log_prob(value) + self.scale.log()).exp()
        half = torch.full_like(nu, 0.5)
        ratio = (_log_beta(half, nu - 0.5) - 2 * _log_beta(half, nu / 2)).exp()
        spread = 2 * density * (nu + z * z) / (nu - 1) - 2 * nu.sqrt() / (nu - 1) * ratio
        return torch.where(nu > 1, self.scale * (z * (2 * self.cdf(value) - 1) + spread), math.inf)

    def _by_scipy(self, function, z: Tensor) -> Tensor:
        found = function(self.df.detach().cpu().double().numpy(), z.detach().cpu().double().numpy())
        return torch.as_tensor(found, dtype=self.loc.dtype, device=self.loc.device)


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
