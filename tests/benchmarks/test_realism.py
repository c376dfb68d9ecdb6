"""The figures of `benchmarks.realism`, each on a table small enough to count by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import genpareto

from benchmarks import realism
from data_synth.league import LeagueConfig, make_league

# --- statistics -------------------------------------------------------------------------------------------------------


def test_logistic_slope_of_two_groups_is_their_log_odds_ratio():
    x = np.repeat([0.0, 1.0], 10)
    won = np.r_[np.repeat([1, 0], [2, 8]), np.repeat([1, 0], [7, 3])].astype(float)
    assert realism.logistic_slope(x, won) == pytest.approx(math.log(7 / 3) - math.log(2 / 8))


@pytest.mark.parametrize("x", [[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 2.0, 3.0], [3.0, 2.0, 1.0, 0.0]])
def test_a_logistic_slope_without_a_finite_value_is_missing(x):
    assert math.isnan(realism.logistic_slope(np.array(x), np.array([0.0, 0.0, 1.0, 1.0])))


def test_a_logistic_slope_of_far_apart_classes_that_overlap_is_found():
    x, won = np.array([-9.0, -8.0, 0.2, -0.2, 8.0, 9.0]), np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    assert 0 < realism.logistic_slope(x, won) < 100


def test_true_sd_takes_sampling_noise_away():
    rng = np.random.default_rng(1)
    truth, n = rng.normal(0, 0.4, 2000), 500
    means = truth + rng.normal(0, 10 / math.sqrt(n), 2000)
    found = realism.true_sd(means, np.full(2000, 100.0), np.full(2000, n))
    assert found == pytest.approx(0.4, abs=0.03)
    assert np.std(means) > 0.5
    assert math.isnan(realism.true_sd(means[:2], np.ones(2), np.ones(2)))  # two passers have no spread to speak of
    assert realism.true_sd(means - truth, np.full(2000, 100.0), np.full(2000, n)) < 0.1


def test_attempts_of_one_game_are_not_independent():
    passers, games, attempts = 400, 12, 20
    rng = np.random.default_rng(2)
    own = rng.normal(0, 0.4, (passers, 1, 1))
    values = own + rng.normal(0, 1.0, (passers, games, 1)) + rng.normal(0, 2.0, (passers, games, attempts))
    passer, game, _ = np.indices(values.shape)
    table = pd.DataFrame({"yards": values.ravel(), "same": 1.0})
    found = realism.by_passer(table, passer.ravel(), passer.ravel() * games + game.ravel())
    spread = realism.true_sd(*(found[name].to_numpy() for name in ("yards_mean", "yards_variance", "attempts")))
    assert spread == pytest.approx(0.4, abs=0.05)
    assert found["yards_mean"].std() > 0.47  # with the luck of the games
    assert (found["same_variance"] == 0).all()
    once = realism.by_passer(table, np.zeros(len(table)), np.zeros(len(table)))
    assert once.empty  # one game says nothing of games


def test_pareto_tail_finds_the_shape_where_the_goal_line_cuts():
    rng = np.random.default_rng(2)
    excess = genpareto.rvs(0.3, scale=10, size=20_000, random_state=rng)
    limit = rng.uniform(5, 60, 20_000)
    cut = excess >= limit
    assert realism.pareto_tail(excess, np.zeros(20_000, bool)) == pytest.approx((0.3, 10), rel=0.07)
    assert realism.pareto_tail(np.minimum(excess, limit), cut) == pytest.approx((0.3, 10), rel=0.07)
    assert realism.pareto_tail(np.minimum(excess, limit), np.zeros(20_000, bool))[0] < 0


def test_bootstrap_draws_whole_games():
    rng = np.random.default_rng(3)
    game = np.repeat(np.arange(100), 20)
    values = np.repeat(rng.normal(size=100), 20)  # all plays of a game alike: 100 draws, not 2,000
    low, high = realism.bootstrap(lambda c: {"mean": c["v"].mean()}, {"v": values}, game, 400, seed=0)["mean"]
    assert (high - low) / 3.92 == pytest.approx(values[::20].std() / 10, rel=0.15)


# --- outcomes ---------------------------------------------------------------------------------------------------------


def dropbacks() -> pd.DataFrame:
    """Ten dropbacks: 4 completions (one a touchdown), 3 incompletions (one thrown away), 1 interception, sack, run."""
    outcome = ["complete"] * 4 + ["incomplete"] * 3 + ["interception", "sack", "scramble"]
    return pd.DataFrame(
        {
            "game_id": 1,
            "play_id": range(10),
            "season": 2026,
            "week": 1,
            "offence_team": "AAA",
            "defence_team": "BBB",
            "passer_id": 1,
            "target_id": [5, 5, 5, 5, 5, 5, 0, 5, 0, 0],
            "outcome": outcome,
            "yards_gained": [30, 12, 0, -2, 0, 0, 0, 0, -7, 9],
            "air_yards": [22.0, 12, 0, -4, 25, 3, 30, 10, np.nan, np.nan],
            "return_yards": [0] * 7 + [60, 0, 0],
            "touchdown": [True] + [False] * 9,
            "yards_to_goal": [30, 60, 60, 60, 60, 60, 60, 50, 60, 60],
            "down": [1, 1, 2, 2, 3, 3, 3, 4, 1, 1],
            "yards_to_go": 10,
            "quarter": [1] * 5 + [6] * 5,
            "pass_rushers": [3, 4, 4, 4, 4, 4, 4, 5, 6, 7],
            "formation": ["SHOTGUN"] * 5 + ["EMPTY", "PISTOL", "I_FORM", "SINGLEBACK", "SINGLEBACK"],
            "offence_personnel": ["1 RB, 1 TE, 3 WR"] * 6 + ["2 RB, 1 TE, 2 WR"] * 4,
            "defence_personnel": ["4 DL, 2 LB, 5 DB"] * 7 + ["4 DL, 3 LB, 4 DB"] * 3,
            "coverage": ["Cover-3"] * 4 + ["Cover-1"] * 6,
        }
    )


def test_outcomes_count_what_they_say():
    found = realism.outcomes(realism.dropback_columns(dropbacks()))
    for key, value in {
        "sack_rate": 1 / 10,
        "scramble_rate": 1 / 10,
        "completion_rate": 4 / 8,
        "completion_rate_targeted": 4 / 7,
        "interception_rate": 1 / 8,
        "touchdown_rate": 1 / 8,
        "yards_per_attempt": 40 / 8,
        "zero_share": 5 / 8,
        "negative_share": 1 / 8,
        "share_20": 1 / 8,
        "share_40": 0,
        "yards_per_completion": 10,
        "yards_per_completion_median": 6,
        "sack_yards": -7,
        "scramble_yards": 9,
        "return_yards": 60,
        "return_none": 0,
        "return_touchdown": 1,  # picked at his own 40, 60 yards from the offence's goal line
        "interception_net": 10 - 60,
        "air_20": 3 / 8,
        "air_complete": 7.5,
        "yards_after_catch": (8 + 0 + 0 + 2) / 4,
        "completion_air_<0": 1,
        "completion_air_21-30": 1 / 3,
        "shotgun": 0.7,
        "personnel_11": 0.6,
        "defensive_backs_5": 0.7,
        "share_quarter_5": 0.5,
        "coverage_Cover-3": 0.4,
        "share_rushers_6+": 0.2,
        "sack_rushers_6+": 0.5,
    }.items():
        assert found[key] == pytest.approx(value), key
    # 8 attempts: five 0, one each of 30, 12, -2
    assert found["entropy"] == pytest.approx(-(5 / 8 * math.log(5 / 8) + 3 / 8 * math.log(1 / 8)))


def test_games_turn_into_margins_and_differences():
    one = dropbacks()
    other = one.assign(offence_team="BBB", defence_team="AAA").iloc[[1, 4, 8]]
    p = realism.dropback_columns(pd.concat([one, other], ignore_index=True))
    p["epa"] = np.ones(13)
    games = pd.DataFrame(
        [(1, 2026, 1, "BBB", "AAA", 10, 24)],
        columns=["game_id", "season", "week", "home_team", "away_team", "home_points", "away_points"],
    )
    t = realism.team_games(p, games).set_index("team")
    assert t.loc["AAA", "anya"] == pytest.approx((40 + 20 - 45 - 7) / 9)
    assert t.loc["BBB", "anya"] == pytest.approx((12 - 7) / 3)
    assert t.loc["AAA", "difference"] == -t.loc["BBB", "difference"] == pytest.approx(8 / 9 - 5 / 3)
    assert (t.loc["AAA", "margin"], t.loc["AAA", "won"], t.loc["BBB", "won"]) == (14, 1, 0)
    assert (t.loc["AAA", "dropbacks"], t.loc["AAA", "epa"]) == (10, 1)


def test_a_passer_season_knows_its_weeks_its_team_and_the_year_after():
    n = 40
    p = {
        "season": np.repeat([2026, 2027], n),
        "passer_id": np.ones(2 * n, int),
        "week": np.tile([1, 2], n),
        "epa": np.r_[np.tile([0.2, 0.4], n // 2), np.tile([0.5, 0.9], n // 2)],
        "offence_team": np.repeat(["AAA", "BBB"], n),
    }
    standings = pd.DataFrame(
        {"season": [2026, 2027], "team": ["AAA", "BBB"], "wins": [1, 2], "losses": [0, 0], "ties": [1, 0]}
    ).assign(playoffs=[False, True])
    s = realism.passer_seasons(p, standings, weeks=2)
    assert s["epa"].tolist() == pytest.approx([0.3, 0.7])
    assert s["odd"].tolist() == pytest.approx([0.2, 0.5])
    assert s["wins_share"].tolist() == [0.75, 1.0]
    assert s["next"].iloc[0] == pytest.approx(0.7) and np.isnan(s["next"].iloc[1])
    assert realism.passer_seasons(p, standings, weeks=3).empty  # 40 dropbacks in three games do not qualify


# --- the table --------------------------------------------------------------------------------------------------------


def test_targets_are_sound():
    t = realism.read_targets()
    assert t["key"].is_unique and t["definition"].notna().all() and t["source"].notna().all()
    banded = t["low"].notna()
    assert (banded == t["high"].notna()).all() and banded.sum() == 87
    assert (t["low"] <= t["target"])[banded].all() and (t["target"] <= t["high"])[banded].all()
    assert set(t["section"]) == set(realism.SECTIONS)


def test_verdicts_and_the_line_that_counts_them():
    rows = realism.rows_of({"sack_rate": 0.06, "scramble_rate": 0.9, "sack_yards_sd": 3.0}, {"sack_rate": (0.05, 0.07)})
    by_key = {row.key: row for row in rows}
    assert by_key["sack_rate"].verdict == "in"
    assert by_key["scramble_rate"].verdict == "OUT"
    assert by_key["sack_yards_sd"].verdict == ""
    assert by_key["completion_rate"].verdict == "not measured"
    text = realism.format_rows(rows)
    assert "1 of 2 rows inside their bands (50.0%)" in text
    assert "OUT  scramble_rate: 0.900, band 0.0300 to 0.0550" in text
    with pytest.raises(ValueError, match="not among the targets: sack_rat"):
        realism.rows_of({"sack_rat": 0.1}, {})


def test_a_small_league_answers_every_row():
    config = LeagueConfig(teams=6, weeks=3, seasons=2)
    observed = [realism.observe(season) for season in make_league(config, seed=11)]
    measured, intervals = realism.figures(observed, config.weeks, 3, seed=0)
    targets = realism.read_targets().set_index("key")
    expected = targets.index[targets["section"] != 6]
    assert set(measured) == set(expected)
    assert set(intervals) <= set(measured)
    assert measured["completion_rate"] == pytest.approx(
        np.concatenate([o.dropbacks["complete"] for o in observed]).sum()
        / np.concatenate([o.dropbacks["attempt"] for o in observed]).sum()
    )
    assert sum(len(o.dropbacks["attempt"]) for o in observed) > 1_000
