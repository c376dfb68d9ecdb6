"""Football plays as features: what is in them, seen from the play itself, and that nothing after the release is."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import torch

from qbsbp.datasets import ngs_highlights
from qbsbp.features import PASSING_PLAYER_FEATURES, PASSING_SLOTS, PASSING_STATIC_FEATURES, passing_plays
from qbsbp.features.passing import BALL_SPEED, FACTS, static_features
from qbsbp.schema import FOOTBALL
from qbsbp.tracking import add_velocities, pair_defenders, prepare
from tests.features.cases import same, with_plays
from tests.highlight_cases import (
    NEEDS_HIGHLIGHTS,
    TEXT,
    highlights,
    needs_highlights,
    ngs_rows,
    prepared_highlights,
    synthetic,
    write_ngs,
)
from tests.ultimate_cases import simulated, with_frames

WIDTH, HALF = 160 / 3, 160 / 6
COLUMN = {name: column for column, name in enumerate(PASSING_STATIC_FEATURES)}


@pytest.fixture(scope="module")
def season_plays():
    """A synthetic season, prepared."""
    return prepare(synthetic())


@pytest.fixture(scope="module")
def passes(season_plays):
    return passing_plays(season_plays)


@pytest.fixture(scope="module")
def hand_made(tmp_path_factory):
    """Three hand-made plays in the format of the NGS highlights, prepared; one went left, one has no known target."""
    plays = (
        ngs_rows(playId=1),
        ngs_rows(playId=2, direction="left"),
        ngs_rows(playId=3, text=TEXT.replace("T.O'Target", "N.Nobody")),
    )
    folder = write_ngs(tmp_path_factory.mktemp("ngs"), *plays)
    return prepare(ngs_highlights.read(folder, verify=False, progress=False))


# --- what is in them --------------------------------------------------------------------------------------------------


def test_a_play_has_its_outcome_its_game_its_bounds_and_its_keys(season_plays, passes):
    plays, index = passes
    table = season_plays.plays
    assert plays.x.shape[:2] == (len(table), 176)
    assert plays.static.shape == (len(table), len(PASSING_STATIC_FEATURES))
    assert torch.equal(plays.y, torch.tensor(table["yards_gained"].to_numpy(np.float32)))
    assert torch.equal(plays.group, torch.tensor(table["game_id"].to_numpy(np.int64)))
    for row, (low, high) in zip(table.itertuples(), plays.bounds.tolist(), strict=True):
        # from the own goal line, at x = 10, to the other, at x = 110
        assert (low, high) == (10 - row.line_of_scrimmage, 110 - row.line_of_scrimmage)
        assert row.yards_gained == high if row.touchdown else row.yards_gained < high
    keys = ["game_id", "play_id", "passer_id", "target_id", "outcome", "yards_to_goal", "touchdown"]
    pd.testing.assert_frame_equal(index[keys], table[keys])
    assert (index["frames"] == table["release_frame"]).all()
    np.testing.assert_array_equal(plays.lengths, np.minimum(index["frames"], 40))
    padding = torch.arange(plays.x.shape[2]) >= plays.lengths[:, None]
    assert padding.any()
    assert (plays.x.transpose(1, 2)[padding] == 0).all()
    assert all(torch.isfinite(tensor).all() for tensor in (plays.x, plays.static, plays.y))


class Play:
    """One play worked out from the rows of its table by what the docstrings say, a player at a time."""

    def __init__(self, tracking, row: pd.Series, use_target: bool) -> None:
        mine = (tracking.frames["game_id"] == row["game_id"]) & (tracking.frames["play_id"] == row["play_id"])
        rows = tracking.frames[mine].to_dict("records")
        self.row, self.count = row, int(row["release_frame"])
        self.at = {(one["frame_id"], one["player_id"]): one for one in rows}
        self.snap, self.release = (
            {one["player_id"]: one for one in rows if one["frame_id"] == frame} for frame in (1, self.count)
        )
        self.team = {
            side: [player for player, one in self.snap.items() if one["side"] == side]
            for side in ("offence", "defence")
        }
        self.ball = next(one for one in self.snap.values() if one["side"] == "ball")
        self.passer = row["passer_id"]
        self.known = bool(use_target and row["target_id"] > 0)
        self.target = row["target_id"] if self.known else self.faced()
        self.side = 1 if self.snap[self.target]["y"] >= self.ball["y"] else -1
        self.slots = self.line_up()

    def line(self, others: list[int]) -> list[int]:
        """Five players: of the group OL before others, then nearest the ball's y at the snap."""
        outside = {p: abs(self.snap[p]["y"] - self.ball["y"]) for p in others}
        return sorted(others, key=lambda p: (self.snap[p]["position"] != "OL", outside[p]))[:5]

    def faced(self) -> int:
        """The receiver nearest to the way the passer's torso faces at the release."""
        own = self.release[self.passer]
        others = [p for p in self.team["offence"] if p != self.passer]

        def turn(p):
            x, y = self.release[p]["x"] - own["x"], self.release[p]["y"] - own["y"]
            return abs((math.degrees(math.atan2(x, y)) - own["orientation"] + 180) % 360 - 180)

        return min(set(others) - set(self.line(others)), key=turn)

    def line_up(self) -> list[int]:
        rest = [p for p in self.team["offence"] if p not in (self.passer, self.target)]
        line = self.line(rest)

        def from_targets_side(players):
            return sorted(players, key=lambda p: -self.side * self.snap[p]["y"])

        attack = [self.passer, self.target, *from_targets_side(set(rest) - set(line)), *from_targets_side(line)]
        place = [[[self.snap[p]["x"], self.snap[p]["y"]] for p in team] for team in (attack, self.team["defence"])]
        marker = pair_defenders(*(np.array([one]) for one in place))[0]
        return attack + [self.team["defence"][i] for i in marker]

    def place(self, one: dict) -> tuple[float, float]:
        return one["x"] - self.row["line_of_scrimmage"], self.side * (one["y"] - HALF)

    def velocity(self, one: dict) -> tuple[float, float]:
        return tuple(0.0 if math.isnan(v) else v for v in (one["velocity_x"], self.side * one["velocity_y"]))

    def features(self, frame: int, player: int) -> dict[str, float]:
        one = self.at[frame, player]
        ahead, across = self.place(one)
        angle = math.radians(one["orientation"])
        values = {
            "ahead": ahead,
            "across": across,
            "velocity_x": one["velocity_x"],
            "velocity_y": self.side * one["velocity_y"],
            "acceleration_x": one["acceleration_x"],
            "acceleration_y": self.side * one["acceleration_y"],
            "orientation_x": math.sin(angle),
            "orientation_y": self.side * math.cos(angle),
        }
        return {name: 0.0 if math.isnan(value) else value for name, value in values.items()}

    def facts(self) -> dict[str, object]:
        """Value of each static feature with how far it may be off: `pytest.approx`, or a set for a count near a limit.

        Where ball and target meet is solved exactly here, and in the package by eight rounds, each of which shrinks
        the error by his speed over the ball's.
        """
        players = [self.release[p] for p in self.slots]
        place, velocity = [self.place(p) for p in players], [self.velocity(p) for p in players]
        to_goal = self.row["yards_to_goal"]
        passer, target, run = place[0], place[1], velocity[1]
        defence = list(zip(place[11:], velocity[11:], strict=True))

        def moved(player, seconds):
            (x, y), (vx, vy) = player
            return x + vx * seconds, y + vy * seconds

        # |target + run t - passer| = BALL_SPEED t
        away = target[0] - passer[0], target[1] - passer[1]
        speed = math.hypot(*run)
        assert speed < BALL_SPEED
        a, b, c = speed**2 - BALL_SPEED**2, 2 * (away[0] * run[0] + away[1] * run[1]), away[0] ** 2 + away[1] ** 2
        meeting = (-b - math.sqrt(b * b - 4 * a * c)) / (2 * a)
        catch = moved((target, run), meeting)
        catch = min(max(catch[0], to_goal - 109), to_goal + 9), min(max(catch[1], -HALF), HALF)
        off = speed * meeting * (speed / BALL_SPEED) ** 8
        near = 5e-4 + 2 * off

        throw = math.dist(catch, passer)
        flight = throw / BALL_SPEED
        arrived = [(x - catch[0], y - catch[1]) for x, y in (moved(one, flight) for one in defence)]
        arrived.sort(key=lambda one: math.hypot(*one))
        gap = [math.hypot(*one) for one in arrived]
        ahead = [one for one in arrived if one[0] > 0]

        def count(measures, limit):
            return {sum(m < limit - near for m in measures), sum(m < limit + near for m in measures)}

        def distance(player, seconds):
            share = seconds / flight
            ball = [start + share * (end - start) for start, end in zip(passer, catch, strict=True)]
            return math.dist(moved(player, seconds), ball)

        lane = min(
            scipy.optimize.minimize_scalar(
                lambda t, one=one: distance(one, t),
                bounds=(flight / 2, flight),
                method="bounded",
                options={"xatol": 1e-9},
            ).fun
            for one in defence
        )
        separation = [math.dist(one, target) for one, _ in defence]
        rusher = min(defence, key=lambda one: math.dist(one[0], passer))
        step = 1e-6
        closing = (
            math.dist(rusher[0], passer) - math.dist(moved(rusher, step), moved((passer, velocity[0]), step))
        ) / step

        exact = {name: self.row[name] for name in FACTS[:6]} | {
            "weeks_left": max(18 - self.row["week"], 0),
            "target_known": float(self.known),
            "held": (self.count - 1) / 10,
            "passer_depth": -passer[0],
            "passer_speed": math.hypot(*velocity[0]),
            "pressure": math.dist(rusher[0], passer),
            "closing": closing,
            "depth": target[0],
            "target_velocity_x": run[0],
            "target_velocity_y": run[1],
            "separation": min(separation),
        }
        about = {
            "catch_depth": catch[0],
            "catch_across": catch[1],
            "catch_sideline": HALF - abs(catch[1]),
            "throw": throw,
            **{f"gap_{i + 1}": gap[i] for i in range(4)},
            "gap_1_ahead": arrived[0][0],
            "gap_1_across": arrived[0][1],
            "gap_2_ahead": arrived[1][0],
            "gap_2_across": arrived[1][1],
            "room": min([25.0, *(math.hypot(*one) for one in ahead)]),
            "lane": lane,
        }
        counts = {
            "covering": count(separation, 2),
            "crowd": count(gap, 4),
            "beyond": count([-x for x, _ in arrived], 0),
            "in_front": count([abs(y) if x > 0 else 99 for x, y in arrived], 10),
        }
        if any(abs(x) < near for x, _ in arrived):  # a hair's breadth decides
            del about["room"], counts["in_front"]
        for i in (1, 2):
            if min(gap[i] - gap[i - 1], gap[2] - gap[1]) < 2 * near:
                del about[f"gap_{i}_ahead"], about[f"gap_{i}_across"]
        return (
            {name: pytest.approx(float(value), abs=5e-4) for name, value in exact.items()}
            | {name: pytest.approx(value, abs=near) for name, value in about.items()}
            | counts
        )


SOURCES = ["season", "hand made", pytest.param("highlights", marks=NEEDS_HIGHLIGHTS)]


@pytest.mark.parametrize("use_target", [True, False])
@pytest.mark.parametrize("source", SOURCES)
def test_every_number_of_a_play_is_what_it_says(season_plays, hand_made, source, use_target):
    tracking = (
        prepared_highlights() if source == "highlights" else {"season": season_plays, "hand made": hand_made}[source]
    )
    plays, index = passing_plays(tracking, use_target=use_target)
    compared = dict.fromkeys(PASSING_STATIC_FEATURES, 0)
    rows = sorted(np.random.default_rng(1).permutation(len(index))[:20])
    for w in rows:
        play = Play(tracking, tracking.plays.iloc[w], use_target)
        assert len(set(play.slots)) == 22
        length = int(plays.lengths[w])
        x = plays.x[w].reshape(22, 8, -1)
        for f in {0, 1, length // 2, length - 1}:
            for slot, player in enumerate(play.slots):
                expected = play.features(play.count - length + 1 + f, player)
                for k, (name, (scale, _)) in enumerate(PASSING_PLAYER_FEATURES.items()):
                    assert x[slot, k, f].item() * scale == pytest.approx(expected[name], abs=2e-4), (name, slot, f)
        for name, expected in play.facts().items():
            value = plays.static[w, COLUMN[name]].item() * PASSING_STATIC_FEATURES[name][0]
            if isinstance(expected, set):
                assert round(value, 4) in range(min(expected), max(expected) + 1), name
            else:
                assert value == expected, name
            compared[name] += 1
    assert min(compared.values()) >= 0.8 * len(rows), compared


def mirrored(tracking):
    """The plays in a mirror that stands along the field."""
    frames = tracking.frames.astype({name: float for name in ("x", "y", "direction", "orientation")})
    turned = {name: (180 - frames[name]) % 360 for name in ("direction", "orientation")}
    return with_frames(tracking, frames), with_frames(tracking, frames.assign(y=WIDTH - frames["y"], **turned))


@pytest.mark.parametrize("use_target", [True, False])
@pytest.mark.parametrize("source", ["season", pytest.param("highlights", marks=NEEDS_HIGHLIGHTS)])
def test_a_play_and_its_mirror_image_are_one(source, use_target):
    sides = mirrored(synthetic() if source == "season" else highlights())
    (plays, _), (mirror, _) = (passing_plays(prepare(side), use_target=use_target) for side in sides)
    for name in ("x", "static", "y", "bounds"):
        torch.testing.assert_close(getattr(mirror, name), getattr(plays, name), atol=1e-5, rtol=1e-6, msg=name)


def test_the_target_lines_up_on_the_left_of_the_ball(season_plays, passes):
    """So half of the plays are reflected: `across` grows to the side where he stood at the snap."""
    plays, index = passing_plays(season_plays, past=20.0)
    across = plays.x[:, 8 + 1, 0] * 10  # of slot 1 at the snap
    snap = season_plays.frames[(season_plays.frames["frame_id"] == 1) & (season_plays.frames["side"] == "ball")]
    ball = torch.tensor(snap["y"].to_numpy() - HALF, dtype=torch.float32)
    assert len(snap) == len(index)
    # seen from the other side the ball's own place changes its sign
    assert torch.maximum(across - ball, across + ball).ge(-1e-4).all()
    known = (index["target_id"] > 0).to_numpy()
    key = ["game_id", "play_id", "frame_id", "player_id"]
    at = index[known].assign(frame_id=1, player_id=index["target_id"][known])[key].merge(season_plays.frames, on=key)
    left = torch.tensor(at["y"].to_numpy() >= snap["y"].to_numpy()[known])
    assert 0.2 < left.float().mean() < 0.8
    y = torch.tensor(at["y"].to_numpy() - HALF, dtype=torch.float32)
    torch.testing.assert_close(across[torch.tensor(known)], torch.where(left, y, -y), atol=1e-4, rtol=0)


def test_a_play_that_went_left_is_the_same_play(hand_made):
    plays, _ = passing_plays(hand_made)
    right, left = (plays.x[i].reshape(22, 8, -1) for i in (0, 1))
    places, velocities = [0, 1, 6, 7], [2, 3, 4, 5]
    torch.testing.assert_close(left[:, places], right[:, places], atol=2e-3, rtol=0)  # of the files, in hundredths
    torch.testing.assert_close(left[:, velocities], right[:, velocities], atol=0.2, rtol=0)  # 10 times as much and more
    # a hundredth of a yard is a tenth of a yard/s, and so a fifth of a yard where he is two seconds later
    torch.testing.assert_close(plays.static[1], plays.static[0], atol=0.05, rtol=0)


def test_scaled_features_of_passes_are_of_order_one(passes):
    plays, _ = passes
    real = (torch.arange(plays.x.shape[2]) < plays.lengths[:, None])[:, None].expand(-1, 22, -1)
    for k, name in enumerate(PASSING_PLAYER_FEATURES):
        assert 0.1 < plays.x.reshape(len(plays), 22, 8, -1)[:, :, k][real].std() < 2, name
    assert plays.x.abs().max() < 20
    assert plays.static.abs().quantile(0.99, dim=0).max() < 10  # one in a hundred may be a receiver whom nobody is near
    assert plays.static.std(dim=0).max() < 3
    assert (plays.static.std(dim=0) > 0.05).sum() >= len(PASSING_STATIC_FEATURES) - 1  # the week is one and the same


def test_past_keeps_the_last_frames(season_plays, passes):
    plays, index = passing_plays(season_plays, past=1.0)
    long, _ = passes
    assert plays.x.shape[2] == 10
    for w in range(0, len(index), 17):
        n, m = int(plays.lengths[w]), int(long.lengths[w])
        assert torch.equal(plays.x[w, :, :n], long.x[w, :, m - n : m])
    assert torch.equal(plays.static, long.static)


def test_ids_and_the_order_of_the_tables_do_not_matter(season_plays, passes):
    """Other ids, and so another order of the rows of a frame, leave every play as it is."""
    rng = np.random.default_rng(2)
    old = np.unique(season_plays.frames["player_id"])
    new = dict(zip(old, np.append(0, 1 + rng.permutation(len(old) - 1))))
    frames = season_plays.frames.assign(player_id=season_plays.frames["player_id"].map(new))
    frames = frames.sort_values(["game_id", "play_id", "frame_id", "player_id"], ignore_index=True)
    table = season_plays.plays.assign(
        passer_id=season_plays.plays["passer_id"].map(new), target_id=season_plays.plays["target_id"].map(new)
    ).sample(frac=1, random_state=0)
    plays, index = passing_plays(dataclasses.replace(season_plays, plays=table, frames=frames))
    assert same(plays, passes[0])
    assert index["play_id"].equals(passes[1]["play_id"])


def test_without_the_target_who_it_was_is_of_no_account(season_plays):
    without, _ = passing_plays(season_plays, use_target=False)
    unknown = with_plays(season_plays, season_plays.plays.assign(target_id=0))
    assert same(passing_plays(unknown)[0], without)
    assert (without.static[:, COLUMN["target_known"]] == 0).all()


def test_weeks_left_are_those_of_a_season_of_18(season_plays):
    for week, left in ((1, 17), (18, 0), (19, 0), (22, 0)):
        plays, _ = passing_plays(with_plays(season_plays, season_plays.plays.assign(week=week)))
        assert (plays.static[:, COLUMN["weeks_left"]] * 9 == left).all()


def test_names_of_the_slots():
    assert len(PASSING_SLOTS) == 11
    assert PASSING_SLOTS[:3] == ("passer", "target", "receiver 2")


# --- geometry at its limits -------------------------------------------------------------------------------------------


def random_moment(seed: int, plays: int = 200, speed: float = 6.0):
    """Places anywhere on the field, velocities of any way, some of them unknown."""
    rng = np.random.default_rng(seed)
    to_goal = rng.integers(1, 100, plays).astype(float)
    place = np.stack(
        [rng.uniform(0, 120, (plays, 22)) - (110 - to_goal)[:, None], rng.uniform(-HALF, HALF, (plays, 22))], -1
    )
    velocity = rng.normal(0, speed, (plays, 22, 2))
    velocity[rng.random((plays, 22)) < 0.05] = np.nan
    facts = {name: np.zeros(plays) for name in (*FACTS, "held")} | {"yards_to_goal": to_goal}
    return place, velocity, facts


@pytest.mark.parametrize("speed", [0.0, 6.0, 30.0, 100.0])
def test_geometry_keeps_its_bounds_whatever_the_players_do(speed):
    place, velocity, facts = random_moment(3, speed=speed)
    scale = np.array([scale for scale, _ in PASSING_STATIC_FEATURES.values()])
    static = static_features(place, velocity, facts) * scale
    assert np.isfinite(static).all()
    value = {name: static[:, column] for name, column in COLUMN.items()}
    end_line = facts["yards_to_goal"] + 10  # a field ends ten yards behind either goal line
    assert (value["catch_depth"] <= end_line).all() and (value["catch_depth"] >= end_line - 120).all()
    assert (np.abs(value["catch_across"]) <= HALF + 1e-4).all()
    np.testing.assert_allclose(value["catch_sideline"], HALF - np.abs(value["catch_across"]), atol=1e-4)
    assert (value["throw"] <= math.hypot(120, WIDTH)).all()
    gaps = np.stack([value[f"gap_{i}"] for i in range(1, 5)])
    assert (np.diff(gaps, axis=0) >= 0).all()
    for i in (1, 2):
        np.testing.assert_allclose(np.hypot(value[f"gap_{i}_ahead"], value[f"gap_{i}_across"]), gaps[i - 1], rtol=1e-5)
    for name in ("covering", "crowd", "beyond"):
        assert set(np.round(value[name], 4)) <= set(range(12)), name
    assert (value["in_front"] <= value["beyond"]).all()
    nobody = value["beyond"] == 0
    assert (value["room"][nobody] == 25).all() and (value["room"] <= 25).all()
    assert (value["room"] >= np.minimum(gaps[0], 25) - 1e-4).all()
    assert (value["lane"] >= 0).all()
    # at the end of its way the ball is at the catch, from where the nearest is gap_1
    assert (value["lane"] <= gaps[0] + 1e-4).all()


def test_players_who_stand_on_one_spot_are_no_division_by_zero():
    place, velocity, facts = random_moment(4, plays=5)
    place[:], velocity[:, 1] = place[:, :1], 0.0  # nobody is anywhere else, and the ball need not fly
    static = static_features(place, velocity, facts)
    assert np.isfinite(static).all()
    for name in ("throw", "pressure", "separation", "gap_1", "lane"):
        assert (static[:, COLUMN[name]] == 0).all(), name


# --- what is not in them ----------------------------------------------------------------------------------------------


BEFORE = {
    "game_id", "play_id", "season", "week", "offence_team", "defence_team", "quarter", "clock", "down", "yards_to_go",
    "line_of_scrimmage", "yards_to_goal", "score_difference", "play_direction", "passer_id",
}  # fmt: skip
"""Columns of plays that are known before the snap."""
BY_DEFINITION = {"target_id", "snap_frame", "release_frame"}
"""Where a play begins and ends, and to whom the question asks."""
AFTERWARDS = {
    "outcome": "incomplete", "touchdown": True, "air_yards": 55.5, "return_yards": 44, "play_action": True,
    "formation": "EMPTY", "offence_personnel": "", "defence_personnel": "", "coverage": "", "pass_rushers": 11,
    "file": "other.tsv",
}  # fmt: skip
"""The others, `yards_gained` apart, and what they are overwritten with."""
MEASURED = {"x": 120, "y": 53, "speed": 10, "acceleration": 9, "direction": 360, "orientation": 360}


def test_every_column_is_known_before_the_snap_or_spoiled():
    assert {*BEFORE, *BY_DEFINITION, *AFTERWARDS, "yards_gained"} == set(FOOTBALL.plays.names)
    columns = {*MEASURED, "event", "repaired", "game_id", "play_id", "frame_id", "player_id", "side", "position"}
    made = {"velocity_x", "velocity_y", "acceleration_x", "acceleration_y"}
    assert columns | made == set(FOOTBALL.frames.names)


def disturbed(tracking, rows: np.ndarray, seed: int = 0, names=tuple(MEASURED)):
    """What was measured in some rows thrown about, and their tags."""
    rng = np.random.default_rng(seed)
    frames = tracking.frames.copy()
    for name in names:
        frames.loc[rows, name] = rng.uniform(0, MEASURED[name], rows.sum()).astype(frames[name].dtype)
    frames.loc[rows, "event"] = "pass_outcome_touchdown"
    return with_frames(tracking, frames)


def since_snap(tracking) -> tuple[np.ndarray, np.ndarray]:
    """Frames since the snap of each row, and of the release of its play."""
    key = ["game_id", "play_id"]
    own = tracking.frames[key].merge(tracking.plays[[*key, "snap_frame", "release_frame"]], on=key)
    snap = own["snap_frame"].to_numpy()
    return tracking.frames["frame_id"].to_numpy() - snap, own["release_frame"].to_numpy() - snap


def spoiled(tracking, seed: int = 0):
    """All rows after the release thrown about, and all columns that are known, or written down, only afterwards."""
    moment, release = since_snap(tracking)
    later = moment > release
    known = {name: value for name, value in AFTERWARDS.items() if name in tracking.plays.columns}
    to_goal = tracking.plays["yards_to_goal"].to_numpy()
    gained = np.random.default_rng(seed).integers(to_goal - 100, to_goal + 1)
    changed = disturbed(tracking, later, seed)
    return with_plays(changed, tracking.plays.assign(**known, yards_gained=gained)), int(later.sum())


@pytest.mark.parametrize("use_target", [True, False])
def test_nothing_after_the_release_is_in_a_play(season_plays, use_target):
    changed, later = spoiled(synthetic())
    assert later > 20_000
    before, _ = passing_plays(season_plays, use_target=use_target)
    plays, index = passing_plays(prepare(changed), use_target=use_target)
    for name in ("static", "x", "lengths", "bounds", "group"):
        assert torch.equal(getattr(plays, name), getattr(before, name)), name
    assert torch.equal(plays.y, torch.tensor(changed.plays["yards_gained"].to_numpy(np.float32)))
    assert not torch.equal(plays.y, before.y)
    assert (index["outcome"] == "incomplete").all()


def test_what_was_published_of_speed_and_direction_is_in_no_play(passes):
    """It looks ahead of its own frame (`qbsbp.tracking.add_velocities`)."""
    tracking = synthetic()
    every = np.ones(len(tracking.frames), dtype=bool)
    changed = disturbed(tracking, every, names=("speed", "acceleration", "direction"))
    assert same(passing_plays(prepare(changed))[0], passes[0])


def test_what_comes_before_the_release_is_in_a_play(passes):
    tracking = synthetic()
    release = tracking.plays["release_frame"].iloc[0]
    frames = tracking.frames.copy()
    first = (frames["play_id"] == tracking.plays["play_id"].iloc[0]) & (frames["game_id"] == frames["game_id"].iloc[0])
    row = np.flatnonzero(first & (frames["frame_id"] == release))[4]
    frames.loc[row, "x"] += 1.0
    plays, _ = passing_plays(prepare(with_frames(tracking, frames)))
    assert not torch.equal(plays.x[0], passes[0].x[0])
    assert torch.equal(plays.x[1:], passes[0].x[1:])


def astray(tracking, since: np.ndarray, seed: int = 0):
    """Everybody off on another way, 2 yards/s aside, `since` tenths of a second by now: at a credible speed, for who is
    out of reach is not in a play at all. What else was measured of those frames is thrown about."""
    changed = disturbed(tracking, since > 0, seed, names=[name for name in MEASURED if name not in ("x", "y")])
    frames = changed.frames.copy()
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, 1_000)[frames["player_id"].to_numpy() % 1_000]
    for name, way, most in (("x", np.cos(angle), 120), ("y", np.sin(angle), 53)):
        moved = frames[name].to_numpy() + 0.2 * way * np.maximum(since, 0)
        inside = np.where(since > 0, np.clip(moved, 0, most), frames[name].to_numpy())
        frames[name] = inside.astype(frames[name].dtype)
    return with_frames(changed, frames)


@pytest.mark.parametrize("until", [0, 1, 4, 11, 19])
def test_a_frame_changes_none_before_it(season_plays, until):
    """Nobody changes his slot, and no number of an earlier frame changes, whatever comes until the release and after:
    a play may be read as it unfolds."""
    tracking = synthetic()
    moment, release = since_snap(tracking)
    before, index = passing_plays(season_plays, past=20.0)
    plays, _ = passing_plays(prepare(astray(tracking, moment - until, seed=until)), past=20.0)
    longer = torch.tensor((index["frames"] > until + 1).to_numpy())
    known = torch.tensor((index["target_id"] > 0).to_numpy())
    assert (longer & known).sum() > 50
    assert torch.equal(plays.x[known, :, : until + 1], before.x[known, :, : until + 1])
    assert (plays.x != before.x)[longer & known, :, until + 1 :].any(dim=1).any(dim=1).all()
    # without a target it is the release alone that says who is looked at
    at_release = astray(tracking, np.minimum(moment - until, release - moment), seed=until)
    plays, _ = passing_plays(prepare(at_release), past=20.0, use_target=False)
    before, _ = passing_plays(season_plays, past=20.0, use_target=False)
    assert torch.equal(plays.x[longer, :, : until + 1], before.x[longer, :, : until + 1])


@needs_highlights
def test_the_real_highlights_as_plays():
    plays, index = passing_plays(prepared_highlights())
    assert plays.x.shape == (309, 176, 40)
    assert plays.y.mean().item() == pytest.approx(35, abs=1)  # chosen for their outcome
    assert (index["frames"] - 1).mean() / 10 == pytest.approx(3.23, abs=0.01)
    changed, _ = passing_plays(prepare(spoiled(highlights())[0]))
    assert torch.equal(changed.x, plays.x)
    assert torch.equal(changed.static, plays.static)


@needs_highlights
def test_the_way_the_passer_faces_tells_the_real_target_more_often_than_who_is_open():
    """The two numbers of `passing_plays`."""
    tracking = prepared_highlights()
    faced, most_open = 0, 0
    for _, row in tracking.plays.iterrows():
        play = Play(tracking, row, use_target=False)

        def separation(player, play=play):
            place = [[play.release[p]["x"], play.release[p]["y"]] for p in (player, *play.team["defence"])]
            return min(math.dist(place[0], one) for one in place[1:])

        others = [p for p in play.team["offence"] if p != play.passer]
        faced += play.target == row["target_id"]
        most_open += max(set(others) - set(play.line(others)), key=separation) == row["target_id"]
    assert (tracking.plays["target_id"] > 0).all()
    assert (faced, most_open, len(tracking.plays)) == (135, 65, 309)


# --- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "gained"), [(75, 36), (75, -66), (109, 2), (11, -2)])
def test_a_gain_beyond_a_goal_line_is_refused(season_plays, line, gained):
    table = season_plays.plays.copy()
    table.loc[4, ["line_of_scrimmage", "yards_to_goal", "yards_gained"]] = line, 110 - line, gained
    message = (
        rf"plays, play \({table['game_id'][4]}, {table['play_id'][4]}\), column 'yards_gained', value {gained}: "
        rf"expected a gain between the goal lines, {10 - line} to {110 - line} yards from the snap\. Correct it or drop"
    )
    with pytest.raises(ValueError, match=message):
        passing_plays(with_plays(season_plays, table))
    table.loc[4, "yards_gained"] = gained - 1 if gained > 0 else gained + 1
    plays, _ = passing_plays(with_plays(season_plays, table))
    assert plays.y[4] in plays.bounds[4]


def test_no_plays_are_no_plays(season_plays):
    empty = dataclasses.replace(season_plays, plays=season_plays.plays[:0], frames=season_plays.frames[:0])
    plays, index = passing_plays(empty)
    assert len(plays) == len(index) == 0
    assert plays.x.shape[1] == 176
    assert plays.static.shape[1] == len(PASSING_STATIC_FEATURES)
    assert plays.bounds.shape == (0, 2)


def test_football_that_is_not_prepared_is_refused(season_plays):
    with pytest.raises(ValueError, match="tracking: expected the layout 'football', came 'ultimate'"):
        passing_plays(simulated())
    with pytest.raises(ValueError, match=r"tracking: expected the columns velocity_x, .* Pass qbsbp.tracking.prepare"):
        passing_plays(synthetic())
    with pytest.raises(ValueError, match=r"expected the columns orientation, .* must have been recorded"):
        passing_plays(with_frames(season_plays, season_plays.frames.drop(columns="orientation")))
    with pytest.raises(
        ValueError, match=r"expected frames from snap to release only, and play \(\d+, \d+\) has others"
    ):
        passing_plays(add_velocities(synthetic()))
    with pytest.raises(ValueError, match=r"past: expected a positive multiple of 1/10 s, came 0.25 s"):
        passing_plays(season_plays, past=0.25)


def test_plays_without_their_players_are_refused(season_plays):
    plays, frames = season_plays.plays, season_plays.frames
    name = rf"\({plays['game_id'].iloc[4]}, {plays['play_id'].iloc[4]}\)"
    for column, unless in (("passer_id", ""), ("target_id", ", or 0")):
        other = plays.copy()
        other.loc[4, column] = 7
        message = rf"plays, play {name}, column '{column}', value 7: expected a player of the offence .*{unless}\."
        with pytest.raises(ValueError, match=message):
            passing_plays(dataclasses.replace(season_plays, plays=other))
    mine = (frames["game_id"] == plays["game_id"].iloc[4]) & (frames["play_id"] == plays["play_id"].iloc[4])
    someone = frames.loc[mine, "player_id"].iloc[9]
    traitor = frames.copy()
    traitor.loc[mine & (frames["player_id"] == someone), "side"] = "ball"
    with pytest.raises(
        ValueError, match=rf"play {name}, column 'side': expected 11 offence, 11 defence and 1 ball, came"
    ):
        passing_plays(with_frames(season_plays, traitor))
    replaced = frames.copy()
    replaced.loc[mine & (frames["player_id"] == someone) & (frames["frame_id"] == 5), "player_id"] = someone + 1
    with pytest.raises(ValueError, match=rf"play {name}, frame 5, column 'player_id': expected the same 23 as in the"):
        passing_plays(with_frames(season_plays, replaced))
