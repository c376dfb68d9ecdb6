"""Ranks, scores and leaderboards against what they must be on plays whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal

from qbsbp.distributions import SplicedBinnedPareto
from qbsbp.evaluation import recorded
from qbsbp.features import PASSING_STATIC_FEATURES, StoredPlays
from qbsbp.passing_score import (
    INTERCEPTIONS,
    SPLITS,
    Reference,
    Spread,
    choose,
    display,
    leaderboard,
    movers,
    rank_passes,
    splits_of,
    spread,
)
from qbsbp.schema import Report


def stored(y, to_goal=50, outcome=None, **columns) -> StoredPlays:
    """Plays of these gains, everything else of no interest."""
    y = np.asarray(y, dtype=np.float32)
    n = len(y)
    to_goal = np.broadcast_to(to_goal, n)
    index = pd.DataFrame(
        {
            "game_id": 1,
            "play_id": np.arange(n),
            "passer_id": 7,
            "season": 2026,
            "down": 1,
            "yards_gained": y.astype(int),
        }
    ).assign(outcome=["complete"] * n if outcome is None else outcome, yards_to_goal=to_goal, **columns)
    goal = torch.tensor(np.array(to_goal), dtype=torch.float32)
    return StoredPlays(
        frames=(np.zeros((n, 176), np.float32),), file=np.zeros(n, int), start=np.arange(n),
        lengths=torch.ones(n, dtype=torch.int64), static=torch.ones(n, len(PASSING_STATIC_FEATURES)),
        y=torch.from_numpy(y), group=torch.ones(n, dtype=torch.int64), bounds=torch.stack([goal - 100, goal], 1),
        index=index, report=Report("made up"),
    )  # fmt: skip


def spliced(n: int, dtype=torch.float32) -> SplicedBinnedPareto:
    edges = torch.arange(-10.5, 41, dtype=dtype)
    middle = (edges[1:] + edges[:-1]) / 2
    logits = torch.where(middle < 0, middle / 2 - 2, -middle / 9).expand(n, -1)
    return SplicedBinnedPareto(edges, logits, lower_xi=0.0, lower_beta=2.0, upper_xi=0.3, upper_beta=9.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("to_goal", [1, 7, 50, 99])
def test_the_mean_rank_of_an_average_passer_is_one_half(to_goal, dtype):
    """Over all that can come, by its probability, wherever the goal line is."""
    yards = np.arange(to_goal - 100, to_goal + 1)
    plays = stored(yards, to_goal)
    law = spliced(len(yards), dtype)
    mass = recorded(law, plays).log_prob(plays.y.to(dtype)).exp().double().numpy()
    rank = rank_passes(law, plays)["rank"].to_numpy()
    assert mass.sum() == pytest.approx(1, abs=1e-5)
    assert mass @ rank == pytest.approx(0.5, abs=1e-5)
    assert (np.diff(rank) > 0).all()


def test_a_touchdown_ranks_in_the_middle_of_what_reached_the_goal_line():
    law = Normal(torch.zeros(2), torch.full((2,), 10.0))
    rank = rank_passes(law, stored([5, 5], to_goal=[5, 50]))["rank"]
    below = float(Normal(0.0, 10.0).cdf(torch.tensor(4.5)))
    assert rank[0] == pytest.approx((below + 1) / 2, abs=1e-6)
    assert rank[1] == pytest.approx(float(Normal(0.0, 10.0).cdf(torch.tensor([4.5, 5.5])).mean()), abs=1e-6)


def test_what_an_interception_gains():
    plays = stored(
        [0, 0, 6], outcome=["interception", "incomplete", "complete"], return_yards=[12, 0, 0], air_yards=[30, 5, 6]
    )
    law = spliced(3)
    gains = {way: rank_passes(law, plays, interceptions=way) for way in INTERCEPTIONS}
    assert [gains[way]["gain"][0] for way in INTERCEPTIONS] == [0, -12, 18]
    assert (gains["return"]["rank"][0] < gains["zero"]["rank"][0]) and gains["zero"]["rank"][0] == gains["zero"][
        "rank"
    ][1]
    assert gains["field position"]["rank"][0] > gains["zero"]["rank"][0]
    for way in INTERCEPTIONS:
        pd.testing.assert_frame_equal(gains[way][1:], gains["zero"][1:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interceptions": "punt"}, "interceptions: expected one of zero, return, field position, came 'punt'"),
        ({"interceptions": "return"}, "'return' needs return_yards of every interception"),
        ({"outcome": ["sack", "complete"]}, "1 are none; the first, play 0 of game 1, is a sack"),
        ({"y": []}, "expected passes to rank, came none"),
    ],
)
def test_what_cannot_be_ranked(change, message):
    options = {"interceptions": "zero"} | {k: v for k, v in change.items() if k == "interceptions"}
    y = change.get("y", [0, 3])
    outcome = change.get("outcome", ["interception", "complete"][: len(y)])
    with pytest.raises(ValueError, match=message):
        rank_passes(spliced(len(y)), stored(y, outcome=outcome), **options)


def league(passers=12, games=10, attempts=30, between=0.3, seed=0, per_game=0.0) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of ranks with normal scores of unit spread, and the passers' true means."""
    rng = np.random.default_rng(seed)
    true = between * rng.standard_normal(passers)
    passer = np.repeat(np.arange(passers), games * attempts)
    game = np.repeat(np.arange(passers * games), attempts)
    score = true[passer] + per_game * rng.standard_normal(passers * games)[game] + rng.standard_normal(len(passer))
    table = pd.DataFrame({"passer_id": passer, "game_id": game, "play_id": np.arange(len(passer)), "season": 2026})
    table["rank"] = np.clip(0.5 + 0.1 * score, 0, 1)
    for name in ("pressure", "time_to_throw", "air_yards", "separation"):
        table[name] = rng.uniform(0, 30, len(table))
    return table.assign(down=rng.integers(1, 5, len(table)), play_action=rng.random(len(table)) < 0.2), true


HALF = Reference(0.5, 0.1)


def test_a_leaderboard_by_hand():
    table, _ = league(passers=3, games=4, attempts=5)
    board = leaderboard(table, reference=HALF, seed=1)
    means = (table["rank"].sub(0.5) / 0.1).groupby(table["passer_id"]).mean().sort_values(ascending=False)
    assert board["passer_id"].tolist() == means.index.tolist()
    np.testing.assert_allclose(board["score"], means)
    assert board["place"].tolist() == [1, 2, 3]
    assert (board["games"] == 4).all() and (board["attempts"] == 20).all()
    assert ((board["place_low"] <= board["place"]) & (board["place"] <= board["place_high"])).all()
    pd.testing.assert_frame_equal(board, leaderboard(table, reference=HALF, seed=1))


def test_intervals_cover_and_places_hold_what_is_true():
    """Over repeated leagues; games of a passer that resemble each other must widen the interval."""
    covered, placed, count = 0, 0, 0
    for seed in range(40):
        table, true = league(games=16, attempts=12, between=0.15, per_game=0.4, seed=seed)
        board = leaderboard(table, reference=HALF, draws=400, seed=seed).set_index("passer_id").sort_index()
        covered += ((board["lower"] <= true) & (true <= board["upper"])).sum()
        place = pd.Series(-true).rank()
        placed += ((board["place_low"] <= place) & (place <= board["place_high"])).sum()
        count += len(true)
    assert 0.92 < covered / count < 0.98
    assert placed / count > 0.85


def test_one_game_is_judged_by_its_passes_and_one_pass_by_nothing():
    table, _ = league(passers=4, games=1, attempts=40)
    table = pd.concat([table, table.iloc[:1].assign(passer_id=99, game_id=99)], ignore_index=True)
    board = leaderboard(table, reference=HALF, draws=4000, seed=0).set_index("passer_id")
    sd = (table["rank"] / 0.1).groupby(table["passer_id"]).std()
    np.testing.assert_allclose(board["se"].drop(99), (sd / np.sqrt(40)).drop(99)[board.index.drop(99)], rtol=0.06)
    assert board.loc[99, ["se", "lower", "upper"]].isna().all()
    assert np.isfinite(board.loc[99, "shrunken"])


def test_who_has_too_few_attempts_has_no_place():
    table, _ = league(passers=5, games=4, attempts=10)
    table = table[(table["passer_id"] < 4) | (table["game_id"] == 16)]
    board = leaderboard(table, minimum=20, reference=HALF, seed=0)
    assert board["passer_id"].iloc[-1] == 4
    assert board[["place", "place_low", "place_high"]].iloc[-1].isna().all()
    assert board["place"].iloc[:-1].tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="minimum: no group has 41 attempts; the most are 40"):
        leaderboard(table, minimum=41, reference=HALF, seed=0)


def test_ties_share_a_place():
    table, _ = league(passers=1, games=3, attempts=10)
    twins = pd.concat([table, table.assign(passer_id=1, game_id=table["game_id"] + 3)])
    assert leaderboard(twins, reference=HALF, seed=0)["place"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("rank", "message"),
    [(np.nan, "play 3 of game 0 has nan"), (1.2, "play 3 of game 0 has 1.2"), (None, "column 'rank'")],
)
def test_ranks_that_are_none(rank, message):
    table, _ = league(passers=2, games=2, attempts=5)
    table = table.drop(columns="rank") if rank is None else table.assign(rank=np.where(table.index == 3, rank, 0.5))
    with pytest.raises(ValueError, match=message):
        leaderboard(table, seed=0)


def test_a_group_that_there_is_not():
    with pytest.raises(ValueError, match="no column 'passer'; did you mean passer_id"):
        leaderboard(league()[0], "passer", seed=0)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("presure < 2", "names 'presure', which is no column; did you mean pressure"),
        ("under presure", "no query that can be read .* Did you mean under pressure"),
        ("down ==", "no query that can be read"),
        ("air_yards", "expected a condition such as 'air_yards >= 20', came 'air_yards'"),
        ("down == 7", r"no pass of 3,600 is in 'down == 7'"),
        ("@__import__('os')", "no query that can be read"),
    ],
)
def test_splits_that_are_none(split, message):
    with pytest.raises(ValueError, match=message):
        choose(league()[0], split)


@pytest.mark.parametrize("name", ["under pressure", "2.5 to 4 s", "deep", "third down", "play action"])
def test_splits_with_a_name(name):
    table, _ = league()
    chosen = choose(table, name)
    pd.testing.assert_frame_equal(chosen, table.query(SPLITS[name]))
    assert 0 < len(chosen) < len(table)
    assert choose(table, None) is table


@given(between=st.floats(0.02, 1), within=st.floats(0.1, 3), n=st.integers(1, 10_000), score=st.floats(-3, 3))
def test_shrinkage_is_a_weighted_mean(between, within, n, score):
    s = Spread(0.1, between, within)
    expected = (score * between**2 + 0.1 * within**2 / n) / (between**2 + within**2 / n)
    assert s.shrink(score, n) == pytest.approx(expected, abs=1e-9)
    assert 0 < s.reliability(n) < 1
    assert s.reliability(0) == 0 and s.shrink(score, 0) == pytest.approx(0.1)


@settings(max_examples=5)
@given(st.integers(0, 10_000))
def test_spread_is_found(seed):
    rng = np.random.default_rng(seed)
    passer = np.repeat(np.arange(300), rng.integers(40, 200, 300))
    score = 0.2 + 0.3 * rng.standard_normal(300)[passer] + 1.1 * rng.standard_normal(len(passer))
    found = spread(score, passer)
    assert found.mean == pytest.approx(0.2, abs=0.08)
    assert found.between == pytest.approx(0.3, rel=0.2)
    assert found.within == pytest.approx(1.1, rel=0.03)


def test_no_spread_where_there_is_none():
    rng = np.random.default_rng(1)
    passer = np.repeat(np.arange(20), 50)
    score = rng.standard_normal(1000)
    score -= (np.bincount(passer, score) / 50)[passer]
    assert spread(score, passer).between == 0
    with pytest.raises(ValueError, match="at least two passers"):
        spread([0.1, 0.2], [1, 2])


def test_chance_alone_is_hardly_ever_found_in_splits():
    table, _ = league(passers=30, games=16, attempts=20, between=0.0, seed=5)
    found = splits_of(table, splits=["deep", "third down", "under pressure", "play action"], minimum=20, seed=0)
    assert (found["p"] < 0.05).any()  # among so many some are far by luck
    assert not (found["q"] < 0.05).any()
    assert (found["q"] >= found["p"]).all()
    one = table["passer_id"] == 3
    better = table.assign(rank=np.where(one, np.clip(table["rank"] + 0.06, 0, 1), table["rank"]))
    found = splits_of(better, splits={"deep": "air_yards >= 20"}, minimum=20, seed=0)
    assert found.loc[found["q"] < 0.05, "passer_id"].tolist() == [3]


def test_passer_and_team_are_told_apart_by_those_who_moved():
    rng = np.random.default_rng(11)
    passers, teams = 0.25 * rng.standard_normal(80), 0.15 * rng.standard_normal(32)
    rows = []
    for season in range(10):
        for passer in range(80):
            team = (passer * 7 + season * (passer % 3)) % 32
            score = passers[passer] + teams[team] + rng.standard_normal(120)
            rows.append(pd.DataFrame({"passer_id": passer, "offence_team": team, "season": season, "score": score}))
    table = pd.concat(rows, ignore_index=True)
    table["rank"] = np.clip(0.5 + 0.05 * table["score"], 0, 1)
    found, _, figures = movers(table, reference=Reference(0.5, 0.05))
    assert figures["passers"] == pytest.approx(passers.std(), rel=0.2)
    assert figures["teams"] == pytest.approx(teams.std(), rel=0.3)
    own = found.set_index("passer_id")["effect"].sort_index()
    assert np.corrcoef(own, passers)[0, 1] > 0.9
    error = own - passers
    within = np.abs(error - error.mean()) < 2 * found.set_index("passer_id")["sd"].sort_index()
    assert within.mean() > 0.85
    stay = table[table["passer_id"] % 3 == 0].assign(offence_team=lambda t: t["passer_id"])
    with pytest.raises(ValueError, match="nothing tells the two apart"):
        movers(stay)


def test_the_display_scale():
    np.testing.assert_allclose(display([0.0, 0.1, -0.1, 2.0, -2.0]), [84, 93.5, 74.5, 99, 50])
