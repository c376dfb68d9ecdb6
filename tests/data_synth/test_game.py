"""The game engine: the rules hold on every play, and who is better wins more often."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_synth.game import (
    COMPLETE,
    INCOMPLETE,
    INTERCEPTION,
    KINDS,
    OUTCOMES,
    SACK,
    SCRAMBLE,
    Dropbacks,
    Fixtures,
    Moment,
    need,
    play_games,
)

GAMES = 300


def fixtures(games: int = GAMES, **home: float) -> Fixtures:
    sides = {name: np.zeros((games, 2)) for name in ("running", "run_defence", "kicking", "pass_taste")}
    for name, value in home.items():
        sides[name][:, 0] = value
    return Fixtures(**sides)


def toy(seed: int, edge: float = 0.0):
    """Dropbacks by dice; `edge` is added to the home side's chance of a completion."""
    rng = np.random.default_rng([seed, 7])

    def passing(moment):
        n = len(moment.game)
        chances = np.array([0.59, 0.29, 0.02, 0.065, 0.035])
        chances = np.tile(chances, (n, 1))
        chances[:, COMPLETE] += np.where(moment.side == 0, edge, 0)
        chances[:, INCOMPLETE] -= np.where(moment.side == 0, edge, 0)
        outcome = (rng.random((n, 1)) > np.cumsum(chances, axis=1)[:, :-1]).sum(axis=1)
        air = np.minimum(np.rint(rng.gamma(1.2, 7.0, n)), moment.yards_to_goal + 5)
        after = np.rint(rng.exponential(4.5, n))
        yards = np.select(
            [outcome == COMPLETE, outcome == SACK, outcome == SCRAMBLE],
            [air + after, -np.rint(rng.gamma(4, 1.6, n)), np.rint(rng.gamma(1.5, 4.8, n))],
            0,
        )
        yards = np.clip(yards, moment.yards_to_goal - 100, moment.yards_to_goal).astype(int)
        back = np.minimum(np.rint(rng.exponential(16, n)), 100 - moment.yards_to_goal + air)
        return Dropbacks(outcome, yards, air, np.where(outcome == INTERCEPTION, back, 0).astype(int))

    return passing


def table(log) -> pd.DataFrame:
    moment = log.moment
    return pd.DataFrame(
        {
            **{name: getattr(moment, name) for name in moment.__dataclass_fields__},
            "kind": np.array(KINDS)[log.kind],
            "outcome": np.array([*OUTCOMES, ""])[log.outcome],
            **{name: getattr(log, name) for name in ("yards", "points_offence", "points_defence", "turnover")},
            "dropback": log.dropback,
        }
    )


@pytest.fixture(scope="module")
def log():
    return play_games(fixtures(), toy(1), rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def plays(log):
    return table(log)


def pairs_of_plays(plays):
    """Plays and the next ones of the same game and half without a score, kick-off or penalty between."""
    after = plays.shift(-1)
    half = lambda t: np.minimum((t["quarter"] - 1) // 2, 2)  # noqa: E731
    same = (after["game"] == plays["game"]) & (half(after) == half(plays))
    same &= (plays["points_offence"] == 0) & (plays["points_defence"] == 0)
    same &= plays["kind"].isin(["pass", "run", "kneel"])
    return plays[same], after[same]


# --- the rules --------------------------------------------------------------------------------------------------------


def test_the_score_is_the_sum_of_the_points(log, plays):
    points = np.zeros((GAMES, 2), dtype=int)
    np.add.at(points, (plays["game"], plays["side"]), plays["points_offence"])
    np.add.at(points, (plays["game"], 1 - plays["side"]), plays["points_defence"])
    np.testing.assert_array_equal(points, log.score)
    assert set(plays["points_offence"]) <= {0, 3, 6, 7, 8}
    assert set(plays["points_defence"]) <= {0, 2, 6, 7, 8}


def test_the_score_difference_is_that_before_the_play(plays):
    for _, game in plays.groupby("game"):
        gained = np.column_stack([game["points_offence"], game["points_defence"]])
        home = np.where(game["side"] == 0, gained[:, 0], gained[:, 1])
        away = np.where(game["side"] == 0, gained[:, 1], gained[:, 0])
        before = (np.cumsum(home) - home) - (np.cumsum(away) - away)
        np.testing.assert_array_equal(game["score_difference"], np.where(game["side"] == 0, before, -before))


def test_the_clock_runs_down_and_quarters_follow_each_other(plays):
    assert plays["clock"].between(0, 900).all()
    assert (plays["clock"] == plays["clock"].round()).all()
    step = plays.groupby("game")[["quarter", "clock"]].diff().dropna()
    assert set(step["quarter"]) <= {0, 1}
    assert (step["clock"][step["quarter"] == 0] <= 0).all()


def test_a_series_goes_on_where_the_last_play_ended(plays):
    now, after = pairs_of_plays(plays)
    keeps = ~now["turnover"]
    ball = now["yards_to_goal"] - now["yards"]
    np.testing.assert_array_equal(after["side"][keeps], now["side"][keeps])
    np.testing.assert_array_equal(after["yards_to_goal"][keeps], ball[keeps])
    first = keeps & (now["yards"] >= now["yards_to_go"])
    assert (after["down"][first] == 1).all()
    np.testing.assert_array_equal(after["yards_to_go"][first], np.minimum(10, ball[first]))
    more = keeps & ~first
    np.testing.assert_array_equal(after["down"][more], now["down"][more] + 1)
    np.testing.assert_array_equal(after["yards_to_go"][more], (now["yards_to_go"] - now["yards"])[more])


def test_a_turnover_gives_the_other_side_the_ball_where_it_happened(plays):
    now, after = pairs_of_plays(plays)
    lost = now["turnover"] & (after["kind"] != "kickoff")
    assert (after["side"][lost] == 1 - now["side"][lost]).all()
    assert (after["down"][lost] == 1).all()
    spot = 100 - (now["yards_to_goal"] - now["yards"])
    there = lost & (now["outcome"] != "interception")
    np.testing.assert_array_equal(after["yards_to_goal"][there], np.clip(spot[there], 1, 99))


def test_downs_distances_and_places_are_possible(plays):
    scrimmage = plays[plays["kind"] != "kickoff"]
    assert scrimmage["down"].between(1, 4).all()
    assert scrimmage["yards_to_goal"].between(1, 99).all()
    assert (scrimmage["yards_to_go"] >= 1).all()
    assert (scrimmage["yards_to_go"] <= scrimmage["yards_to_goal"]).all()
    assert (plays["down"][plays["kind"] == "kickoff"] == 0).all()
    assert (plays["yards"] <= plays["yards_to_goal"]).all()


def test_every_dropback_is_handed_out_once(plays):
    passed = plays["kind"] == "pass"
    assert sorted(plays["dropback"][passed]) == list(range(passed.sum()))
    assert (plays["dropback"][~passed] == -1).all()
    assert (plays["outcome"][~passed] == "").all()


def test_only_overtime_settles_or_leaves_a_draw(log, plays):
    last = plays.groupby("game")["quarter"].max().to_numpy()
    level = log.score[:, 0] == log.score[:, 1]
    assert last.min() == 4
    assert last.max() == 5
    assert (last[level] == 5).all()
    after_four = plays[plays["quarter"] == 5].groupby("game").first()
    assert (after_four["score_difference"] == 0).all()


def test_the_side_that_received_kicks_off_the_second_half(plays):
    kicks = plays[plays["kind"] == "kickoff"]
    opening = kicks.groupby("game")["side"].first()
    second = kicks[kicks["quarter"] == 3].groupby("game")["side"].first()
    np.testing.assert_array_equal(second, 1 - opening)


# --- what it looks like -----------------------------------------------------------------------------------------------


def test_games_look_like_games(log, plays):
    a_team = 2 * GAMES
    assert 34 < (plays["kind"] == "pass").sum() / a_team < 43
    assert 22 < (plays["kind"] == "run").sum() / a_team < 30
    assert 15 < log.score.mean() < 27
    assert 9 < (log.score[:, 0] - log.score[:, 1]).std() < 16  # of equal teams
    runs = plays.loc[plays["kind"] == "run", "yards"]
    assert 3.8 < runs.mean() < 4.6
    assert 2 <= runs.median() <= 3
    made = plays.loc[plays["kind"] == "field_goal", "points_offence"] > 0
    assert 0.78 < made.mean() < 0.92


def test_who_is_behind_passes_more_and_who_leads_runs(plays):
    late = plays[(plays["quarter"] == 4) & plays["kind"].isin(["pass", "run"])]
    share = (late["kind"] == "pass").groupby(np.sign(late["score_difference"])).mean()
    assert share[-1] > share[0] > share[1]


@pytest.mark.parametrize("better", [{"running": 2.0}, {"run_defence": 2.0}, {"kicking": 2.0}])
def test_a_better_home_side_wins_more(better):
    log = play_games(fixtures(1500, **better), toy(2), rng=np.random.default_rng(2))
    margin = log.score[:, 0] - log.score[:, 1]
    assert margin.mean() > 2 * margin.std() / np.sqrt(len(margin))


def test_a_side_that_passes_better_wins_more():
    log = play_games(fixtures(), toy(3, edge=0.08), rng=np.random.default_rng(3))
    assert (log.score[:, 0] > log.score[:, 1]).mean() > 0.6


@pytest.mark.parametrize("speed", [2.0, 6.0])
def test_a_faster_clock_makes_shorter_games_of_four_quarters(speed):
    def games(clock_speed):
        log = play_games(fixtures(200), toy(6), rng=np.random.default_rng(6), clock_speed=clock_speed)
        return table(log)

    usual, short = games(1.0), games(speed)
    assert set(short.loc[short["quarter"] <= 4].groupby("game")["quarter"].nunique()) == {4}
    assert short["clock"].max() == 900
    # What stops the clock makes the number of plays fall by less than the speed.
    assert len(usual) / speed < len(short) < 1.5 * len(usual) / speed


def test_the_need_of_points_grows_with_deficit_and_time():
    quarter, clock = np.array([1, 3, 4, 4, 4, 5]), np.array([900.0, 0.0, 0.0, 0.0, 0.0, 100.0])
    difference = np.array([-8, -8, -8, 8, -80, -8])
    nothing = np.zeros(6)
    moment = Moment(nothing, nothing, quarter, clock, nothing, nothing, nothing, difference, nothing)
    np.testing.assert_allclose(need(moment), [0, (2 / 3) ** 2, 1, -1, 2.5, 0])


def test_a_taste_for_passing_makes_dropbacks():
    plays = table(play_games(fixtures(pass_taste=0.5), toy(4), rng=np.random.default_rng(4)))
    count = plays[plays["kind"] == "pass"].groupby("side").size()
    assert count[0] > 1.03 * count[1]


def test_the_same_seeds_give_the_same_games():
    one, two, other = (
        table(play_games(fixtures(20), toy(s), rng=np.random.default_rng(s))).to_numpy().tolist() for s in (5, 5, 6)
    )
    assert one == two
    assert one != other
