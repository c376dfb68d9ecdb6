"""The law of a dropback: a law as its docstrings state it, followed by its draws, given by the tracks alone."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from data_synth import outcome
from data_synth.outcome import (
    INTERCEPTION,
    OUTCOMES,
    PASS,
    SACK,
    SCRAMBLE,
    THROWAWAY,
    YARDS,
    Coefficients,
    Skill,
    State,
    break_on_ball,
    flight_time,
    law,
    run_survival,
    state,
    state_from_tables,
)
from qbsbp.schema import FOOTBALL

CONVENTIONS = ("zero", "return")
ENTITIES = 23


def inputs(n: int, seed: int) -> dict[str, np.ndarray]:
    """Arguments of `state`: n dropbacks strewn at random, but with the passer behind the line and 11 a side."""
    rng = np.random.default_rng(seed)
    yards_to_goal = rng.integers(1, 100, n)
    line = 110.0 - yards_to_goal
    frame = np.full((n, ENTITIES, 6), np.nan)
    frame[..., 0] = np.clip(line[:, None] + rng.gamma(2.0, 5.0, (n, ENTITIES)) - 4, 0, 120)
    frame[..., 1] = rng.uniform(1, 52, (n, ENTITIES))
    frame[:, 0, :2] = np.stack([line - rng.uniform(2, 9, n), rng.uniform(20, 33, n)], axis=1)
    frame[:, 11:13, :2] = frame[:, :1, :2] + rng.normal(0, 3, (n, 2, 2))  # two rushers
    frame[..., 2] = rng.uniform(0, 9, (n, ENTITIES))
    frame[:, 1:, 4:] = rng.uniform(0, 360, (n, ENTITIES - 1, 2))
    frame[:, 0, 4:] = rng.uniform(0, 360, (n, 2))
    frame[:, 22, 4:] = np.nan  # the ball
    ended = rng.choice(4, n, p=[0.85, 0.05, 0.06, 0.04])
    return {
        "frame": np.clip(np.round(frame, 2), -9, None),
        "passer": np.zeros(n, dtype=int),
        "target": np.where(ended == PASS, rng.integers(6, 11, n), -1),
        "defence": np.broadcast_to((np.arange(ENTITIES) >= 11) & (np.arange(ENTITIES) < 22), (n, ENTITIES)),
        "ended": ended,
        "yards_to_goal": yards_to_goal,
        "down": rng.integers(1, 5, n),
        "yards_to_go": np.minimum(rng.integers(1, 16, n), yards_to_goal),
    }


@cache
def states(n: int, seed: int = 0) -> State:
    return state(**inputs(n, seed))


@cache
def laws(n: int, seed: int = 0) -> outcome.OutcomeLaw:
    rng = np.random.default_rng(seed + 1000)
    return law(states(n, seed), Skill(rng.normal(size=n), rng.normal(size=n)))


# --- it is a law ------------------------------------------------------------------------------------------------------


def assert_is_a_law(its: outcome.OutcomeLaw) -> None:
    for interceptions in CONVENTIONS:
        mass = its.pmf(interceptions=interceptions)
        assert (mass >= 0).all()
        np.testing.assert_allclose(mass.sum(axis=1), 1.0, atol=1e-12)
        behind = its.yards_to_goal[:, None] - YARDS  # yards left to the goal line
        possible = (behind >= 0) & (behind <= 100)
        if interceptions == "zero":
            assert (mass[~possible] == 0).all()
        cdf = its.cdf(np.broadcast_to(YARDS, mass.shape), interceptions=interceptions)
        np.testing.assert_allclose(cdf, np.cumsum(mass, axis=1), atol=1e-12)
        assert (its.cdf(-100, interceptions=interceptions) == 0).all()
        np.testing.assert_allclose(its.cdf(99, interceptions=interceptions), 1.0, atol=1e-12)
    np.testing.assert_allclose(
        its.p_complete + its.p_interception + its.p_incomplete, np.isin(its.ended, (PASS, THROWAWAY)), atol=1e-12
    )


def test_probabilities_are_probabilities():
    assert_is_a_law(laws(2000))


@st.composite
def extreme_states(draw):
    """States at and near the ends of every range, far beyond what happens on a field."""
    n = 4
    columns = {}
    for name, low, high in outcome._STATE_RANGES:
        whole = name in ("ended", "yards_to_goal", "down", "yards_to_go")
        one = st.integers(low, high) if whole else st.floats(low, high) | st.sampled_from([low, high, 0.0])
        columns[name] = np.array([draw(one) for _ in range(n)])
    skill = st.floats(-8, 8)
    return State(**columns), Skill(*(np.array([draw(skill) for _ in range(n)]) for _ in range(2)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(extreme_states(), st.floats(0, 1))
def test_the_most_extreme_states_have_a_law_too(pair, level):
    its = law(*pair)
    assert_is_a_law(its)
    for interceptions in CONVENTIONS:
        y = its.quantile(level, interceptions=interceptions)
        assert (its.cdf(y, interceptions=interceptions) >= level - 1e-12).all()
        assert (its.cdf(y - 1, interceptions=interceptions) <= level).all()
    drawn = its.draw(np.random.default_rng(0))
    assert (its.pmf()[np.arange(len(its)), drawn.yards_gained + 99] > 0).all()


def test_quantile_is_the_least_yard_that_reaches_the_level():
    its, levels = laws(500), np.array([0.0, 1e-6, 0.05, 0.3, 0.5, 0.9, 0.999, 1.0])
    for interceptions in CONVENTIONS:
        cdf = its.cdf(np.broadcast_to(YARDS, (500, 199)), interceptions=interceptions)
        reached = ((cdf[:, None] >= levels[:, None]) & (cdf[:, None] > 0)).argmax(axis=2) - 99
        y = its.quantile(np.broadcast_to(levels, (500, 8)), interceptions=interceptions)
        np.testing.assert_array_equal(y, reached)
    np.testing.assert_array_equal(its.quantile(0.5), its.quantile(np.full(500, 0.5)))


def test_mean_and_touchdown_follow_from_the_probabilities():
    its = laws(500)
    mass = its.pmf(interceptions="return")
    np.testing.assert_allclose(its.mean(interceptions="return"), (mass * YARDS).sum(axis=1))
    scored = np.where(its.gain_mass > 0, its.pmf()[np.arange(500), its.yards_to_goal + 99], 0.0)
    np.testing.assert_allclose(its.p_touchdown, scored, atol=1e-12)


# --- it is the law that the docstrings state, by SciPy's account ------------------------------------------------------


def test_a_run_is_weibull_and_beyond_its_threshold_generalized_pareto_with_a_continuous_density():
    c, scale, shape = Coefficients(), 5.3, 1.4
    body = stats.weibull_min(shape, scale=scale)
    threshold = body.isf(c.tail_mass)
    tail = stats.genpareto(c.xi, scale=c.tail_mass / body.pdf(threshold))
    z = np.array([-1.0, 0.0, 0.5, 2.0, threshold, threshold + 0.1, 20.0, 100.0, 1e4])
    expected = np.where(z <= threshold, body.sf(z), c.tail_mass * tail.sf(z - threshold))
    np.testing.assert_allclose(run_survival(z, scale, shape, c), expected, rtol=1e-12)
    below, above = (
        np.diff(run_survival(threshold + np.array(ends), scale, shape, c))[0] for ends in ([-1e-6, 0.0], [0.0, 1e-6])
    )
    assert below == pytest.approx(above, rel=1e-5)
    # Far out the survival falls like z^(-1 / xi), whatever the body was.
    far = run_survival(np.array([1e7, 2e7]), scale, shape, c)
    assert -np.log(2) / np.log(far[1] / far[0]) == pytest.approx(c.xi, rel=1e-4)
    level = np.array([1.0, 0.9, c.tail_mass, 0.01, 1e-9])
    back = run_survival(outcome._run_quantile(level, scale, shape, c), scale, shape, c)
    np.testing.assert_allclose(back, level, rtol=1e-12)


def test_a_pass_has_the_law_of_the_module_docstring():
    its = laws(400)
    c = its.coefficients
    for i in np.flatnonzero(its.ended == PASS)[:30]:
        goal, catch = int(its.yards_to_goal[i]), int(its.air_yards[i])
        body = stats.weibull_min(its.run_shape[i], scale=its.run_scale[i])
        threshold = body.isf(c.tail_mass)
        tail = stats.genpareto(c.xi, scale=c.tail_mass / body.pdf(threshold))

        def after_catch(z, body=body, threshold=threshold, tail=tail, w=its.stopped[i]):
            run = np.where(z <= threshold, body.cdf(z), 1 - c.tail_mass * tail.sf(z - threshold))
            return w * stats.logistic(c.stopped_place, c.stopped_scale).cdf(z) + (1 - w) * run

        gain = np.diff(after_catch(YARDS - catch + 0.5), prepend=0.0)
        expected = np.where(np.isin(YARDS, np.arange(goal - 99, goal)), gain, 0.0)
        expected[99 + goal] = 1 - after_catch(goal - 1 - catch + 0.5)
        if goal > 1:
            expected[goal - 1] = after_catch(goal - 100 - catch + 0.5)  # YARDS[goal - 1] is goal - 100: a safety
        if catch >= goal:
            expected = np.isin(YARDS, goal).astype(float)
        expected *= its.p_complete[i]
        expected[99] += its.p_incomplete[i]
        distance = stats.weibull_min(c.return_shape, scale=c.return_scale)
        limit = 100 - goal + min(max(catch, goal - 99), goal - 1)
        returned = (1 - c.return_none) * np.append(distance.cdf(0.5), np.diff(distance.cdf(np.arange(limit) + 0.5)))
        returned[0] += c.return_none
        returned = np.append(returned, 1 - returned.sum())  # a touchdown of the defence
        with_return = expected.copy()
        with_return[99 - np.arange(limit + 1)] += its.p_interception[i] * returned
        expected[99] += its.p_interception[i]
        one = its[i]
        np.testing.assert_allclose(one.pmf()[0], expected, atol=1e-12)
        np.testing.assert_allclose(one.pmf(interceptions="return")[0], with_return, atol=1e-12)


def test_sacks_and_throwaways_are_certain_and_scrambles_run():
    its, sample = laws(2000), states(2000)
    mass = its.pmf()
    assert (mass[its.ended == THROWAWAY, 99] == 1).all()
    lost = np.clip(np.floor(-sample.passer_depth + 0.5), sample.yards_to_goal - 100, 0).astype(int)
    sacked = its.ended == SACK
    assert (mass[sacked, 99 + lost[sacked]] == 1).all()
    ran = its.ended == SCRAMBLE
    assert (its.mean()[ran & (its.yards_to_goal > 30)] > 2).all()
    np.testing.assert_array_equal(its[ran].p_complete, 0)


def test_better_circumstances_make_better_laws():
    base = states(300)
    base = base[base.ended == PASS]
    n = len(base)

    def chances(**changed):
        its = law(replace(base, **{name: np.full(n, value) for name, value in changed.items()}))
        return its.p_complete, its.p_interception / (1 - its.p_complete)

    for name, worse, better in (
        ("pressure", 0.5, 5.0),
        ("passer_speed", 6.0, 0.0),
        ("sideline", 0.1, 10.0),
        ("lane", 0.1, 5.0),
        ("around", 4.0, 1.0),
        ("air_yards", 25.0, 8.0),
        ("throw_distance", 40.0, 15.0),
    ):
        (p_worse, q_worse), (p_better, q_better) = chances(**{name: worse}), chances(**{name: better})
        assert (p_better > p_worse).all(), name
        assert (q_better <= q_worse + 1e-12).all(), name

    alone = np.exp(-((np.array([0.3, 4.0]) / 4.0) ** 2))  # nobody around but the nearest
    (p_worse, q_worse), (p_better, q_better) = (
        chances(arrival_separation=near, around=a) for near, a in zip((0.3, 4.0), alone, strict=True)
    )
    assert (p_better > p_worse).all()
    assert (q_better < q_worse).all()

    zeros, ones = np.zeros(n), np.ones(n)
    average, accurate, wise = law(base), law(base, Skill(ones, zeros)), law(base, Skill(zeros, ones))
    assert (accurate.p_complete > average.p_complete).all()
    assert (accurate.p_interception < average.p_interception).all()
    assert (wise.p_interception < average.p_interception).all()
    np.testing.assert_array_equal(wise.p_complete, average.p_complete)
    np.testing.assert_array_equal(law(base, Skill(zeros, zeros)).pmf(), average.pmf())


# --- draws follow it --------------------------------------------------------------------------------------------------


def randomised_pit(its: outcome.OutcomeLaw, drawn: outcome.Drawn, interceptions: str, rng) -> np.ndarray:
    y = drawn.yards_gained - (drawn.return_yards if interceptions == "return" else 0)
    below, upto = its.cdf(y - 1, interceptions=interceptions), its.cdf(y, interceptions=interceptions)
    return below + rng.random(len(its)) * (upto - below)


def assert_uniform(pit: np.ndarray, name: str, p: float) -> None:
    assert stats.kstest(pit, "uniform").pvalue > p, name
    assert stats.chisquare(np.histogram(pit, bins=20, range=(0, 1))[0]).pvalue > p, name


@pytest.mark.parametrize("interceptions", CONVENTIONS)
def test_the_randomised_pit_of_50_000_drawn_outcomes_is_uniform_also_within_strata(interceptions):
    n = 50_000
    sample, its, rng = states(n), laws(n), np.random.default_rng(20170907)
    drawn = its.draw(rng)
    pit = randomised_pit(its, drawn, interceptions, rng)
    assert_uniform(pit, "all", 0.01)
    passed = sample.ended == PASS
    strata = {
        "behind the line": passed & (sample.air_yards < 0),
        "short": passed & (sample.air_yards >= 0) & (sample.air_yards < 10),
        "deep": passed & (sample.air_yards >= 20),
        "pressed": sample.pressure < 2,
        "unpressed": sample.pressure >= 2,
        "covered": passed & (sample.arrival_separation < 1),
        "at the goal": sample.yards_to_goal <= 10,
        "midfield": (sample.yards_to_goal > 10) & (sample.yards_to_goal <= 60),
        "backed up": sample.yards_to_goal > 90,
        "scrambles": sample.ended == SCRAMBLE,
    }
    for name, rows in strata.items():
        assert rows.sum() > 500, name
        assert_uniform(pit[rows], name, 0.01 / len(strata))  # 0.01 for all strata together


def test_outcomes_come_as_often_as_their_probabilities_say():
    n = 50_000
    its = laws(n)
    drawn = its.draw(np.random.default_rng(0))
    for name, expected, came in (
        ("complete", its.p_complete, drawn.outcome == OUTCOMES.index("complete")),
        ("interception", its.p_interception, drawn.outcome == INTERCEPTION),
        ("incomplete", its.p_incomplete, drawn.outcome == OUTCOMES.index("incomplete")),
        ("touchdown", its.p_touchdown, drawn.touchdown),
    ):
        z = (came - expected).sum() / np.sqrt((expected * (1 - expected)).sum())
        assert abs(z) < 3.02, name  # p > 0.01 for the four together


def replayed(its: outcome.OutcomeLaw, i: int, interceptions: str, seed: int) -> float:
    """p-value of 10,000 replays of play i against its probabilities, yards of fewer than 10 expected put together."""
    n = 10_000
    drawn = its[np.full(n, i)].draw(np.random.default_rng(seed))
    y = drawn.yards_gained - (drawn.return_yards if interceptions == "return" else 0)
    came, expected = np.bincount(y + 99, minlength=199), n * its[i].pmf(interceptions=interceptions)[0]
    rare = expected < 10
    came, expected = (np.append(values[~rare], values[rare].sum()) for values in (came, expected))
    if expected[-1] < 10:
        came, expected = (np.append(values[:-2], values[-2] + values[-1]) for values in (came, expected))
    return stats.chisquare(came, expected * n / expected.sum()).pvalue


@pytest.mark.parametrize("interceptions", CONVENTIONS)
def test_10_000_replays_of_a_play_match_its_probabilities(interceptions):
    its, sample = laws(2000), states(2000)
    passed = its.ended == PASS
    plays = {
        "screen": passed & (sample.air_yards < -1),
        "middle": passed & (sample.air_yards > 10) & (sample.yards_to_goal > 50),
        "goal line": passed & (sample.yards_to_goal < 6) & (its.air_yards < its.yards_to_goal),
        "intercepted": its.p_interception > 0.1,
        "backed up": passed & (sample.yards_to_goal > 97),
        "scramble": its.ended == SCRAMBLE,
    }
    for seed, (name, rows) in enumerate(plays.items(), start=11):
        assert rows.any(), name
        p = replayed(its, int(np.argmax(rows)), interceptions, seed)
        assert p > 0.01 / len(plays), name  # 0.01 for all plays together


def test_a_drawn_outcome_keeps_to_the_rules_of_the_game():
    its = laws(50_000)
    drawn = its.draw(np.random.default_rng(5))
    named = np.array(OUTCOMES)[drawn.outcome]
    assert (drawn.yards_gained[np.isin(named, ("incomplete", "interception"))] == 0).all()
    assert (drawn.yards_gained <= its.yards_to_goal).all()
    assert (drawn.yards_gained >= its.yards_to_goal - 100).all()
    np.testing.assert_array_equal(drawn.touchdown, drawn.yards_gained == its.yards_to_goal)
    picked = named == "interception"
    assert (drawn.return_yards[~picked] == 0).all()
    assert (drawn.return_yards >= 0).all()
    assert (drawn.return_yards <= its.return_limit).all()
    np.testing.assert_array_equal(drawn.return_touchdown, picked & (drawn.return_yards == its.return_limit))
    np.testing.assert_array_equal(np.isnan(drawn.air_yards), its.ended != PASS)
    assert set(named[its.ended == SACK]) == {"sack"}
    assert set(named[its.ended == SCRAMBLE]) == {"scramble"}
    low, high = FOOTBALL.plays["return_yards"].low, FOOTBALL.plays["return_yards"].high
    assert ((drawn.return_yards >= low) & (drawn.return_yards <= high)).all()


def test_the_same_seed_draws_the_same_and_a_play_draws_alone_what_it_draws_among_others():
    its = laws(2000)
    first, again = (its.draw(np.random.default_rng(8)) for _ in range(2))
    for field in fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    part, rows = its[100:120], slice(100, 120)
    np.testing.assert_array_equal(part.pmf(), its.pmf()[rows])
    np.testing.assert_array_equal(part.cdf(3), its.cdf(3)[rows])


# --- the state is read off the tracks, and nothing else ---------------------------------------------------------------


def assert_same_state(a: State, b: State) -> None:
    for field in fields(State):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), err_msg=field.name)


def test_the_order_of_the_entities_does_not_matter():
    given_inputs = inputs(300, 3)
    order = np.random.default_rng(9).permuted(np.tile(np.arange(ENTITIES), (300, 1)), axis=1)  # new place -> old
    place = np.argsort(order, axis=1)  # old place -> new
    row = np.arange(300)
    aimed = given_inputs["target"] >= 0
    shuffled = given_inputs | {
        "frame": given_inputs["frame"][row[:, None], order],
        "defence": given_inputs["defence"][row[:, None], order],
        "passer": place[row, given_inputs["passer"]],
        "target": np.where(aimed, place[row, given_inputs["target"]], -1),
    }
    assert_same_state(state(**given_inputs), state(**shuffled))


def test_a_mirrored_field_has_the_same_state():
    given_inputs = inputs(300, 4)
    frame = given_inputs["frame"].copy()
    frame[..., 1] = FOOTBALL.field_width - frame[..., 1]
    frame[..., 4:] = (540.0 - frame[..., 4:]) % 360.0
    mirrored, same = state(**given_inputs), state(**given_inputs | {"frame": frame})
    for field in fields(State):
        # y is rounded to 0.01 anew after it was mirrored at 53 1/3
        np.testing.assert_allclose(getattr(same, field.name), getattr(mirrored, field.name), atol=0.03)


def test_single_and_double_precision_give_the_same_state():
    given_inputs = inputs(300, 5)
    rounded = given_inputs | {"frame": given_inputs["frame"].astype(np.float32)}
    assert_same_state(state(**given_inputs), state(**rounded))


def test_the_ball_meets_a_runner_where_both_arrive_at_once():
    given_inputs = inputs(300, 6)
    sample, row = state(**given_inputs), np.arange(300)
    aimed = given_inputs["ended"] == PASS
    runner, hand = (given_inputs["frame"][row, given_inputs[who]] for who in ("target", "passer"))
    angle = np.radians(runner[:, 4])
    x = runner[:, 0] + runner[:, 2] * np.sin(angle) * sample.flight_time
    y = runner[:, 1] + runner[:, 2] * np.cos(angle) * sample.flight_time
    on_field = aimed & (y > 0) & (y < FOOTBALL.field_width) & (x > 1) & (x < 119)
    assert on_field.sum() > 150
    line = 110 - given_inputs["yards_to_goal"]
    np.testing.assert_allclose(sample.air_yards[on_field], (x - line)[on_field], atol=0.01)
    np.testing.assert_allclose(
        sample.throw_distance[on_field], np.hypot(x - hand[:, 0], y - hand[:, 1])[on_field], atol=0.01
    )
    np.testing.assert_allclose(sample.flight_time[aimed], flight_time(sample.throw_distance[aimed]))
    np.testing.assert_allclose(sample.sideline[on_field], np.minimum(y, FOOTBALL.field_width - y)[on_field], atol=0.01)


def test_separation_and_pressure_of_a_play_drawn_by_hand():
    frame = np.full((1, 4, 6), np.nan)
    still = {"passer": (43.0, 26.0), "target": (60.0, 26.0), "defender": (60.0, 30.0), "rusher": (43.0, 29.0)}
    for i, place in enumerate(still.values()):
        frame[0, i, :5] = [*place, 0.0, 0.0, 0.0]
    frame[0, 3, [2, 4]] = [2.0, 180.0]  # towards smaller y, to the passer
    arguments = {
        "passer": np.array([0]),
        "target": np.array([1]),
        "defence": np.array([[False, False, True, True]]),
        "ended": np.array([PASS]),
        "yards_to_goal": np.array([60]),
        "down": np.array([1]),
        "yards_to_go": np.array([10]),
    }
    one = state(frame, **arguments)
    expected = {
        "passer_depth": 7.0,
        "pressure": 3.0,
        "closing": 2.0,
        "air_yards": 10.0,
        "throw_distance": 17.0,
        "separation": 4.0,
        "arrival_separation": 4.0 * break_on_ball(flight_time(17.0)),
        "sideline": 26.0,
        "ahead": 0.0,
        "room": 25.0,
        "lane": 5.0,  # 3 yards before the catch, 4 aside
        "passer_room": np.hypot(17.0, 4.0),
    }
    for name, value in expected.items():
        assert getattr(one, name)[0] == pytest.approx(value), name


def tables(given_inputs: dict[str, np.ndarray], seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same plays as two tables: strange player ids, three frames a play of which only the second is true."""
    rng = np.random.default_rng(seed)
    n = len(given_inputs["passer"])
    player = np.stack([rng.permutation(np.arange(101, 101 + ENTITIES - 1)) for _ in range(n)])
    player = np.concatenate([player, np.zeros((n, 1), dtype=int)], axis=1)  # the ball
    row, target, ended = np.arange(n), given_inputs["target"], given_inputs["ended"]
    plays = pd.DataFrame(
        {
            "game_id": row // 7,
            "play_id": row % 7 * 11,
            "passer_id": player[row, given_inputs["passer"]],
            "target_id": np.where(target >= 0, player[row, target], 0),
            "release_frame": 2,
            "outcome": np.array(["incomplete", "incomplete", "sack", "scramble"])[ended],
            **{name: given_inputs[name] for name in ("yards_to_goal", "down", "yards_to_go")},
        }
    )
    side = np.array(["offence"] * 11 + ["defence"] * 11 + ["ball"])
    channels = ["x", "y", "speed", "acceleration", "direction", "orientation"]
    parts = []
    for i in range(n):
        order = np.argsort(player[i])
        for frame_id in (1, 2, 3):
            moved = given_inputs["frame"][i, order] + (frame_id - 2)
            part = pd.DataFrame(moved.astype(np.float32), columns=channels)
            parts.append(
                part.assign(
                    game_id=i // 7, play_id=i % 7 * 11, frame_id=frame_id, player_id=player[i, order], side=side[order]
                )
            )
    return plays, pd.concat(parts, ignore_index=True)


def test_tables_and_tracks_give_exactly_the_same_state():
    given_inputs = inputs(60, 7)
    plays, frames = tables(given_inputs, 8)
    assert_same_state(state_from_tables(plays, frames), state(**given_inputs))
    turned = np.arange(60)[::-1]
    assert_same_state(state_from_tables(plays.iloc[turned], frames), state(**given_inputs)[turned])


def test_a_state_survives_its_table():
    sample = states(300)
    table = sample.table().assign(game_id=1)
    assert_same_state(State.from_table(table), sample)
    assert list(asdict(sample)) == list(table.columns[:-1])


# --- bad input is refused, by name ------------------------------------------------------------------------------------


def with_entry(values: np.ndarray, at: tuple[int, ...] | int, entry: float) -> np.ndarray:
    changed = np.array(values)
    changed[at] = entry
    return changed


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("frame", lambda v: v[..., :5], r"frame: expected shape \(plays, entities, 6\), came \(20, 23, 5\)"),
        (
            "frame",
            lambda v: with_entry(v, (3, 12, 0), np.nan),
            r"channel 'x' at \(3, 12\), value nan: .* from -10 to 130",
        ),
        ("frame", lambda v: with_entry(v, (0, 15, 1), 80), r"channel 'y' at \(0, 15\), value 80.0: .* from -20 to 75"),
        ("frame", lambda v: with_entry(v, (2, 0, 2), -1), r"channel 'speed' at \(2, 0\), value -1.0: .* from 0 to 50"),
        ("frame", lambda v: with_entry(v, (2, 0, 4), 361), r"channel 'direction' at \(2, 0\), value 361.0: .* to 360"),
        ("passer", lambda v: v[:-1], r"passer: expected numbers of shape \(20,\), came int64 of shape \(19,\)"),
        ("passer", lambda v: with_entry(v, 1, 23), r"passer at \(1,\), value 23: expected a number from 0 to 22"),
        ("target", lambda v: np.full_like(v, -1), r"target at \(\d+,\), value -1: expected a number from 0 to 22"),
        ("defence", lambda v: v[:, :5], r"defence: expected numbers of shape \(20, 23\), came bool of shape \(20, 5\)"),
        ("ended", lambda v: with_entry(v, 4, 7), r"ended at \(4,\), value 7: expected a number from 0 to 3"),
        ("yards_to_goal", lambda v: with_entry(v, 4, 0), r"yards_to_goal at \(4,\), value 0: .* from 1 to 99"),
        ("down", lambda v: with_entry(v, 0, 5), r"down at \(0,\), value 5: expected a number from 1 to 4"),
        ("yards_to_go", lambda v: v.astype(str), r"yards_to_go: expected numbers of shape \(20,\), came <U"),
    ],
)
def test_states_of_impossible_input_are_refused(name, change, message):
    given_inputs = inputs(20, 2)
    given_inputs["ended"] = np.full(20, PASS)
    given_inputs["target"] = np.full(20, 7)
    with pytest.raises(ValueError, match=message):
        state(**given_inputs | {name: change(given_inputs[name])})


def test_players_that_nobody_needs_may_be_missing():
    given_inputs = inputs(20, 2)
    frame = given_inputs["frame"].copy()
    frame[:, 1:6] = np.nan  # linemen
    assert_same_state(state(**given_inputs | {"frame": frame}), state(**given_inputs))


def test_laws_of_impossible_input_are_refused():
    sample = states(20)
    its = law(sample)
    with pytest.raises(ValueError, match=r"skill: expected 20 passers, one a play of the state, came 3"):
        law(sample, Skill(np.zeros(3), np.zeros(3)))
    with pytest.raises(ValueError, match=r"accuracy at \(1,\), value nan: expected a number from -8 to 8"):
        Skill(np.array([0, np.nan]), np.zeros(2))
    with pytest.raises(ValueError, match=r"decision: expected numbers of shape \(2,\)"):
        Skill(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match=r"pressure at \(5,\), value -1.0: expected a number from 0 to 25"):
        replace(sample, pressure=with_entry(sample.pressure, 5, -1.0))
    with pytest.raises(ValueError, match=r'interceptions: expected "zero" or "return", came \'lost\''):
        its.pmf(interceptions="lost")
    with pytest.raises(ValueError, match=r"level at \(\), value 1.5: expected a number from 0 to 1"):
        its.quantile(1.5)
    with pytest.raises(ValueError, match=r"y: expected a number or shape \(20,\) or \(20, K\), came \(3,\)"):
        its.cdf(np.zeros(3))
    with pytest.raises(ValueError, match=r"y: expected yards, came NaN at \(2,\)"):
        its.cdf(with_entry(np.zeros(20), 2, np.nan))
    with pytest.raises(ValueError, match=r"tail_mass, value 0: expected a number between 0 and 1"):
        Coefficients(tail_mass=0)
    with pytest.raises(ValueError, match=r"run_shape, value -1: expected a number above 0"):
        Coefficients(run_shape=-1)


def test_tables_without_the_release_are_refused():
    plays, frames = tables(inputs(10, 7), 8)
    gone = frames.drop(index=frames.index[(frames["frame_id"] == 2) & (frames["play_id"] == 11)][:1])
    with pytest.raises(
        ValueError, match=r"expected 23 rows in the release frame of every play, came 22 in frame 2 of play"
    ):
        state_from_tables(plays, gone)
    stranger = plays.assign(passer_id=plays["passer_id"].where(plays.index != 4, 999))
    with pytest.raises(ValueError, match=r"plays, row 4, column 'passer_id', value 999: no such player in frames"):
        state_from_tables(stranger, frames)
