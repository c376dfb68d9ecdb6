"""A season of the league: its tables, its tracks kept small, and the true law of every dropback.

Chapter: how the league is made.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from data_synth import outcome, play
from qbsbp.schema import EVENTS, FOOTBALL

__all__ = ["Season", "TrackStore"]

ENTITIES = FOOTBALL.entities
CHANNELS = ("x", "y", "speed", "acceleration", "direction", "orientation")
REFERENCE_PLAYS = 400  # dropbacks that a passer's true value is averaged over


class TrackStore:
    """Recorded tracks of many plays, without padding: float32 rows of 23 x 6, in the pieces in which they came.

    A season of 20,800 dropbacks takes about 0.47 GB here; `frames` writes the tables of some plays when asked.
    """

    def __init__(self):
        self._values: list[np.ndarray] = []  # (rows, 23, 6) a piece
        self._events: list[np.ndarray] = []  # (rows,)
        self._players: list[np.ndarray] = []  # (plays, 23)
        self._positions: list[np.ndarray] = []
        self._where: list[np.ndarray] = []  # piece, first row, rows, number in the piece

    def add(self, tracks: play.Tracks, players: np.ndarray) -> None:
        """Keep some plays, after those that are there; `players` (N, 23) are their player_ids."""
        n, longest = tracks.values.shape[:2]
        real = np.arange(longest) < tracks.lengths[:, None]
        self._values.append(tracks.values[real])
        self._events.append(tracks.events[real])
        self._players.append(players.astype(np.int32))
        self._positions.append(tracks.position)
        first = np.cumsum(tracks.lengths) - tracks.lengths
        piece = np.full(n, len(self._where))
        self._where.append(np.column_stack([piece, first, tracks.lengths, np.arange(n)]))

    @property
    def nbytes(self) -> int:
        """Memory of the tracks, in bytes."""
        return sum(values.nbytes for values in self._values)

    def frames(self, numbers: np.ndarray, game_id: np.ndarray, play_id: np.ndarray) -> pd.DataFrame:
        """The table of frames of the plays that were added as `numbers`, in that order, under the given keys."""
        where = np.concatenate(self._where)[numbers] if self._where else np.zeros((0, 4), dtype=np.int64)
        lengths = where[:, 2]
        rows = int(lengths.sum()) * ENTITIES
        columns: dict[str, np.ndarray] = {
            "game_id": np.repeat(game_id.astype(np.int32), lengths * ENTITIES),
            "play_id": np.repeat(play_id.astype(np.int32), lengths * ENTITIES),
            "frame_id": np.empty(rows, dtype=np.int16),
            "player_id": np.empty(rows, dtype=np.int32),
            "side": np.empty(rows, dtype=np.int8),
            "position": np.empty(rows, dtype=np.int8),
            **{name: np.empty(rows, dtype=np.float32) for name in CHANNELS},
            "event": np.empty(rows, dtype=np.int8),
            "repaired": np.zeros(rows, dtype=bool),
        }
        sides = np.repeat(np.array([0, 1, 2], dtype=np.int8), (11, 11, 1))
        row = 0
        for piece, first, length, number in where:
            here = slice(row, row + length * ENTITIES)
            players = self._players[piece][number]
            order = np.argsort(players)  # rows of a frame are sorted by player_id; the ball is 0
            values = self._values[piece][first : first + length][:, order]
            for channel, name in enumerate(CHANNELS):
                columns[name][here] = values[..., channel].reshape(-1)
            columns["frame_id"][here] = np.repeat(np.arange(1, length + 1), ENTITIES)
            columns["event"][here] = np.repeat(self._events[piece][first : first + length], ENTITIES)
            columns["player_id"][here] = np.tile(players[order], length)
            columns["side"][here] = np.tile(sides[order], length)
            columns["position"][here] = np.tile(self._positions[piece][number][order], length)
            row += length * ENTITIES
        categories = {"side": FOOTBALL.frames["side"].values, "position": play.POSITIONS, "event": EVENTS}
        data = {
            name: pd.Categorical.from_codes(values, categories=categories[name]) if name in categories else values
            for name, values in columns.items()
        }
        return pd.DataFrame(data, copy=False)


@dataclass(frozen=True)
class Season:
    """One season: what a reader of files would see, and the truth behind it.

    Args:
        season: The year.
        config: The `LeagueConfig` it was made by.
        seed: The seed it was made from.
        plays: One row a dropback, `qbsbp.schema.FOOTBALL.plays`.
        truth: One row a dropback, in the order of `plays`: its key, `passer_id`, every field of `outcome.State`, the
            passer's shifts (`skill_` and a field of `outcome.Skill`), the strengths on the field (`matchup_` and a
            field of `play.Matchup`), what was drawn (`drawn_` and a field of `outcome.Drawn`), `first_pressure` (s).
        play_by_play: One row a play of any kind, in order within a game: `season, week, game_id, play_id, drive,
            quarter, clock, offence_team, defence_team, kind, down, yards_to_go, yards_to_goal, score_difference,
            offence_points, defence_points, outcome, yards, turnover, points`. All up to `defence_points` but `kind`
            describe the moment before the play; `down` is 0 before a kick-off, and the offence is the side that kicks.
            `kind` is one of `game.KINDS`. `points` are those of the play for the offence, negative for the defence, the
            try after a touchdown included.
        games: One row a game: `game_id, season, week, date, time, home_team, away_team, home_points, away_points,
            winner, margin, playoff`.
        standings: One row a team: `season, team, conference, wins, losses, ties, points_for, points_against,
            win_share, place, playoffs`.
        players: One row a player: `player_id, name, position, team, jersey_number, height, weight, birth_date,
            college`.
        passers: One row a passer: `season, passer_id, name, team, age`, his true `accuracy, decision, depth,
            mobility` in standard deviations (0 is the average starter), and `starts`.
        starters: One row a week and team: `season, week, team, passer_id`.
        strengths: One row a team: `season, team`, its true strengths in standard deviations and its `pass_taste`.
        tracks: The recorded tracks.
        numbers: For each row of `plays`, its number in `tracks`.
    """

    season: int
    config: Any
    seed: int
    plays: pd.DataFrame
    truth: pd.DataFrame
    play_by_play: pd.DataFrame
    games: pd.DataFrame
    standings: pd.DataFrame
    players: pd.DataFrame
    passers: pd.DataFrame
    starters: pd.DataFrame
    strengths: pd.DataFrame
    tracks: TrackStore
    numbers: np.ndarray

    @property
    def weeks(self) -> list[int]:
        """Weeks with games, ascending."""
        return sorted(int(week) for week in self.games["week"].unique())

    def week_frames(self, week: int) -> pd.DataFrame:
        """Frames of one week's dropbacks, `qbsbp.schema.FOOTBALL.frames`, made when asked: about 45 MB.

        Raises:
            ValueError: If the season has no such week.
        """
        if week not in self.weeks:
            raise ValueError(
                f"week={week!r}: expected one of this season's weeks, {self.weeks[0]} to {self.weeks[-1]}."
            )
        return self._frames(np.flatnonzero(self.plays["week"].to_numpy() == week))

    @cached_property
    def frames(self) -> pd.DataFrame:
        """Frames of all dropbacks, kept once made: about 0.8 GB for a full season. `week_frames` needs less."""
        return self._frames(np.arange(len(self.plays)))

    def _frames(self, rows: np.ndarray) -> pd.DataFrame:
        keys = self.plays[["game_id", "play_id"]].to_numpy()[rows]
        return self.tracks.frames(self.numbers[rows], keys[:, 0], keys[:, 1])

    def rows_of(self, keys: pd.DataFrame) -> np.ndarray:
        """Positions in `plays` and `truth` of some plays, in the order of `keys`, for `law`.

        Args:
            keys: A table with the columns game_id and play_id.

        Raises:
            ValueError: A play is not of this season.
        """
        columns = ["game_id", "play_id"]
        rows = pd.MultiIndex.from_frame(self.plays[columns]).get_indexer(pd.MultiIndex.from_frame(keys[columns]))
        if (rows < 0).any():
            game, play = keys[columns].to_numpy()[int(np.argmax(rows < 0))]
            raise ValueError(f"keys: expected plays of the season {self.season}, came ({game}, {play}).")
        return rows

    def law(self, rows: Any = slice(None), *, skill: bool = True) -> outcome.OutcomeLaw:
        """The exact law of yards of some dropbacks, given the state at their release.

        Args:
            rows: Positions, a slice or a mask into `truth`.
            skill: Under the passer's own skill, the law that the outcome was drawn from; or, if False, for a
                league-average passer in the same state.
        """
        truth = self.truth.iloc[rows]
        state = _fields_of(outcome.State, truth, "")
        return outcome.law(state, _fields_of(outcome.Skill, truth, "skill_") if skill else None)

    @cached_property
    def skills(self) -> pd.DataFrame:
        """`passers`, with what their skill is worth given the state at release.

        Over a fixed set of dropbacks (400 of the season's with a pass, evenly spaced in the order of `plays`; all where
        there are fewer) each passer's law stands in for that of the league-average passer. `true_yards` is the mean of
        his expected yards less the average passer's. `true_value` is the mean of E[F(Y-1) + P(Y)/2] - 1/2 with Y from
        his law and F, P the average passer's cdf and pmf: the mean predictive rank that he adds.
        """
        passed = np.flatnonzero(self.plays["outcome"].isin(["complete", "incomplete", "interception"]).to_numpy())
        rows = passed[np.linspace(0, len(passed) - 1, min(len(passed), REFERENCE_PLAYS)).astype(int)]
        truth = self.truth.iloc[rows]
        state = _fields_of(outcome.State, truth, "")
        average = outcome.law(state).pmf()
        rank = np.cumsum(average, axis=1) - average / 2
        yards = np.asarray(outcome.YARDS, dtype=float)
        names = [field.name for field in fields(outcome.Skill)]
        values = []
        for _, passer in self.passers.iterrows():
            own = outcome.law(state, outcome.Skill(**{name: np.full(len(rows), passer[name]) for name in names})).pmf()
            values.append(((own * rank).sum(axis=1).mean() - 0.5, ((own - average) @ yards).mean()))
        value, gain = np.array(values).reshape(-1, 2).T
        return self.passers.assign(true_value=value, true_yards=gain)


def _fields_of(kind: type, table: pd.DataFrame, prefix: str) -> Any:
    return kind(**{field.name: table[prefix + field.name].to_numpy() for field in fields(kind)})
