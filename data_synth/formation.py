"""Who lines up where: personnel, formations, coverages, rushers, and the alignment of 22 players at the snap.

Everything is drawn for N plays at once. Places are complex numbers x + iy in yards: x along the field (the offence
moves to larger x), y across it, 0 at the offence's right hand, so a formation's left is at larger y. Entities are
numbered as in `data_synth.play`: 0 passer, 1-5 offensive line from left tackle to right tackle, 6-10 eligible
receivers, 11-21 defence. Shares of formations, personnel, rushers and coverages are league shares of 2017-2018.
Chapter: meeting the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_synth.routes import BACK, SLOT, TIGHT, WIDE
from qbsbp.schema import FOOTBALL

__all__ = [
    "POSITIONS",
    "FORMATIONS",
    "OFFENCE_PERSONNEL",
    "DEFENCE_PERSONNEL",
    "COVERAGES",
    "CENTRE_Y",
    "Offence",
    "Defence",
    "line_up_offence",
    "line_up_defence",
    "pick",
]

POSITIONS = ("QB", "RB", "WR", "TE", "OL", "DL", "LB", "DB", "ball")
QB, RB, WR, TE, OL, DL, LB, DB, BALL = range(len(POSITIONS))
CENTRE_Y = FOOTBALL.field_width / 2
HASH = 3.08  # yards from the middle of the field to a hash mark

# --- offence ---------------------------------------------------------------------------------------------------------

FORMATIONS = ("SHOTGUN", "EMPTY", "SINGLEBACK", "I_FORM", "PISTOL", "JUMBO")
SHOTGUN, EMPTY, SINGLEBACK, I_FORM, PISTOL, JUMBO = range(len(FORMATIONS))
OFFENCE_PERSONNEL = (
    "1 RB, 1 TE, 3 WR",
    "1 RB, 2 TE, 2 WR",
    "2 RB, 1 TE, 2 WR",
    "1 RB, 0 TE, 4 WR",
    "1 RB, 3 TE, 1 WR",
    "2 RB, 2 TE, 1 WR",
    "0 RB, 1 TE, 4 WR",
)
_ELIGIBLE = np.array([[int(entry.split()[0]) for entry in name.split(", ")] for name in OFFENCE_PERSONNEL])
ELIGIBLE_POSITIONS = np.array([[RB] * b + [TE] * t + [WR] * w for b, t, w in _ELIGIBLE], dtype=np.int8)

# A place to line up: yards left of the ball, yards behind the line, standard deviation of each, kind of receiver.
_SLOTS = {
    "wide left": (14.8, 1.3, 3.0, 0.45, WIDE),
    "wide right": (-14.8, 1.3, 3.0, 0.45, WIDE),
    "slot left": (8.3, 1.6, 1.8, 0.5, SLOT),
    "slot right": (-8.3, 1.6, 1.8, 0.5, SLOT),
    "inner left": (5.6, 1.6, 0.8, 0.5, SLOT),
    "inner right": (-5.6, 1.6, 0.8, 0.5, SLOT),
    "tight left": (4.8, 1.4, 0.5, 0.35, TIGHT),
    "tight right": (-4.8, 1.4, 0.5, 0.35, TIGHT),
    "wing left": (5.6, 2.2, 0.4, 0.4, TIGHT),
    "beside left": (2.5, 5.0, 0.5, 0.55, BACK),
    "beside right": (-2.5, 5.0, 0.5, 0.55, BACK),
    "behind": (0.0, 7.3, 0.25, 0.5, BACK),
    "fullback": (0.4, 4.6, 0.5, 0.35, BACK),
}
_SLOT_NAMES = tuple(_SLOTS)
_SLOT_TABLE = np.array([entry[:4] for entry in _SLOTS.values()])
_SLOT_KIND = np.array([entry[4] for entry in _SLOTS.values()])

# Formation, personnel, weight on a normal, a passing and a short-yardage down, and the five slots (backs, ends, wides).
_TEMPLATES = (
    (SHOTGUN, 0, 17, 20, 10, "beside left, tight right, wide left, slot left, wide right"),
    (SHOTGUN, 0, 11, 13, 6, "beside right, inner right, wide left, slot right, wide right"),
    (SHOTGUN, 0, 13, 18, 7, "beside left, slot right, wide left, slot left, wide right"),
    (SHOTGUN, 0, 6, 8, 3, "beside right, tight left, wide left, slot right, wide right"),
    (SHOTGUN, 1, 5, 3, 6, "beside left, tight right, tight left, wide left, wide right"),
    (SHOTGUN, 1, 3, 2, 3, "beside left, tight right, slot left, wide left, wide right"),
    (SHOTGUN, 2, 1.5, 1, 1, "beside left, beside right, tight right, wide left, wide right"),
    (SHOTGUN, 3, 2, 4, 1, "beside left, wide left, slot left, slot right, wide right"),
    (EMPTY, 0, 4, 8, 3, "wide left, inner right, slot left, slot right, wide right"),
    (EMPTY, 0, 3, 6, 2, "slot left, slot right, wide left, inner left, wide right"),
    (EMPTY, 6, 1, 2, 0, "inner right, wide left, slot left, slot right, wide right"),
    (SINGLEBACK, 0, 11, 1.5, 3, "behind, tight right, wide left, slot left, wide right"),
    (SINGLEBACK, 1, 10, 1, 8, "behind, tight right, tight left, wide left, wide right"),
    (SINGLEBACK, 4, 2, 0, 6, "behind, tight right, tight left, wing left, wide right"),
    (I_FORM, 2, 7, 0.5, 6, "behind, fullback, tight right, wide left, wide right"),
    (I_FORM, 5, 1, 0, 6, "behind, fullback, tight right, tight left, wide left"),
    (PISTOL, 0, 1, 0.4, 0.5, "behind, tight right, wide left, slot left, wide right"),
    (JUMBO, 4, 0, 0, 4, "behind, tight right, tight left, wing left, wide right"),
)
_TEMPLATE_FORMATION = np.array([t[0] for t in _TEMPLATES], dtype=np.int8)
_TEMPLATE_PERSONNEL = np.array([t[1] for t in _TEMPLATES], dtype=np.int8)
_TEMPLATE_CDF = np.cumsum(np.array([t[2:5] for t in _TEMPLATES], dtype=float).T, axis=1)
_TEMPLATE_CDF /= _TEMPLATE_CDF[:, -1:]
_TEMPLATE_SLOTS = np.array([[_SLOT_NAMES.index(name) for name in t[5].split(", ")] for t in _TEMPLATES])
NORMAL, PASSING, SHORT = range(3)  # kinds of down, the rows of _TEMPLATE_CDF and _DEFENCE_CDF

_LINE_DEPTH = np.array([1.45, 1.22, 0.70, 1.22, 1.45])  # yards behind the line of scrimmage, left tackle to right
_LINE_LATERAL = np.array([3.12, 1.52, 0.0, -1.52, -3.12])
_UNDER_CENTRE, _SHOTGUN_DEPTH = 1.62, 4.95  # yards behind the line of scrimmage
SIDELINE_ROOM = 2.0  # yards a receiver keeps from the sideline at the snap


def pick(cdf: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Index of the category that each uniform falls in, for cumulative shares `cdf` (..., K) and `uniform` (...)."""
    return (uniform[..., None] > cdf[..., :-1]).sum(axis=-1)


@dataclass(frozen=True)
class Offence:
    """The offence at the snap: `place` (N, 11) complex, `kind` (N, 5) of receiver, `position` (N, 11), and codes."""

    place: np.ndarray
    kind: np.ndarray
    position: np.ndarray
    formation: np.ndarray
    personnel: np.ndarray
    ball: np.ndarray
    under_centre: np.ndarray


def line_up_offence(line: np.ndarray, down_kind: np.ndarray, rng: np.random.Generator) -> Offence:
    """Draw formations and places of the offence.

    Args:
        line: x of the line of scrimmage (N,), yards.
        down_kind: NORMAL, PASSING or SHORT (N,).
        rng: Source of randomness.
    """
    n = len(line)
    template = pick(_TEMPLATE_CDF[down_kind], rng.random(n))
    formation, personnel = _TEMPLATE_FORMATION[template], _TEMPLATE_PERSONNEL[template]
    mirror = np.where(rng.random(n) < 0.5, 1.0, -1.0)[:, None]
    spot = rng.random(n)
    hash_y = np.select([spot < 0.4, spot < 0.8], [-HASH, HASH], rng.uniform(-HASH, HASH, n))
    ball_y = CENTRE_Y + hash_y + rng.normal(0, 0.12, n)
    under = np.isin(formation, (SINGLEBACK, I_FORM, JUMBO))

    slots = _TEMPLATE_SLOTS[template]  # (N, 5)
    lateral, depth, sd_lateral, sd_depth = np.moveaxis(_SLOT_TABLE[slots], -1, 0)
    lateral = mirror * (lateral + sd_lateral * rng.normal(size=(n, 5)))
    # Wide receivers line up by the numbers painted on the field rather than by the ball.
    lateral = lateral - np.where(_SLOT_KIND[slots] == WIDE, 0.55, 0.0) * hash_y[:, None]
    depth = depth + sd_depth * rng.normal(size=(n, 5))
    depth = np.where((formation == PISTOL)[:, None] & (_SLOT_KIND[slots] == BACK), depth + 0.8, np.maximum(depth, 0.5))
    y = np.clip(ball_y[:, None] + lateral, SIDELINE_ROOM, FOOTBALL.field_width - SIDELINE_ROOM)

    quarterback_depth = np.where(under, _UNDER_CENTRE, _SHOTGUN_DEPTH - (formation == PISTOL) * 0.8)
    quarterback_depth = quarterback_depth + np.where(under, 0.18, 0.4) * rng.normal(size=n)
    common = 0.25 * rng.normal(size=(n, 1))
    line_depth = np.maximum(_LINE_DEPTH + common + 0.22 * rng.normal(size=(n, 5)), 0.2)
    line_lateral = _LINE_LATERAL + 0.18 * rng.normal(size=(n, 5))

    place = np.empty((n, 11), dtype=complex)
    place[:, 0] = (line - quarterback_depth) + 1j * (ball_y + 0.08 * rng.normal(size=n))
    place[:, 1:6] = (line[:, None] - line_depth) + 1j * (ball_y[:, None] + line_lateral)
    place[:, 6:] = (line[:, None] - depth) + 1j * y
    position = np.empty((n, 11), dtype=np.int8)
    position[:, 0], position[:, 1:6], position[:, 6:] = (QB, OL, ELIGIBLE_POSITIONS[personnel])
    ball = (line - 0.65 + 0.3 * rng.normal(size=n)) + 1j * ball_y
    return Offence(place, _SLOT_KIND[slots], position, formation, personnel, ball, under)


# --- defence ---------------------------------------------------------------------------------------------------------

DEFENCE_PERSONNEL = (
    "4 DL, 2 LB, 5 DB",
    "2 DL, 4 LB, 5 DB",
    "3 DL, 3 LB, 5 DB",
    "4 DL, 1 LB, 6 DB",
    "3 DL, 2 LB, 6 DB",
    "4 DL, 3 LB, 4 DB",
    "3 DL, 4 LB, 4 DB",
)
_UNITS = np.array([[int(entry.split()[0]) for entry in name.split(", ")] for name in DEFENCE_PERSONNEL])
DEFENCE_POSITIONS = np.array([[DL] * a + [LB] * b + [DB] * c for a, b, c in _UNITS], dtype=np.int8)
# Weights by number of wide receivers' bodies: offence with three or more, two, and at most one wide receiver.
_DEFENCE_WEIGHTS = np.array(
    [[38, 19, 13, 11, 7, 6, 6], [22, 10, 5, 2, 1, 32, 28], [4, 3, 2, 0, 0, 50, 41]], dtype=float
)
_DEFENCE_CDF = np.cumsum(_DEFENCE_WEIGHTS / _DEFENCE_WEIGHTS.sum(1, keepdims=True), axis=1)

COVERAGES = ("Cover-0", "Cover-1", "2-Man", "Cover-2", "Cover-3", "Cover-4", "Cover-6")
COVER_0, COVER_1, TWO_MAN, COVER_2, COVER_3, COVER_4, COVER_6 = range(len(COVERAGES))
_COVERAGE_CDF = np.cumsum([0.025, 0.29, 0.03, 0.125, 0.36, 0.10, 0.07])
IS_MAN = np.array([True, True, True, False, False, False, False])

# What a defender is in the call, beyond his position.
(EDGE, INSIDE, OUTSIDE_BACKER, INSIDE_BACKER, CORNER_LEFT, CORNER_RIGHT, NICKEL, DIME, STRONG, FREE) = range(10)


def _jobs(n_line: int, n_backers: int, n_backs: int) -> list[int]:
    """The job of each defender, in the order line, linebackers, backs."""
    line = {2: [INSIDE] * 2, 3: [EDGE, INSIDE, EDGE], 4: [EDGE, INSIDE, INSIDE, EDGE]}[n_line]
    outside = max(0, 4 - n_line) if n_line < 3 else int(n_line == 3 and n_backers >= 3)
    backers = [OUTSIDE_BACKER] * outside + [INSIDE_BACKER] * (n_backers - outside)
    backs = [CORNER_LEFT, CORNER_RIGHT, *([NICKEL, DIME][: n_backs - 4]), STRONG, FREE]
    return line + backers + backs


_JOBS = np.array([_jobs(*units) for units in _UNITS])

# Who rushes first and who covers man to man first, by job: lower goes first.
_RUSH_PRIORITY = np.array([0, 0, 1, 2, 9, 9, 3, 6, 5, 8], dtype=float)
_MAN_PRIORITY = np.array([9, 9, 5.5, 5, 0, 1, 2, 3, 4, 8], dtype=float)

# Deep zones: depth beyond the line and yards to the left of the field's middle, by coverage and job. The two corners,
# the strong and the free safety are the only ones who may have one; others are NaN.
_DEEP = np.full((len(COVERAGES), 10, 2), np.nan)
_DEEP[COVER_1, FREE] = (15, 0)
_DEEP[[TWO_MAN, COVER_2], STRONG] = (15, 10.5)
_DEEP[[TWO_MAN, COVER_2], FREE] = (15, -10.5)
_DEEP[COVER_3, CORNER_LEFT], _DEEP[COVER_3, CORNER_RIGHT], _DEEP[COVER_3, FREE] = ((14, 16.5), (14, -16.5), (16, 0))
_DEEP[COVER_4, CORNER_LEFT], _DEEP[COVER_4, CORNER_RIGHT] = (14, 18), (14, -18)
_DEEP[COVER_4, STRONG], _DEEP[COVER_4, FREE] = (14, 6.5), (14, -6.5)
_DEEP[COVER_6, CORNER_LEFT], _DEEP[COVER_6, STRONG], _DEEP[COVER_6, FREE] = ((14, 18), (14, 6), (15, -12))
_UNDER_DEPTH = {0: 7.0, 1: 4.0}  # yards beyond the line: inner and outermost underneath zones
# Blitzes come with man coverage: chances of 3, 4, 5, 6 and 7 rushers by kind of coverage.
_RUSHERS = np.array(
    [
        [0.00, 0.06, 0.24, 0.45, 0.25],  # Cover 0
        [0.05, 0.50, 0.36, 0.085, 0.005],  # Cover 1
        [0.15, 0.80, 0.05, 0.0, 0.0],  # 2 man
        [0.16, 0.74, 0.08, 0.02, 0.0],  # Cover 2
        [0.09, 0.66, 0.21, 0.04, 0.0],  # Cover 3
        [0.20, 0.72, 0.08, 0.0, 0.0],  # Cover 4
        [0.13, 0.74, 0.12, 0.01, 0.0],  # Cover 6
    ]
)
_RUSHERS_CDF = np.cumsum(_RUSHERS, axis=1)

# Which lineman takes which rusher, both counted from the left; -1 for a rusher left to a back or to nobody.
MOST_RUSHERS = 7
_BLOCKS = np.full((2, MOST_RUSHERS + 1, MOST_RUSHERS), -1)
_BLOCKS[:, 3, :3] = (0, 2, 4)
_BLOCKS[:, 4, :4] = (0, 1, 3, 4)
_BLOCKS[:, 5, :5] = (0, 1, 2, 3, 4)
_BLOCKS[0, 6, :6], _BLOCKS[1, 6, :6] = (-1, 0, 1, 2, 3, 4), (0, 1, 2, 3, 4, -1)
_BLOCKS[:, 7, :7] = (-1, 0, 1, 2, 3, 4, -1)


@dataclass(frozen=True)
class Defence:
    """The defence at the snap and what each defender is to do.

    Args:
        place: (N, 11) complex.
        position: (N, 11) codes of POSITIONS.
        personnel: (N,) codes.
        coverage: (N,) codes.
        rusher: (N, 11) whether he rushes the passer; the sums are 3 to 7.
        mark: (N, 11) entity 6-10 whom he covers man to man, -1 if none.
        landmark: (N, 11) complex place of his zone, NaN if he has none.
        deep: (N, 11) whether the zone is a deep one.
        blocker: (N, 11) entity 1-5 that blocks this rusher, -1 if nobody was assigned.
        edge: (N, 11) +1 rushes around the left tackle, -1 around the right one, 0 inside.
        press: (N, 11) whether he lines up within reach of his man.
    """

    place: np.ndarray
    position: np.ndarray
    personnel: np.ndarray
    coverage: np.ndarray
    rusher: np.ndarray
    mark: np.ndarray
    landmark: np.ndarray
    deep: np.ndarray
    blocker: np.ndarray
    edge: np.ndarray
    press: np.ndarray


def line_up_defence(offence: Offence, line: np.ndarray, rng: np.random.Generator) -> Defence:
    """Draw the defence's personnel, coverage, rushers and places against an offence.

    Args:
        offence: The offence as lined up.
        line: x of the line of scrimmage (N,), yards.
        rng: Source of randomness.
    """
    n = len(line)
    plays = np.arange(n)[:, None]
    wides = (offence.position[:, 6:] == WR).sum(1)
    personnel = pick(_DEFENCE_CDF[np.select([wides >= 3, wides == 2], [0, 1], 2)], rng.random(n)).astype(np.int8)
    to_goal = 110.0 - line
    coverage = pick(_COVERAGE_CDF, rng.random(n)).astype(np.int8)
    coverage = np.where((to_goal < 8) & (rng.random(n) < 0.5), COVER_1, coverage).astype(np.int8)
    man = IS_MAN[coverage]
    job = _JOBS[personnel]

    rushers = 3 + pick(_RUSHERS_CDF[coverage], rng.random(n))
    rush_rank = _rank(_RUSH_PRIORITY[job] + 0.5 * rng.random((n, 11)))
    rusher = rush_rank < rushers[:, None]

    deep_zone = _DEEP[coverage[:, None], job]  # (N, 11, 2)
    deep = ~np.isnan(deep_zone[..., 0]) & ~rusher
    receivers = offence.place[:, 6:]
    order = _outside_in(receivers, offence.ball)  # (N, 5) receivers from the outside, left first
    free = ~rusher & ~deep
    man_rank = _rank(np.where(free, _MAN_PRIORITY[job] + 0.3 * rng.random((n, 11)), 99.0))
    covers_man = free & man[:, None] & (man_rank < 5)
    mark = np.where(covers_man, 6 + order[plays, np.minimum(man_rank, 4)], -1)
    # The man whom a defender lines up over, also in a zone.
    over = order[plays, np.minimum(_rank(np.where(rusher, 99.0, _MAN_PRIORITY[job])), 4)]

    place, press, edge = _places(offence, line, job, rusher, deep, mark, over, coverage, rng)
    landmark = _landmarks(line, place, deep, deep_zone, free & ~covers_man, order, receivers, rng)
    blocker = _blocks(place, rusher, rushers, rng)
    position = DEFENCE_POSITIONS[personnel]
    return Defence(place, position, personnel, coverage, rusher, mark, landmark, deep, blocker, edge, press)


def _rank(key: np.ndarray) -> np.ndarray:
    """Rank of each entry along the last axis, 0 the smallest."""
    return np.argsort(np.argsort(key, axis=-1), axis=-1)


def _outside_in(receivers: np.ndarray, ball: np.ndarray) -> np.ndarray:
    """Receivers by width: the widest on the left, the widest on the right, then the others from the outside in."""
    lateral = receivers.imag - ball.imag[:, None]
    width = np.abs(lateral)
    plays = np.arange(len(lateral))
    key = -width
    left, right = np.argmax(lateral, axis=1), np.argmin(lateral, axis=1)
    key[plays, left] = -200.0
    key[plays, right] = -100.0
    return np.argsort(key, axis=1)


def _places(offence, line, job, rusher, deep, mark, over, coverage, rng):
    """Places at the snap, who presses, and on which side a rusher comes."""
    n = len(line)
    normal = rng.normal(size=(n, 11, 2))
    ball_y = offence.ball.imag[:, None]
    x_line = line[:, None]
    receiver = np.take_along_axis(offence.place[:, 6:], over, axis=1)
    inside = np.sign(ball_y - receiver.imag)

    # Linemen and linebackers in order of index are dealt from left to right.
    front = np.isin(job, (EDGE, INSIDE, OUTSIDE_BACKER))
    edge_player = np.isin(job, (EDGE, OUTSIDE_BACKER))
    first_half = np.cumsum(edge_player, axis=1) % 2 == 1
    side = np.where(first_half, 1.0, -1.0)
    inside_count = (job == INSIDE).sum(1, keepdims=True)
    inside_rank = np.cumsum(job == INSIDE, axis=1) - 1
    inside_y = np.where(inside_count == 1, 0.4 * normal[..., 0], 1.75 - 3.5 * inside_rank)
    front_y = np.where(job == INSIDE, inside_y, side * (4.6 + 0.4 * np.abs(normal[..., 0]))) + 0.35 * normal[..., 1]
    front_x = np.where(job == OUTSIDE_BACKER, 1.1, 0.62) + 0.28 * normal[..., 0]

    backer_count = (job == INSIDE_BACKER).sum(1, keepdims=True)
    backer_rank = np.cumsum(job == INSIDE_BACKER, axis=1) - 1
    backer_y = (backer_count - 1 - 2 * backer_rank) * 2.8
    show = rusher & (job == INSIDE_BACKER) & (rng.random((n, 11)) < 0.55)
    backer_x = np.where(show, 1.3, 4.3) + 0.75 * normal[..., 0] * np.where(show, 0.4, 1.0)

    corner = np.isin(job, (CORNER_LEFT, CORNER_RIGHT))
    slot_back = np.isin(job, (NICKEL, DIME))
    man = mark >= 0
    press = (rng.random((n, 11)) < np.where(man, np.where(corner, 0.6, 0.5), 0.35)) & (corner | slot_back) & ~deep
    off = np.where(corner, 5.0, 4.0) + 1.8 * normal[..., 0]
    cover_x = np.where(press, 1.3 + 0.25 * normal[..., 0], np.maximum(off, 2.0))
    shade = np.where(coverage[:, None] == COVER_2, -0.8, 0.7)
    cover_y = receiver.imag - ball_y + shade * inside + 0.5 * normal[..., 1]

    high = rng.random((n, 1)) < np.where(np.isin(coverage, (COVER_1, COVER_3)), 0.3, 0.9)[:, None]  # two high safeties
    safety_side = np.where(job == STRONG, 1.0, -1.0)
    strong_x = np.where(high, 11.5, 7.0) + np.where(high, 2.2, 2.3) * normal[..., 0]
    safety_x = np.where(job == FREE, np.where(high, 11.8, 13.0) + 2.4 * normal[..., 0], strong_x)
    safety_y = np.where(
        (job == FREE) & ~high, -ball_y + CENTRE_Y + 1.8 * normal[..., 1], safety_side * 7.0 + 2.0 * normal[..., 1]
    )
    low = coverage[:, None] == COVER_0
    safety_x = np.where(low, 6.0 + 1.2 * normal[..., 0], safety_x)
    blitzing_back = rusher & np.isin(job, (NICKEL, DIME, STRONG, FREE))

    x = np.select([front, job == INSIDE_BACKER, corner | slot_back], [front_x, backer_x, cover_x], safety_x)
    y = np.select(
        [front, job == INSIDE_BACKER, corner | slot_back], [front_y, backer_y + 0.9 * normal[..., 1], cover_y], safety_y
    )
    # A linebacker or safety with a man lines up between his place and that man.
    pulled = man & ~(corner | slot_back) & ~front
    y = np.where(pulled, 0.35 * y + 0.65 * np.clip(receiver.imag - ball_y, -9, 9), y)
    x = np.where(pulled & (job != INSIDE_BACKER), np.minimum(x, 8.0), x)
    y = np.where(blitzing_back, np.sign(y + 0.01) * np.minimum(np.abs(y), 6.5), y)
    x = np.where(blitzing_back, np.minimum(x, 2.5 + np.abs(normal[..., 0])), x)
    x = np.clip(x, 0.25, 110.0 - x_line + 8.0)
    x = np.maximum(x, np.where(front, 0.0, 0.8))
    field_y = np.clip(ball_y + y, 1.5, FOOTBALL.field_width - 1.5)
    edge = np.where(rusher & (np.abs(field_y - ball_y) > 3.2), np.sign(field_y - ball_y), 0.0)
    return (x_line + x) + 1j * field_y, press, edge


def _landmarks(line, place, deep, deep_zone, under, order, receivers, rng):
    """Zones: the deep ones by job, the underneath ones dealt from left to right over the width of the field."""
    n = len(line)
    count = np.maximum(under.sum(1, keepdims=True), 1)
    rank = _rank(np.where(under, -place.imag, np.inf))
    share = np.where(count > 1, 1 - 2 * rank / np.maximum(count - 1, 1), 0.0)  # 1 leftmost, -1 rightmost
    outer = (np.abs(share) > 0.99) & (count > 2)
    span = np.where(count >= 4, 15.0, np.where(count >= 2, 11.0, 0.0))
    depth = np.where(outer, _UNDER_DEPTH[1], _UNDER_DEPTH[0]) + 1.0 * rng.normal(size=(n, 11))
    x = np.where(deep, deep_zone[..., 0], depth)
    y = np.where(deep, deep_zone[..., 1], span * share) + 1.0 * rng.normal(size=(n, 11))
    x = np.minimum(x, (110.0 - line + 7.5)[:, None])
    landmark = (line[:, None] + x) + 1j * (CENTRE_Y + y)
    return np.where(deep | under, landmark, np.nan)


def _blocks(place, rusher, rushers, rng):
    """The lineman (entity 1-5) of each rusher, -1 for none: both lines are dealt from left to right."""
    n = len(rushers)
    rank = _rank(np.where(rusher, -place.imag, np.inf))
    side = rng.integers(0, 2, n)
    lineman = _BLOCKS[side[:, None], rushers[:, None], np.minimum(rank, MOST_RUSHERS - 1)]
    return np.where(rusher & (lineman >= 0), lineman + 1, -1)
