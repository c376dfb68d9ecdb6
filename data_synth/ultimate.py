"""Possessions of ultimate that never happened, in the file format of Ultimate Track.

A labelled stand-in for readers without the real files: 7 against 7 on 94 m by 37 m at 15 frames a second. Two handlers
play around the disc and five cutters run from a stack ahead of it; every defender follows one of them, a little late.
For each throw a team-mate starts a run, beside the disc, towards it or away from it, and the disc leaves for where it
will meet the runner unless that spot is covered. Which run it will be leans on the place of the disc: resets near a
sideline and before the end zone, long throws with room ahead. So what the disc gains is partly, and only partly,
written in the tracks before the release. Gains, holds, flights, speeds and distances between players are tuned to the
real ones (a test holds both to the same bands). Chapter: real tracking data.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from qbsbp.schema import ULTIMATE

__all__ = ["Possessions", "make_possessions", "write_ultimate_track"]

GAMES = 4
FRAMES_PER_SECOND = ULTIMATE.frames_per_second
DT = 1 / FRAMES_PER_SECOND
LENGTH, WIDTH, GOAL_LINE = ULTIMATE.field_length, ULTIMATE.field_width, ULTIMATE.goal_line
TEAM = 7
LONGEST = 80 * FRAMES_PER_SECOND  # frames; a possession still going on is cut there

TOP_SPEED = 7.6  # m/s
TOP_ACCELERATION = 9.0  # m/s²
DISC_SPEED = (9.2, 12.4)  # m/s
KINDS = ("reset", "under", "deep")  # throws: beside the disc, to a runner coming in, to one running away
FIRST_CUTTER, SPACING = 7.5, 3.0  # m ahead of the disc, and from one cutter of the stack to the next


@dataclass(frozen=True)
class Possessions:
    """Simulated possessions and what happened in them.

    Args:
        files: For each file name `<game>_<point>_<possession>.csv` its rows, with the published columns and rounding.
        throws: One row a throw: `file`, `throw`, `thrower_id`, `receiver_id` (whom it was meant for), `release_frame`,
            `catch_frame` (when it would arrive), `gain` (metres; missing if it was lost) and `completed`.
    """

    files: dict[str, pd.DataFrame]
    throws: pd.DataFrame


def make_possessions(n_possessions: int, *, seed: int) -> Possessions:
    """Simulate possessions, dealt to four games in turn.

    Possession i depends on `seed` and i only, so a longer league begins with the shorter one.

    Args:
        n_possessions: How many, at least 1.
        seed: Seed, an integer of at least 0.

    Returns:
        The files' content and the throws.

    Raises:
        ValueError: `n_possessions` or `seed` is not such an integer.
    """
    for name, value, least in (("n_possessions", n_possessions, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name}: expected an integer of at least {least}, came {value!r}.")
    files, throws = {}, []
    for i in range(n_possessions):
        game, nth = i % GAMES + 1, i // GAMES
        name = f"{game}_{nth // 99 + 1}_{nth % 99 + 1}.csv"
        rng = np.random.default_rng([seed, i])
        tightness = np.random.default_rng([seed, 1_000_000 + game]).normal(0.0, 0.1)  # of this game's defence
        play = _Play(rng, tightness)
        play.run()
        files[name] = play.rows()
        throws.append(play.throws().assign(file=name))
    table = pd.concat(throws, ignore_index=True)
    return Possessions(files, table[["file", *table.columns.drop("file")]])


def write_ultimate_track(directory: str | os.PathLike[str], n_possessions: int = 64, *, seed: int) -> list[Path]:
    """Write simulated possessions as `qbsbp.datasets.ultimate_track.read(directory, verify=False)` reads them.

    Each file is written under a temporary name and renamed. Beside them goes a note that the data are simulated.

    Args:
        directory: Folder to write to; made if it does not exist.
        n_possessions: How many.
        seed: Seed; the same one gives the same bytes.

    Returns:
        The files, in the order of the possessions.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "SIMULATED.txt", f"Simulated by data_synth.ultimate with seed {seed}; not Ultimate Track.\n")
    paths = []
    for name, rows in make_possessions(n_possessions, seed=seed).files.items():
        _write(folder / name, rows.to_csv(index=False, lineterminator="\n"))
        paths.append(folder / name)
    return paths


def _write(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


class _Play:
    """One possession, frame by frame. Rows 0 to 6 of the arrays attack, row 7 + i marks row i."""

    def __init__(self, rng: np.random.Generator, tightness: float) -> None:
        self.rng = rng
        self.ids = rng.permutation(2 * TEAM) + 1  # identities 1 to 14 of the rows, as mixed as in the published files
        start = np.array([np.clip(rng.gamma(4.0, 5.5) + 9, 9, 64), rng.uniform(2, WIDTH - 2)])
        self.handlers = [0, 1]
        self.place = np.zeros((2 * TEAM, 2))
        self.place[0] = start
        self.place[1] = start + np.array([0.0, rng.choice([-6.0, 6.0])]) + rng.normal(0, 1.5, 2)
        depth = start[0] + FIRST_CUTTER + SPACING * np.arange(5)
        self.place[2:TEAM] = np.stack([depth, np.full(5, _stack(start[1]))], axis=1) + rng.normal(0, 1.5, (5, 2))
        self.velocity = rng.normal(0, 0.4, (2 * TEAM, 2))
        self.top = TOP_SPEED * rng.uniform(0.86, 1.0, 2 * TEAM)
        self.cushion = np.clip(rng.normal(1.3, 0.35, TEAM) - tightness, 0.6, 3.0)  # metres kept from the player marked
        self.late = rng.integers(3, 8, TEAM)  # frames by which a defender reacts late
        self.side = rng.choice([-1.0, 1.0])  # the side that the marker takes away
        self.place[TEAM:] = self.place[:TEAM] + self._shade(start) * self.cushion[:, None]
        self.place[TEAM:] += rng.normal(0, 0.5, (TEAM, 2))
        self.place = _inside(self.place)
        self.target = self.place[:TEAM].copy()
        self.effort = np.full(TEAM, 0.5)  # share of top speed an attacker runs at
        self.until = rng.uniform(0, 1.5, TEAM)  # time at which an attacker thinks of something else
        self.holder = 0  # -1 while the disc flies
        self.track, self.held, self.log = [], [], []
        self.flight: tuple[int, int, bool] | None = None  # receiver, frame of arrival, completed
        self.meet = start
        self._plan(0.0)

    def run(self) -> None:
        """Play until a goal, a loss or the longest time."""
        frame, last = 0, LONGEST - 1
        while frame <= last:
            if self.flight is not None and frame == self.flight[1]:
                receiver, _, completed = self.flight
                if completed:
                    self.holder, self.flight = receiver, None
                    self._rename_handlers()
                    self._plan(frame * DT)
                    away = [i for i in range(TEAM) if i not in self.handlers]
                    self.until[away] = np.minimum(self.until[away], frame * DT + self.rng.uniform(0.1, 0.7, len(away)))
                    if self.place[receiver, 0] >= GOAL_LINE:  # a goal: the clip runs on for a moment
                        last = min(last, frame + int(self.rng.integers(2, 20)))
                else:
                    last = frame
            self.track.append(self.place.copy())
            self.held.append(self.holder)
            if self.holder >= 0 and last == LONGEST - 1:
                self._consider_a_throw(frame)
            self._decide(frame)
            self._move(frame)
            frame += 1

    def _rename_handlers(self) -> None:
        """The holder and the nearest team-mate are the handlers."""
        gap = np.hypot(*(self.place[:TEAM] - self.place[self.holder]).T)
        self.handlers = list(np.argsort(gap, kind="stable")[:2])

    def _shade(self, disc: np.ndarray) -> np.ndarray:
        """Unit vector from each attacker to where the defender wants to stand: towards the disc, or deeper."""
        to_disc = disc - self.place[:TEAM]
        to_disc /= np.maximum(np.hypot(*to_disc.T), 1e-6)[:, None]
        deep = np.array([1.0, 0.0])
        weight = np.where(self.place[:TEAM, 0] - disc[0] > 18, 0.9, 0.35)[:, None]
        shade = (1 - weight) * to_disc + weight * deep
        return shade / np.maximum(np.hypot(*shade.T), 1e-6)[:, None]

    def _plan(self, now: float) -> None:
        """What the offence will try next: a kind of throw, a receiver, the start of the run and the release."""
        rng, disc = self.rng, self.place[self.holder]
        room = GOAL_LINE - disc[0]
        trapped = np.exp(-min(disc[1], WIDTH - disc[1]) / 4.0)  # near 1 at a sideline
        deep = 0.08 / (1 + np.exp((36.0 - room) / 8.0))  # little room, few long throws
        reset = min(0.17 + 0.5 * trapped + 0.25 / (1 + np.exp((room - 14.0) / 4.0)), 0.85)
        self.kind = KINDS[rng.choice(3, p=[reset, 1.0 - reset - deep, deep])]
        mates = [i for i in np.argsort(self.place[:TEAM, 0], kind="stable") if i != self.holder]
        cutters = [i for i in mates if i not in self.handlers]
        if self.kind == "reset":
            self.receiver = next(i for i in self.handlers if i != self.holder)
        elif self.kind == "under":
            self.receiver = int(rng.choice(cutters))
        else:
            self.receiver = int(rng.choice(cutters[2:]))  # one of the deeper ones
        self.start = now + rng.gamma(1.2, 0.65)
        self.release = self.start + {"reset": 1.1, "under": 1.9, "deep": 1.8}[self.kind] * rng.uniform(0.8, 1.25)
        self.started = False

    def _decide(self, frame: int) -> None:
        """New targets: for the planned receiver at the start, for everyone else whenever their time is up."""
        rng, now = self.rng, frame * DT
        disc = self.place[self.holder] if self.holder >= 0 else self.meet
        if self.holder >= 0 and not self.started and now >= self.start:
            i, side = self.receiver, rng.choice([-1.0, 1.0])
            spot = {
                "reset": disc
                + np.array([rng.normal(-0.3, 3.0), np.sign(self.place[i, 1] - disc[1]) * rng.uniform(3, 8)]),
                "under": disc + np.array([rng.uniform(3, 13), side * rng.uniform(2, 10)]),
                "deep": self.place[i] + np.array([40.0, side * rng.uniform(0, 12)]),
            }[self.kind]
            self._send(i, spot, rng.uniform(0.8, 1.0))
            self.until[i], self.started = self.release + 0.3, True
        for i in np.flatnonzero(self.until <= now):
            if i == self.holder or (self.flight is not None and i == self.flight[0]):
                self.until[i] = now + 0.3
            elif i in self.handlers:
                side = 1.0 if self.place[i, 1] >= disc[1] else -1.0
                self._send(i, disc + np.array([rng.normal(0.3, 2.0), side * rng.uniform(4, 8)]), rng.uniform(0.3, 0.6))
                self.until[i] = now + rng.uniform(0.6, 1.8)
            else:
                order = sorted(set(range(TEAM)) - set(self.handlers), key=lambda j: self.place[j, 0])
                depth = FIRST_CUTTER + SPACING * order.index(i)
                spot = np.array([min(disc[0] + depth, LENGTH - 4), _stack(disc[1])])
                if rng.random() < 0.1:  # a feint
                    spot = spot + rng.normal(0, 5, 2)
                hurry = np.clip(np.hypot(*(spot - self.place[i])) / 12, 0.3, 0.85)  # the more, the farther
                self._send(i, spot + rng.normal(0, 1.2, 2), hurry)
                self.until[i] = now + rng.uniform(0.8, 2.2)

    def _send(self, i: int, spot: np.ndarray, effort: float) -> None:
        self.target[i] = _inside(spot)
        self.effort[i] = effort

    def _move(self, frame: int) -> None:
        target, speed = np.empty((2 * TEAM, 2)), self.top.copy()
        target[:TEAM], speed[:TEAM] = self.target, self.top[:TEAM] * self.effort
        disc = self.place[self.holder] if self.holder >= 0 else self.meet
        if self.holder >= 0:
            target[self.holder], speed[self.holder] = self.place[self.holder], 0.5
        if self.flight is not None:
            target[self.flight[0]], speed[self.flight[0]] = self.meet, self.top[self.flight[0]]
        seen = np.array([self.track[max(frame - late, 0)][i] for i, late in enumerate(self.late)])
        target[TEAM:] = seen + self._shade(disc) * self.cushion[:, None]
        if self.holder >= 0:
            target[TEAM + self.holder] = disc + np.array([0.9, 0.8 * self.side])

        way = target - self.place
        wanted = way / 0.5
        size = np.maximum(np.hypot(*wanted.T), 1e-9)
        wanted *= np.minimum(1.0, speed / size)[:, None]
        push = (wanted - self.velocity) / 0.35 + self.rng.normal(0, 0.8, way.shape)
        size = np.maximum(np.hypot(*push.T), 1e-9)
        push *= np.minimum(1.0, TOP_ACCELERATION / size)[:, None]
        self.velocity += push * DT
        self.place = self.place + self.velocity * DT

    def _consider_a_throw(self, frame: int) -> None:
        """When the plan says so, throw to where the receiver will be; if that spot is covered, plan anew."""
        now, i = frame * DT, self.receiver
        if now < self.release:
            return
        disc, speed = self.place[self.holder], self.rng.uniform(*DISC_SPEED)
        time = np.hypot(*(self.place[i] - disc)) / speed
        for _ in range(3):  # where the disc meets the runner, who runs on
            spot = self.place[i] + self.velocity[i] * min(time, 2.0)
            time = np.hypot(*(spot - disc)) / speed
        guard = self.place[TEAM:] + self.velocity[TEAM:] * min(time, 0.6)
        open_by = np.hypot(*(guard - spot).T).min()
        far = np.hypot(*(spot - disc))
        outside = not (0.5 < spot[1] < WIDTH - 0.5 and spot[0] < LENGTH - 1)
        covered = self.rng.random() < 1 / (1 + np.exp(4.0 * (open_by - 1.0)))
        if outside or covered or far < 2.5:
            self._plan(now)
            return
        flight = max(4, round(time * FRAMES_PER_SECOND))
        lost = 1 / (1 + np.exp(1.25 - 0.05 * (far - 10) + 0.4 * (open_by - 2.0)))
        completed = bool(self.rng.random() > lost)
        self.log.append((self.holder, i, frame, frame + flight, completed))
        self.meet = _inside(spot)
        self.flight, self.holder = (i, frame + flight, completed), -1

    def rows(self) -> pd.DataFrame:
        """The possession in the published format."""
        place, held = np.round(np.array(self.track), 2), np.array(self.held)
        n = len(place)
        disc = np.where((held >= 0)[:, None], place[np.arange(n), held], np.nan)
        for _, receiver, release, arrival, completed in self.log:
            if completed and arrival < n:  # a straight line at constant speed to where it is caught
                share = np.arange(1, arrival - release)[:, None] / (arrival - release)
                disc[release + 1 : arrival] = disc[release] + share * (place[arrival, receiver] - disc[release])
            else:  # the publisher leaves most of these where they were released
                disc[release + 1 :] = disc[release]
        everyone = np.round(np.concatenate([place, disc[:, None]], axis=1), 2)  # (frames, 15, 2)
        gap = np.hypot(*np.moveaxis(place[:, :TEAM, None] - place[:, None, TEAM:], -1, 0))  # (frames, 7, 7)
        nearest = np.concatenate([gap.argmin(axis=2) + TEAM, gap.argmin(axis=1)], axis=1)  # (frames, 14)

        ids = self.ids
        by_id = np.append(np.argsort(ids), 2 * TEAM)  # the row of the arrays that has id 1, 2, ...
        velocity = _published_velocity(everyone)
        acceleration = np.diff(velocity, axis=0, prepend=velocity[:1]) * FRAMES_PER_SECOND
        closest = np.concatenate([ids[nearest], np.zeros((n, 1), dtype=int)], axis=1)
        columns = {
            "frame": np.repeat(np.arange(1, n + 1), 15),
            "id": np.tile(np.arange(1, 16), n),
            "class": np.tile(np.array(["offense"] * TEAM + ["defense"] * TEAM + ["disc"])[by_id], n),
        }
        for name, values in (("", everyone), ("v", velocity), ("a", acceleration)):
            for axis, letter in enumerate("xy"):
                columns[name + letter] = np.round(values[:, by_id, axis], 2).ravel() + 0.0  # no minus zero
        columns["closest"] = closest[:, by_id].ravel()
        columns["holder"] = (np.arange(15)[None] == held[:, None])[:, by_id].ravel()
        return pd.DataFrame(columns)

    def throws(self) -> pd.DataFrame:
        """What was thrown, frames from 1."""
        ids, place = self.ids, np.round(np.array(self.track), 2)
        rows = []
        for k, (thrower, receiver, release, arrival, completed) in enumerate(self.log, start=1):
            caught = completed and arrival < len(place)
            gain = round(place[arrival, receiver, 0] - place[release, thrower, 0], 2) if caught else np.nan
            rows.append((k, ids[thrower], ids[receiver], release + 1, arrival + 1, gain, caught))
        names = ["throw", "thrower_id", "receiver_id", "release_frame", "catch_frame", "gain", "completed"]
        return pd.DataFrame(rows, columns=names)


def _stack(y: float) -> float:
    """Where across the field the stack stands for a disc at y: drawn to the middle."""
    return WIDTH / 2 + 0.45 * (y - WIDTH / 2)


def _inside(place: np.ndarray) -> np.ndarray:
    return np.clip(place, [1.0, 1.0], [LENGTH - 1.0, WIDTH - 1.0])


def _published_velocity(place: np.ndarray) -> np.ndarray:
    """The publisher's velocity: the mean of up to five backward differences around the frame, so it looks ahead."""
    step = np.diff(place, axis=0, prepend=place[:1]) * FRAMES_PER_SECOND
    total = np.cumsum(np.concatenate([np.zeros_like(step[:1]), step]), axis=0)
    n = len(step)
    low, high = np.maximum(np.arange(n) - 2, 0), np.minimum(np.arange(n) + 3, n)
    return (total[high] - total[low]) / (high - low)[:, None, None]
