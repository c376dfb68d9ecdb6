"""Laws that synthetic dropbacks keep: bodies with limits, eleven a side, order of events, seeds, left and right."""

from __future__ import annotations

import numpy as np
import pytest

from data_synth import outcome, play, routes
from data_synth.formation import DEFENCE_PERSONNEL, OFFENCE_PERSONNEL, line_up_defence, line_up_offence
from data_synth.outcome import PASS, SACK
from data_synth.play import AFTER_RELEASE, SNAP, Matchup, Situation, simulate
from qbsbp.schema import EVENTS

N = 260
POSITION = {name: code for code, name in enumerate(play.POSITIONS)}


def situation(n: int, seed: int = 0, **fixed) -> Situation:
    rng = np.random.default_rng(seed)
    down = rng.choice([1, 2, 3, 4], n, p=[0.37, 0.33, 0.28, 0.02])
    to_goal = rng.integers(1, 100, n)
    values = dict(
        yards_to_goal=to_goal,
        down=down,
        yards_to_go=np.minimum(np.where(down == 1, 10, rng.integers(1, 16, n)), to_goal),
        quarter=rng.integers(1, 5, n),
        clock=rng.uniform(0, 900, n),
        score_difference=rng.integers(-20, 21, n),
    )
    return Situation(**{**values, **{name: np.full(n, value) for name, value in fixed.items()}})


def matchup(n: int, **shifts) -> Matchup:
    zeros = {name: np.zeros(n) for name in Matchup.__dataclass_fields__}
    return Matchup(**{**zeros, **{name: np.full(n, float(value)) for name, value in shifts.items()}})


@pytest.fixture(scope="module")
def tracks():
    rng = np.random.default_rng(3)
    skill = Matchup(*rng.normal(size=(7, N)))
    return simulate(situation(N), skill, rng)


def recorded(tracks):
    """Whether each (play, frame) belongs to the play."""
    return np.arange(tracks.values.shape[1]) < tracks.lengths[:, None]


def test_values_fill_the_play_and_nothing_else(tracks):
    inside = recorded(tracks)
    assert np.isfinite(tracks.values[inside][:, :22]).all()
    assert np.isfinite(tracks.values[inside][:, 22, :4]).all()
    assert np.isnan(tracks.values[..., 22, 4:]).all()
    assert np.isnan(tracks.values[~inside]).all()
    assert (tracks.lengths == tracks.release + AFTER_RELEASE + 1).all()


def test_eleven_a_side_of_the_personnel_announced(tracks):
    for side, names, codes in (
        (slice(6, 11), OFFENCE_PERSONNEL, tracks.offence_personnel),
        (slice(11, 22), DEFENCE_PERSONNEL, tracks.defence_personnel),
    ):
        for row, code in enumerate(codes):
            for entry in names[code].split(", "):
                count, name = entry.split()
                assert (tracks.position[row, side] == POSITION[name]).sum() == int(count)
    assert (tracks.position[:, 0] == POSITION["QB"]).all()
    assert (tracks.position[:, 1:6] == POSITION["OL"]).all()
    assert (tracks.position[:, 22] == POSITION["ball"]).all()


def test_bodies_keep_to_the_field_and_to_their_limits(tracks):
    x, y, speed, acceleration = np.moveaxis(tracks.values[..., :22, :4], -1, 0)
    inside = recorded(tracks)
    assert (np.abs(x[inside] - 60) <= 65).all()  # a run may end beyond the back line
    assert (np.abs(y[inside] - 80 / 3) <= 31).all()
    assert speed[inside].max() <= 11.5
    assert acceleration[inside].max() <= 16
    step = np.hypot(np.diff(x, axis=1), np.diff(y, axis=1))[inside[:, 1:]]
    assert step.max() <= 1.15  # nobody teleports
    jerk = np.hypot(np.diff(x, 3, axis=1), np.diff(y, 3, axis=1))[inside[:, 3:]]
    assert np.quantile(jerk, 0.99) <= 0.12  # highlight plays: 0.08, and 0.19 at 0.999
    assert np.quantile(jerk, 0.999) <= 0.25


def test_speed_and_direction_agree_with_the_places(tracks):
    x, y, speed, _, direction, _ = np.moveaxis(tracks.values[..., :22, :].astype(float), -1, 0)
    dx, dy = np.diff(x, axis=1) * 10, np.diff(y, axis=1) * 10
    gap = speed[:, 1:] - np.hypot(dx, dy)
    inside = np.isfinite(gap)
    assert 0.03 <= np.median(np.abs(gap[inside])) <= 0.25
    fast = inside & (speed[:, 1:] > 3)
    wrong = (direction[:, 1:] - np.degrees(np.arctan2(dx, dy)) + 180) % 360 - 180
    assert 0.5 <= np.std(wrong[fast]) <= 4.5
    assert abs(np.mean(wrong[fast])) <= 0.3


def test_orientation_is_not_the_direction_of_motion(tracks):
    defence = tracks.values[:, SNAP:, 11:22]
    moving = defence[..., 2] > 3
    apart = np.abs((defence[..., 5] - defence[..., 4] + 180) % 360 - 180)[moving]
    assert 15 <= np.median(apart) <= 90


def test_events_tell_the_story_in_order(tracks):
    rows = np.arange(N)
    tag = np.array(EVENTS)[tracks.events]
    assert (tag[rows, tracks.snap] == "ball_snap").all()
    assert (tracks.release > tracks.snap).all()
    expected = np.array(["pass_forward", "pass_forward", "qb_sack", "run"])[tracks.ended]
    assert (tag[rows, tracks.release] == expected).all()
    assert ((tag == "ball_snap").sum(1) == 1).all()
    assert ((tag == "play_action").any(1) == tracks.play_action).all()


def test_ball_starts_with_the_centre_and_leaves_the_hand_at_the_release(tracks):
    z = tracks.values[..., 0] + 1j * tracks.values[..., 1]
    rows = np.arange(N)
    passer, ball = z[..., 0], z[..., 22]
    assert np.abs(ball[rows, tracks.snap] - z[rows, tracks.snap, 3]).max() < 2.5
    assert np.abs(ball[rows, tracks.release] - passer[rows, tracks.release]).max() < 1.5
    thrown = tracks.ended == PASS
    flown = np.abs(ball[rows, tracks.lengths - 1] - ball[rows, tracks.release])
    assert np.median(flown[thrown]) > 5


def test_targets_belong_to_passes(tracks):
    assert ((tracks.target >= 6) & (tracks.target <= 10))[tracks.ended == PASS].all()
    assert (tracks.target[tracks.ended != PASS] == -1).all()
    assert (np.isfinite(tracks.throwaway_air_yards) == (tracks.ended == outcome.THROWAWAY)).all()


def test_a_seed_gives_the_same_plays_and_another_gives_others():
    first, second, third = (
        simulate(situation(9), matchup(9), np.random.default_rng(seed)).values for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, second)
    assert first.shape != third.shape or not np.array_equal(first, third, equal_nan=True)


def test_left_and_right_follow_one_law_up_to_rounding_in_the_file(tracks):
    assert 0.35 < tracks.left.mean() < 0.65
    y = tracks.values[..., 1].astype(float)
    own = np.abs(y * 100 - np.round(y * 100))
    turned = np.abs((160 / 3 - y) * 100 - np.round((160 / 3 - y) * 100))
    inside = recorded(tracks)
    assert own[inside & ~tracks.left[:, None]].max() < 2e-3
    assert turned[inside & tracks.left[:, None]].max() < 2e-3


def effect(measure, n=500, **shifts):
    """Mean of a measure with a shift and with the opposite one, from the same random numbers."""
    return [
        measure(
            simulate(situation(n, 1), matchup(n, **{k: s * v for k, v in shifts.items()}), np.random.default_rng(2))
        )
        for s in (-1, 1)
    ]


def separation(tracks):
    rows = np.arange(len(tracks.left))
    z = (tracks.values[..., 0] + 1j * tracks.values[..., 1])[rows, np.minimum(tracks.release, SNAP + 20)]
    return np.abs(z[:, 6:11, None] - z[:, None, 11:22]).min(2).mean()


def pressed(tracks):
    return np.isfinite(tracks.first_pressure).mean()


def depth(tracks):
    """Mean yards of the targets downfield of the ball's place at the snap."""
    thrown = np.flatnonzero(tracks.ended == PASS)
    x = tracks.values[thrown, tracks.release[thrown], tracks.target[thrown], 0]
    return (x - tracks.values[thrown, SNAP, 22, 0]).mean()


def share(end):
    return lambda tracks: (tracks.ended == outcome.ENDED.index(end)).mean()


@pytest.mark.parametrize(
    ("measure", "shifts"),
    [
        (separation, dict(receivers=2.5)),
        (separation, dict(coverage=-2.5)),
        (pressed, dict(rush=2.5)),
        (pressed, dict(protection=-2.5)),
        (depth, dict(passer_depth=2)),
        (share("scramble"), dict(passer_mobility=2.5)),
        (share("sack"), dict(passer_decision=-2.5)),
    ],
)
def test_better_teams_move_the_play_their_way(measure, shifts):
    against, in_favour = effect(measure, **shifts)
    assert in_favour > against


def test_nobody_is_in_two_roles_and_everybody_in_one():
    kind = np.zeros(N, dtype=int)
    rng = np.random.default_rng(0)
    line = rng.uniform(11, 109, N)
    offence = line_up_offence(line, kind, rng)
    defence = line_up_defence(offence, line, rng)
    roles = 1 * defence.rusher + (defence.mark >= 0) + np.isfinite(defence.landmark)
    assert (roles == 1).all()
    assert ((defence.rusher.sum(1) >= 3) & (defence.rusher.sum(1) <= 7)).all()
    marked = np.sort(np.where(defence.mark >= 0, defence.mark, 0), axis=1)
    assert ((np.diff(marked, axis=1) > 0) | (marked[:, 1:] == 0)).all()  # no receiver is marked twice
    assert (offence.place.real < line[:, None]).all()
    assert (defence.place.real > line[:, None]).all()


def test_receivers_in_motion_are_tagged(tracks):
    tag = np.array(EVENTS)[tracks.events[:, 0]]
    across = np.abs(np.diff(tracks.values[:, : SNAP + 1, 6:11, 1], axis=1)).sum(1).max(1)
    assert across[tag == "man_in_motion"].min() > 0.3
    assert 0 < (tag == "man_in_motion").mean() < 0.3


def test_one_play_alone():
    tracks = simulate(situation(1), matchup(1), np.random.default_rng(0))
    assert tracks.values.shape[0] == 1
    assert tracks.ended[0] in range(len(outcome.ENDED))


@pytest.mark.parametrize(
    ("name", "value", "limits"),
    [
        ("down", 5, r"\[1, 4\]"),
        ("yards_to_goal", 0, r"\[1, 99\]"),
        ("yards_to_go", -3, r"\[1, 99\]"),
        ("clock", 901, r"\[0, 900\]"),
        ("quarter", np.nan, r"\[1, 9\]"),
    ],
)
def test_impossible_situations_are_refused(name, value, limits):
    with pytest.raises(ValueError, match=rf"{name}\[0\]={value:g}.*{limits}"):
        situation(3, **{name: value})


def test_impossible_matchups_are_refused():
    with pytest.raises(ValueError, match=r"rush\[0\]=11.*\[-10, 10\]"):
        matchup(2, rush=11)
    with pytest.raises(ValueError, match=r"rush has shape \(2,\)"):
        Matchup(**{name: np.zeros(2 if name == "rush" else 3) for name in Matchup.__dataclass_fields__})
    with pytest.raises(ValueError, match="matchup has 2 plays: expected 3"):
        simulate(situation(3), matchup(2), np.random.default_rng(0))


def test_an_unknown_route_is_refused_by_name():
    with pytest.raises(ValueError, match="route='banana': expected one of go, fade"):
        routes.route_index("banana")


def test_sacks_end_behind_the_line():
    far = situation(300, 4, yards_to_goal=50, down=3, yards_to_go=10)
    tracks = simulate(far, matchup(300, rush=5, protection=-5), np.random.default_rng(1))
    sacked = tracks.ended == SACK
    assert sacked.sum() > 5
    assert (tracks.values[sacked, tracks.release[sacked], 0, 0] < 60.5).all()
