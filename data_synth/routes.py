"""The route tree: what each receiver is to run, as a desired velocity for every tenth of a second.

A route is a few straight legs, each with yards forward, yards inward (towards the ball; negative is towards the
sideline) and a pace (share of the receiver's top speed); the last leg goes on. A receiver slows down before a sharp
break. Chapter: meeting the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = [
    "WIDE",
    "SLOT",
    "TIGHT",
    "BACK",
    "CONCEPTS",
    "ROUTES",
    "ROUTE_NAMES",
    "Route",
    "route_index",
    "route_velocity",
]

WIDE, SLOT, TIGHT, BACK = range(4)  # kinds of receiver by where he lines up
KINDS = ("wide", "slot", "tight", "back")
CONCEPTS = ("screen", "quick", "dropback", "deep", "goal line")
SCREEN, QUICK, DROPBACK, DEEP, GOAL_LINE = range(len(CONCEPTS))


@dataclass(frozen=True)
class Route:
    """A route.

    Args:
        legs: One tuple a leg: yards forward, yards inward, pace as a share of the top speed.
        appeal: How early the passer looks there, in reads.
        delay: Seconds that the receiver waits after the snap.
        settles: Whether he stands where the last leg ends instead of running on.
        screen: Whether the pass is a screen.
    """

    legs: tuple[tuple[float, float, float], ...]
    appeal: float
    delay: float = 0.0
    settles: bool = False
    screen: bool = False


ROUTES = {
    "go": Route(((12, -0.6, 0.97), (60, -0.5, 1.0)), 0.2),
    "fade": Route(((5, -1.5, 0.9), (12, -4.0, 0.95)), 0.8),
    "seam": Route(((9, 0.3, 0.93), (50, 1.0, 0.97)), 0.3),
    "post": Route(((12, 0.2, 0.93), (22, 10, 0.96)), 0.4),
    "corner": Route(((11, 0.5, 0.92), (17, -14, 0.94)), 0.5),
    "dig": Route(((12, 0.0, 0.92), (0.5, 30, 0.82)), 0.5),
    "cross": Route(((5, 0.5, 0.85), (8, 26, 0.85)), 0.7),
    "out": Route(((10, 0.0, 0.92), (-0.5, -18, 0.85)), 0.5),
    "comeback": Route(((14.5, 0.0, 0.96), (-2.8, -3.2, 0.65)), 0.5, settles=True),
    "curl": Route(((11, 0.0, 0.93), (-2.3, 1.2, 0.55)), 0.6, settles=True),
    "hitch": Route(((5.6, 0.0, 0.9), (-1.2, 0.6, 0.5)), 0.9, settles=True),
    "sit": Route(((5.5, 0.5, 0.82), (-0.3, 0.6, 0.4)), 0.8, settles=True),
    "slant": Route(((3.6, -0.3, 0.88), (14, 13, 0.88)), 1.0),
    "quick out": Route(((4.3, 0.0, 0.86), (-0.2, -16, 0.84)), 0.9),
    "drag": Route(((1.8, 0.8, 0.75), (3.0, 30, 0.8)), 0.6),
    "flat": Route(((1.5, -1.5, 0.75), (2.0, -14, 0.8)), 0.6),
    "swing": Route(((-0.6, -4.5, 0.62), (2.5, -8, 0.68), (8, -0.5, 0.7)), 0.1),
    "check": Route(((3.0, -1.0, 0.4), (5.5, -1.2, 0.6), (-0.4, 0.8, 0.3)), 0.0, delay=0.5, settles=True),
    "angle": Route(((6.5, -4.0, 0.65), (5.0, 9, 0.72)), 0.4),
    "wheel": Route(((2.0, -8.0, 0.75), (40, -1.5, 0.95)), 0.2),
    "bubble": Route(((-1.2, -2.5, 0.65), (1.0, -7, 0.7)), 0.0, screen=True),
    "now": Route(((1.0, 0.0, 0.6), (-1.8, 0.8, 0.4)), 0.0, settles=True, screen=True),
    "tunnel": Route(((1.5, 0.0, 0.6), (-3.2, 4.5, 0.65), (1.5, 5, 0.5)), 0.0, screen=True),
    "slip": Route(((1.6, -0.6, 0.2), (0.6, -5.5, 0.6), (0.6, -1.0, 0.3)), 0.0, delay=0.35, settles=True, screen=True),
    "stalk": Route(((4.0, 0.0, 0.6), (1.0, 0.3, 0.25)), -3.0, settles=True),
    "block": Route(((0.0, 0.0, 0.0),), -9.0, settles=True),
}
ROUTE_NAMES = tuple(ROUTES)
BLOCK = ROUTE_NAMES.index("block")
MOST_LEGS = max(len(route.legs) for route in ROUTES.values())

# What each kind of receiver runs in each concept: shares, which need not sum to one.
_SHARES = {
    "screen": {
        "wide": {"now": 2, "tunnel": 1.5, "stalk": 5, "go": 1},
        "slot": {"bubble": 3, "stalk": 5, "seam": 1},
        "tight": {"stalk": 3, "flat": 1, "block": 3},
        "back": {"slip": 5, "swing": 3, "flat": 1},
    },
    "quick": {
        "wide": {"hitch": 4, "slant": 5, "go": 2.5, "quick out": 2, "fade": 1, "curl": 1},
        "slot": {"quick out": 3, "slant": 2, "sit": 3, "drag": 2, "seam": 1.5, "hitch": 1, "flat": 1},
        "tight": {"sit": 4, "drag": 2, "flat": 3, "seam": 1.5, "block": 2.5},
        "back": {"flat": 3, "swing": 3, "check": 3, "angle": 1, "block": 3},
    },
    "dropback": {
        "wide": {
            "go": 4,
            "curl": 4,
            "dig": 3.5,
            "out": 2.5,
            "comeback": 2,
            "post": 3,
            "slant": 2,
            "cross": 1.5,
            "drag": 1,
            "hitch": 1,
        },
        "slot": {"cross": 3, "seam": 3, "corner": 2, "dig": 2, "out": 2, "drag": 3, "sit": 2, "post": 1.5},
        "tight": {"sit": 3, "cross": 2, "drag": 2, "corner": 1.2, "seam": 2, "flat": 2, "out": 1.5, "block": 3.5},
        "back": {"check": 4, "flat": 2, "swing": 2, "angle": 1.3, "wheel": 0.7, "block": 4},
    },
    "deep": {
        "wide": {"go": 6, "post": 5, "comeback": 2, "dig": 2.5, "corner": 1.5, "curl": 1},
        "slot": {"post": 3, "corner": 3, "seam": 3, "cross": 4, "dig": 1},
        "tight": {"cross": 3, "corner": 2, "flat": 2.5, "seam": 2, "block": 6},
        "back": {"check": 3, "flat": 2.5, "wheel": 1, "block": 6},
    },
    "goal line": {
        "wide": {"fade": 4, "slant": 4, "quick out": 2, "go": 1, "corner": 1, "curl": 0.5},
        "slot": {"quick out": 3, "drag": 2, "corner": 2, "sit": 2, "slant": 2},
        "tight": {"flat": 3, "drag": 2, "corner": 2, "sit": 2, "block": 2},
        "back": {"flat": 4, "swing": 2, "angle": 1, "block": 3},
    },
}


def route_index(name: str) -> int:
    """Number of the route called `name`.

    Raises:
        ValueError: If there is no such route.
    """
    if name not in ROUTES:
        raise ValueError(f"route={name!r}: expected one of {', '.join(ROUTE_NAMES)}")
    return ROUTE_NAMES.index(name)


def _share_table() -> np.ndarray:
    table = np.zeros((len(CONCEPTS), len(KINDS), len(ROUTES)))
    for concept, kinds in _SHARES.items():
        for kind, shares in kinds.items():
            for name, share in shares.items():
                table[CONCEPTS.index(concept), KINDS.index(kind), route_index(name)] = share
    return table / table.sum(-1, keepdims=True)


SHARES_CDF = np.cumsum(_share_table(), axis=-1)
APPEAL = np.array([route.appeal for route in ROUTES.values()])
IS_SCREEN = np.array([route.screen for route in ROUTES.values()])
_DELAY = np.array([route.delay for route in ROUTES.values()])
_SETTLES = np.array([route.settles for route in ROUTES.values()])
_LEGS = np.array([[*route.legs, *[route.legs[-1]] * (MOST_LEGS - len(route.legs))] for route in ROUTES.values()])
_COUNT = np.array([len(route.legs) for route in ROUTES.values()])

START_LAG = 0.42  # seconds lost to the start, against running the first leg at full pace
BREAK_SECONDS, BREAK_PACE = 0.35, 0.55  # before a sharp break a receiver slows down to this share of his pace
SHARP = 0.5  # cosine of the turn below which a break is sharp
SETTLED_PACE = 0.1


def route_velocity(
    route: np.ndarray,
    side: np.ndarray,
    top_speed: np.ndarray,
    depth_scale: np.ndarray,
    hold: np.ndarray,
    bend: np.ndarray,
    curl: np.ndarray,
    n_steps: int,
    dt: float,
) -> np.ndarray:
    """Desired velocity of every receiver at every step after the snap.

    Args:
        route: Numbers of routes (N, 5).
        side: +1 if "inward" is towards smaller y (the receiver is left of the ball), else -1 (N, 5).
        top_speed: yards/s (N, 5).
        depth_scale: Factor on the yards forward of all legs but the last (N, 5).
        hold: Seconds that a press at the line costs (N, 5).
        bend: Radians by which each leg is turned (N, 5, legs).
        curl: Radians a second by which the whole route curves (N, 5).
        n_steps: Number of steps.
        dt: Seconds a step.

    Returns:
        Complex velocities (n_steps, N, 5), yards/s.
    """
    legs = _LEGS[route]  # (N, 5, legs, 3)
    count = _COUNT[route][..., None]
    which = np.arange(MOST_LEGS)
    last = which >= count - 1
    forward = legs[..., 0] * np.where(last & ~_SETTLES[route][..., None], 1.0, depth_scale[..., None])
    vector = (forward - 1j * side[..., None] * legs[..., 1]) * np.exp(1j * bend)
    length = np.abs(vector)
    heading = vector / np.maximum(length, 1e-6)
    pace = legs[..., 2] * top_speed[..., None]
    seconds = length / np.maximum(pace, 0.3)
    seconds[..., 0] += START_LAG + hold
    end = _DELAY[route][..., None] + np.cumsum(seconds, axis=-1)
    turn = (np.roll(heading, -1, axis=-1) * heading.conj()).real
    sharp = ~last & (turn < SHARP)

    t = np.arange(n_steps)[:, None, None] * dt
    velocity = np.zeros((n_steps, *route.shape), dtype=complex)
    start = np.broadcast_to(_DELAY[route], route.shape)
    for leg in range(MOST_LEGS):
        final = last[..., leg]
        stop = np.where(final & ~_SETTLES[route], np.inf, end[..., leg])
        # After a route that settles its receiver drifts on slowly.
        speed = pace[..., leg] * np.where(sharp[..., leg] & (t > stop - BREAK_SECONDS), BREAK_PACE, 1.0)
        speed = np.where(final & (t >= stop), SETTLED_PACE * top_speed, speed)
        velocity = np.where((t >= start) & ((t < stop) | final), speed * heading[..., leg], velocity)
        start = np.where(final, np.inf, stop)
    # Corners are run round: the mean over half a second.
    total = np.cumsum(np.concatenate([np.repeat(velocity[:1] * 0, 1, 0), velocity]), axis=0)
    ends = np.clip(np.arange(n_steps)[:, None] + np.array([-2, 3]), 0, n_steps)
    smooth = (total[ends[:, 1]] - total[ends[:, 0]]) / (ends[:, 1] - ends[:, 0])[:, None, None]
    return smooth * np.exp(1j * curl * t)
