r"""Networks to put in the TCN's place: the same features, head, law and training, another way of looking at players.

Each is a trunk of `qbsbp.model.PassingModel`: it turns features (batch, 8 x 22, time) of football plays in the slots of
`qbsbp.features.PASSING_SLOTS`, and their lengths, into one state per play. Chapter: the rivals.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["NoTrunk", "PlayerTransformer", "Zoo"]

PLAYERS = 22
ROLES = {"passer": 1, "target": 1, "receiver": 4, "line": 5, "defence": 11}  # how many slots each has, in order
TARGET, DEFENCE = 1, 11  # slots: the target, and the first of the defence


def _last_frame(x: Tensor, lengths: Tensor) -> Tensor:
    """Features of the players at the release, (batch, 22, 8)."""
    rows = (lengths - 1).reshape(-1, 1, 1).expand(-1, x.shape[1], 1)
    return x.gather(2, rows).reshape(len(x), PLAYERS, -1)


class NoTrunk(nn.Module):
    """Nothing of the tracks: what is left are the static features. The least that a trunk has to beat."""

    width = 0

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """States of no numbers, shape (batch, 0)."""
        return x.new_zeros(len(x), 0)


class Zoo(nn.Module):
    r"""The network of the team "The Zoo", which won the Big Data Bowl of 2020, for passes instead of runs.

    At the release each pair of a defender and another player of the offence is ten numbers: the defender's velocity;
    his place and velocity seen from the target (the runner, in the original); and the other's place and velocity seen
    from him. The same three layers read every pair, their answers are pooled over the offence, three more read every
    defender, and those are pooled over the defence. Pooling is 0.7 times the mean plus 0.3 times the maximum.

    Reference: Gordeev & Singer (2020), the winning solution of the NFL Big Data Bowl, as they describe it; the widths
    are theirs.
    """

    width = 96

    def __init__(self) -> None:
        super().__init__()
        self.pairs = _layers(10, 128, 160, 128)
        self.between = nn.BatchNorm1d(128)
        self.defenders = _layers(128, 160, 96, 96)
        self.after = nn.BatchNorm1d(96)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """States, shape (batch, 96)."""
        players = _last_frame(x, lengths)
        place, velocity = players[..., 0:2], players[..., 2:4]
        defender, his = place[:, DEFENCE:, None], velocity[:, DEFENCE:, None]  # (batch, 11, 1, 2)
        target, its = (v[:, None, None, TARGET] for v in (place, velocity))  # (batch, 1, 1, 2)
        others = [0, *range(2, DEFENCE)]
        other, theirs = place[:, None, others], velocity[:, None, others]  # (batch, 1, 10, 2)
        shape = (len(x), PLAYERS - DEFENCE, len(others), 2)
        parts = [his, defender - target, his - its, other - defender, theirs - his]
        pairs = torch.cat([part.expand(shape) for part in parts], dim=-1)  # (batch, 11, 10, 10)
        h = _pool(self.pairs(pairs), dim=2)  # (batch, 11, 128)
        h = self.between(h.transpose(1, 2)).transpose(1, 2)
        return self.after(_pool(self.defenders(h), dim=1))


class PlayerTransformer(nn.Module):
    r"""Attention over the players of a frame, then over the frames of a player, a few times.

    A token is a player at one of the last frames before the release, every third of them; tokens of frames before the
    snap are masked. Players have no order here: what they are (passer, target, receiver, line, defence) is a learned
    vector that is added to the token. The state is the mean over the players of their tokens at the release.

    Args:
        width: Numbers of a token.
        blocks: Pairs of the two kinds of attention.
        frames: Frames of a play that are read, the release the last.
        dropout: Share of activations set to 0 in training.

    Reference: Ranasaria & Vabishchevich (2024), Attention is all you need, for sports tracking data, for the attention
    over players; Vaswani et al. (2017) for the layer.
    """

    STEP = 3

    def __init__(self, width: int = 32, blocks: int = 2, frames: int = 8, dropout: float = 0.1) -> None:
        super().__init__()
        self.width, self.frames = width, frames
        self.embed = nn.Linear(8, width)
        self.role = nn.Parameter(torch.zeros(len(ROLES), width))
        self.moment = nn.Parameter(torch.zeros(frames, width))
        nn.init.normal_(self.role, std=0.1)
        nn.init.normal_(self.moment, std=0.1)
        roles = torch.arange(len(ROLES)).repeat_interleave(torch.tensor(list(ROLES.values())))
        self.register_buffer("roles", roles, persistent=False)  # role of each slot

        def layer() -> nn.Module:
            return nn.TransformerEncoderLayer(width, 4, 2 * width, dropout, batch_first=True, norm_first=True)

        self.over_players = nn.ModuleList(layer() for _ in range(blocks))
        self.over_time = nn.ModuleList(layer() for _ in range(blocks))
        self.after = nn.LayerNorm(width)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """States, shape (batch, width)."""
        batch, back = len(x), self.STEP * torch.arange(self.frames - 1, -1, -1, device=x.device)
        frame = (lengths - 1).unsqueeze(1) - back  # (batch, frames), the release last
        absent = frame < 0
        picked = x.gather(2, frame.clamp(min=0).unsqueeze(1).expand(-1, x.shape[1], -1))
        tokens = picked.reshape(batch, PLAYERS, 8, self.frames).permute(0, 3, 1, 2)  # (batch, frames, 22, 8)
        h = self.embed(tokens) + self.role[self.roles] + self.moment[:, None]
        absent = absent.repeat_interleave(PLAYERS, 0)  # (batch * 22, frames)
        for players, time in zip(self.over_players, self.over_time, strict=True):
            h = players(h.reshape(-1, PLAYERS, self.width)).reshape(batch, self.frames, PLAYERS, self.width)
            h = h.transpose(1, 2).reshape(-1, self.frames, self.width)
            h = time(h, src_key_padding_mask=absent)
            h = h.reshape(batch, PLAYERS, self.frames, self.width).transpose(1, 2)
        return self.after(h[:, -1].mean(1))


def _layers(*widths: int) -> nn.Sequential:
    """Linear layers with a rectifier after each."""
    return nn.Sequential(*(part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())))


def _pool(h: Tensor, dim: int) -> Tensor:
    return 0.7 * h.mean(dim) + 0.3 * h.amax(dim)
