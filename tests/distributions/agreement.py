"""Comparison of a law with the oracle's answers, with tolerances that follow from the dtype and the problem alone."""

from __future__ import annotations

import torch

from tests import oracle
from tests.distributions.cases import MP, OF_OUTCOME, ask, build, scalars

# Rounding a result costs eps of it; rounding the inputs costs eps times `Reference.condition`. A good method stays
# within a few of these, in either dtype: 32 leaves room for sums over a hundred bins.
ROUNDINGS = 32

# A gradient is right to so many digits of its largest component, plus a few roundings of what its natural size would
# be were nothing to cancel: the slopes p_k (f_k - F) of a bin that holds all the mass cancel almost entirely.
GRADIENT_DIGITS = {torch.float64: 1e-10, torch.float32: 2e-4}


def arguments(known, name, dtype):
    if name in OF_OUTCOME:
        return torch.tensor(known.y, dtype=dtype)
    return torch.tensor(known.level, dtype=dtype) if name == "icdf" else None


def wrong_values(case, kind, dtype, known):
    """Descriptions of the answers that are further from the oracle's than rounding explains."""
    law, failures = case.law(kind, dtype), []
    for name in (*OF_OUTCOME, "icdf", *scalars(kind)):
        came = ask(law, name, arguments(known, name, dtype))
        assert came.dtype == dtype, name
        for i, (expected, condition) in enumerate(zip(known.value[name], known.condition(name), strict=True)):
            value = came.reshape(-1)[i].item()
            if MP.isinf(expected):
                good = value == expected
            else:
                # the log of a probability near 1 is as good as that probability: to eps, not to eps of the log
                size = max(abs(expected), 1) if name.startswith("log_") else abs(expected)
                good = abs(value - expected) <= ROUNDINGS * torch.finfo(dtype).eps * (size + condition)
            if not good:
                failures.append(f"{name}[{i}]: {value!r} where {float(expected)!r} is right, condition {condition:.3g}")
    return failures


def natural_size(known, law, name, key, i):
    """Of the derivative of `name` in `key` at argument `i`, from the units of both alone."""
    is_tail = isinstance(law, oracle.GeneralizedPareto)
    length = law.beta if is_tail else law.bin_edges[-1] - law.bin_edges[0]
    derivative, value = known.derivative[name], abs(known.value[name][i])
    if name == "icdf" or name.endswith("threshold"):  # a rounding of a level moves a quantile by 1 / density
        size = sum(abs(derivative[level][i]) for level in ("level", "level_error") if level in derivative)
    else:
        size = {"crps": max(length, value), "mean": max(length, value), "variance": length**2}.get(name, MP.one)
    if key == "y":
        return size / length
    return size / law.value_of(key) if key.endswith("beta") else size


def wrong_gradients(case, kind, dtype, known):
    """The same for the gradient of every answer in every parameter and in its argument."""
    exact, failures = case.oracle(kind), []
    for name in (*OF_OUTCOME, "icdf", *scalars(kind)):
        argument, count = arguments(known, name, dtype), len(known.value[name])
        # one row of parameters per argument, so that one backward pass gives every argument its own gradient
        parameters = {
            key: value if key == "bin_edges" else value.expand(count, *value.shape).clone().requires_grad_()
            for key, value in case.parameters(kind, dtype).items()
        }
        leaves = {key: value for key, value in parameters.items() if value.requires_grad}
        if argument is not None:
            leaves["level" if name == "icdf" else "y"] = argument.requires_grad_()
        came = ask(build(kind, parameters, case.mass), name, argument).expand(count)
        came[torch.isfinite(came)].sum().backward()
        for key, leaf in leaves.items():
            gradient = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
            for i in range(count):
                if not MP.isfinite(known.value[name][i]):
                    continue
                inputs = [(key, k) for k in range(len(case.logits))] if key == "logits" else [key]
                expected = [float(known.derivative[name][one][i]) for one in inputs]
                error = max(abs(a - b) for a, b in zip(gradient[i].reshape(-1).tolist(), expected, strict=True))
                largest = max(abs(e) for e in expected)
                roundings = ROUNDINGS * torch.finfo(dtype).eps * float(natural_size(known, exact, name, key, i))
                if not error <= GRADIENT_DIGITS[dtype] * largest + roundings:
                    failures.append(
                        f"{name}[{i}] in {key}: {gradient[i].tolist()} where {expected} is right, error {error:.2g}"
                    )
    return failures
