"""The older measures against published lines, their limits, and seasons whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from qbsbp.box_score import (
    METRICS,
    adjusted_net_yards,
    box_scores,
    completion_probability,
    expected_points,
    passer_rating,
    qbr_like,
)
from qbsbp.features import PASSING_STATIC_FEATURES, StoredPlays
from qbsbp.schema import Report

# attempts, completions, yards, touchdowns, interceptions, sacks, yards lost; published passer rating and ANY/A
PUBLISHED = {
    "Manning 2004": (497, 336, 4557, 49, 10, 13, 101, 121.1, 9.78),
    "Rodgers 2011": (502, 343, 4643, 45, 6, 36, 219, 122.5, 9.39),
}


@pytest.mark.parametrize("line", PUBLISHED.values(), ids=PUBLISHED)
def test_published_seasons(line):
    attempts, completions, yards, touchdowns, interceptions, sacks, lost, rating, any_a = line
    assert passer_rating(attempts, completions, yards, touchdowns, interceptions) == pytest.approx(rating, abs=0.05)
    own = adjusted_net_yards(attempts, yards, touchdowns, interceptions, sacks, lost)
    assert own == pytest.approx(any_a, abs=0.006)


@pytest.mark.parametrize(
    ("line", "rating"),
    [((40, 31, 500, 5, 0), 158.33), ((10, 10, 990, 10, 0), 158.33), ((10, 0, 0, 0, 10), 0.0), ((1, 0, 0, 0, 0), 39.58)],
)
def test_ends_of_the_passer_rating(line, rating):
    assert passer_rating(*line) == pytest.approx(rating, abs=0.005)


def test_nothing_thrown_has_no_rating():
    assert np.isnan(passer_rating(0, 0, 0, 0, 0))
    assert np.isnan(adjusted_net_yards(0, 0, 0, 0, 0, 0))


def test_yards_lost_are_not_negative():
    with pytest.raises(ValueError, match="sack_yards: expected yards lost, at least 0"):
        adjusted_net_yards(10, 100, 1, 0, 2, -14)


def drives(rows: list[tuple]) -> pd.DataFrame:
    names = ["game_id", "quarter", "clock", "offence_team", "down", "yards_to_go", "yards_to_goal", "points"]
    return pd.DataFrame(rows, columns=names)


def played_drives(n: int, seed: int) -> pd.DataFrame:
    """Games of two halves; each drive starts at the own 25, gains or loses, and ends in a score, a kick or a loss."""
    rng = np.random.default_rng(seed)
    rows = []
    for game in range(n):
        for quarter in (2, 4):
            clock, team = 900.0, int(rng.integers(2))
            while clock > 0:
                goal = 75
                for down in (1, 2, 3, 4):
                    gain = int(rng.integers(0, 40))
                    points = 7 if gain >= goal else -7 if rng.random() < 0.03 else 0
                    if down == 4 and points == 0 and goal < 40:
                        points = 3
                    rows.append((game, quarter, clock, f"T{team}", down, min(10, goal), goal, points))
                    clock -= 40
                    goal -= gain
                    if points or clock <= 0:
                        break
                team = 1 - team
    names = ["game_id", "quarter", "clock", "offence_team", "down", "yards_to_go", "yards_to_goal", "points"]
    return pd.DataFrame(rows, columns=names)


def test_expected_points_are_unbiased_and_their_changes_add_up_along_a_drive():
    plays = played_drives(300, seed=4)
    value = expected_points(plays)
    assert value["expected_points"].mean() == pytest.approx((value["expected_points"] + value["epa"]).mean(), abs=0.1)
    # from one score to the next the changes add up to the score less the value at the start
    score_rows = np.flatnonzero(plays["points"].to_numpy())
    start = score_rows[0] + 1
    end = score_rows[1]
    teams = plays["offence_team"].to_numpy()[start : end + 1]
    sign = np.where(teams == teams[0], 1, -1)
    total = (sign * value["epa"].to_numpy()[start : end + 1]).sum()
    expected = sign[-1] * plays["points"].iloc[end] - value["expected_points"].iloc[start]
    assert total == pytest.approx(expected)
    near = value["expected_points"][plays["yards_to_goal"] < 20].mean()
    far = value["expected_points"][plays["yards_to_goal"] == 75].mean()
    assert near > far + 1


def test_the_last_play_of_a_half_is_worth_nothing_afterwards():
    plays = played_drives(60, seed=5)
    value = expected_points(plays)
    half = plays["game_id"].to_numpy() * 10 + plays["quarter"].to_numpy()
    last = np.r_[half[1:] != half[:-1], True] & (plays["points"].to_numpy() == 0)
    assert last.sum() > 50
    assert value["epa"][last].to_numpy() == pytest.approx(-value["expected_points"][last].to_numpy())


def test_expected_points_add_up_over_a_drive():
    """What the plays of a drive add is its points less what its first moment was worth."""
    rng = np.random.default_rng(3)
    rows = []
    for game in range(60):
        for drive in range(10):
            clock, goal, team = 890.0 - 40 * drive, 75, ("A", "B")[drive % 2]
            for down in (1, 2, 3):
                gained = int(rng.integers(0, 20))
                scored = 7 if gained >= goal or (down == 3 and rng.random() < 0.3) else 0
                rows.append((game, 1, clock, team, down, 10, goal, scored))
                clock, goal = clock - 8, max(goal - gained, 1)
                if scored:
                    break
    plays = drives(rows)
    value = expected_points(plays)
    change = (plays["offence_team"] != plays["offence_team"].shift()) | (plays["game_id"] != plays["game_id"].shift())
    drive = change.cumsum()
    scored = plays["points"].groupby(drive).sum() > 0
    added, first = value["epa"].groupby(drive).sum(), value["expected_points"].groupby(drive).first()
    np.testing.assert_allclose(added[scored], 7 - first[scored], atol=1e-9)
    # and over all plays of the league nothing is added, but for what the end of a half cuts off
    assert abs(value["epa"].mean()) < 0.1


def test_expected_points_name_a_kick_off():
    plays = drives([(1, 1, 900.0, "A", 1, 10, 75, 0), (1, 1, 890.0, "A", 0, 10, 65, 0)])
    with pytest.raises(ValueError, match="row 1, down, value 0: expected 1 to 4; leave kick-offs out"):
        expected_points(plays)
    with pytest.raises(ValueError, match="points is missing"):
        expected_points(plays.drop(columns="points"))


def throws(n: int, games: int, seed: int) -> StoredPlays:
    """Passes that are complete the more often the more open the target is, and by nothing else."""
    rng = np.random.default_rng(seed)
    static = rng.standard_normal((n, len(PASSING_STATIC_FEATURES))).astype(np.float32)
    open_by = static[:, list(PASSING_STATIC_FEATURES).index("separation")]
    complete = rng.random(n) < 1 / (1 + np.exp(-2 * open_by))
    index = pd.DataFrame({"outcome": np.where(complete, "complete", "incomplete")})
    zeros, group = torch.zeros(n), torch.tensor(np.arange(n) % games)
    return StoredPlays(
        frames=(np.zeros((n, 176), np.float32),), file=np.zeros(n, int), start=np.arange(n),
        lengths=torch.ones(n, dtype=torch.int64), static=torch.from_numpy(static), y=zeros, group=group,
        bounds=torch.stack([zeros - 50, zeros + 50], 1), index=index, report=Report("made up"),
    )  # fmt: skip


def test_completions_are_found_out_of_their_own_game():
    plays = throws(6000, games=30, seed=1)
    probability = completion_probability(plays, seed=0)
    open_by = plays.static[:, list(PASSING_STATIC_FEATURES).index("separation")].numpy()
    assert np.corrcoef(probability, 1 / (1 + np.exp(-2 * open_by)))[0, 1] > 0.93
    complete = (plays.index["outcome"] == "complete").to_numpy()
    assert abs((complete - probability).mean()) < 0.01
    with pytest.raises(ValueError, match="folds: expected at most as many as games, came 31 and 30"):
        completion_probability(plays, folds=31, seed=0)


def test_a_pass_has_no_part_in_its_own_probability():
    plays = throws(400, games=20, seed=2)
    before = completion_probability(plays, seed=0)
    own = plays.group.numpy() == plays.group.numpy()[7]
    plays.index.loc[own, "outcome"] = np.where(plays.index.loc[own, "outcome"] == "complete", "incomplete", "complete")
    after = completion_probability(plays, seed=0)
    np.testing.assert_array_equal(before[own], after[own])
    assert (before != after).any()


def dropbacks() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "passer_id": [1, 1, 1, 1, 2, 3],
            "outcome": ["complete", "incomplete", "sack", "interception", "scramble", "complete"],
            "yards_gained": [20, 0, -8, 0, 5, 3],
            "touchdown": [True, False, False, False, False, False],
        }
    )


def test_a_table_by_hand():
    table = box_scores(dropbacks())
    assert list(table.columns) == ["dropbacks", "attempts", *METRICS]
    one = table.loc[1]
    assert (one["dropbacks"], one["attempts"]) == (4, 3)
    assert one["completion"] == pytest.approx(1 / 3)
    assert one["yards_per_attempt"] == pytest.approx(20 / 3)
    assert one["any_a"] == pytest.approx((20 + 20 - 45 - 8) / 4)
    assert one["passer_rating"] == pytest.approx(float(passer_rating(3, 1, 20, 1, 1)))
    # a passer who only ran has no attempt, hence none of the rates; his play has no expected points either
    assert table.loc[2, ["passer_rating", "yards_per_attempt", "completion", "any_a", "epa", "success"]].isna().all()
    assert table["epa"].isna().all()


def test_expected_points_and_completions_over_expectation_in_the_table():
    table = box_scores(dropbacks().assign(epa=[2.0, -1.0, -1.5, -4.0, 0.5, 0.1], completion_probability=0.6))
    assert table.loc[1, "epa"] == pytest.approx(-1.125)
    assert table.loc[1, "success"] == pytest.approx(0.25)
    assert table.loc[1, "cpoe"] == pytest.approx(1 / 3 - 0.6)
    assert table.loc[2, "success"] == 1
    assert table.loc[1, "qbr_like"] == pytest.approx(float(qbr_like(-1.125)))


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="touchdown is missing"):
        box_scores(dropbacks().drop(columns="touchdown"))
