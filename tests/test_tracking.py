"""Repairs, velocities and the order of players: right on made-up tracks, and never looking ahead."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

from qbsbp.schema import FOOTBALL, check
from qbsbp.tracking import (
    MAX_SPEED,
    add_velocities,
    cut,
    nearest_opponent,
    order_players,
    pair_defenders,
    prepare,
    repair_holes,
    repair_jumps,
)
from tests.highlight_cases import needs_highlights, prepared_highlights, synthetic
from tests.ultimate_cases import needs_real_data, real, simulated, with_frames

DERIVED = ["velocity_x", "velocity_y", "acceleration_x", "acceleration_y"]


def moved(tracking, change):
    """The plays with positions changed by `change(place, player_id)`; place has shape (frames, 15, 2)."""
    frames = tracking.frames.copy()
    place = frames[["x", "y"]].to_numpy().reshape(-1, 15, 2).copy()
    change(place)
    frames["x"], frames["y"] = place[..., 0].ravel(), place[..., 1].ravel()
    return with_frames(tracking, frames)


def places(tracking):
    return tracking.frames[["x", "y"]].to_numpy().reshape(-1, 15, 2)


# --- jumps ------------------------------------------------------------------------------------------------------------


def test_credible_tracks_are_left_alone():
    tracking = simulated()
    repaired = repair_jumps(tracking)
    np.testing.assert_array_equal(places(repaired), places(tracking))
    assert [repaired.report[name] for name in ("jumps", "repaired_rows", "repaired_plays")] == [0, 0, 0]
    assert not repaired.frames["repaired"].any()


def free(tracking, frame: int) -> int:
    """A column of a player who does not hold the disc around a frame."""
    holding = tracking.frames["holds_disc"].to_numpy().reshape(-1, 15)[frame - 2 : frame + 12]
    return int(np.flatnonzero(~holding.any(axis=0))[0])


@pytest.mark.parametrize("length", [1, 3])
def test_a_short_jump_is_held_at_the_last_credible_place_and_counted(length):
    tracking = simulated()
    column = free(tracking, 50)

    def change(place):
        place[50 : 50 + length, column] += 30.0

    repaired = repair_jumps(moved(tracking, change))
    expected = places(tracking).copy()
    expected[50 : 50 + length, column] = expected[49, column]
    np.testing.assert_array_equal(places(repaired), expected)
    assert repaired.report["jumps"] == 2  # there and back
    assert (repaired.report["repaired_rows"], repaired.report["repaired_plays"]) == (length, 1)
    flagged = repaired.frames[repaired.frames["repaired"]]
    assert set(flagged["player_id"]) == {column + 1}
    assert list(flagged["frame_id"]) == list(range(51, 51 + length))


def test_a_jump_for_good_is_accepted_once_it_could_have_been_run():
    tracking = simulated()
    column, far = free(tracking, 50), 4.0

    def change(place):
        place[:, column] = 20.0
        place[50:, column, 0] += far

    repaired = places(repair_jumps(moved(tracking, change)))
    frames_needed = int(np.ceil(far / (MAX_SPEED / 15)))
    np.testing.assert_array_equal(repaired[50 : 49 + frames_needed, column], 20.0)
    np.testing.assert_array_equal(repaired[49 + frames_needed : 60, column, 0], 20.0 + far)


def test_the_disc_goes_with_its_holder():
    tracking = simulated()
    holder = int(tracking.frames["holds_disc"].to_numpy().reshape(-1, 15)[6].argmax())

    def change(place):
        place[6, [holder, 14]] += 30.0

    repaired = repair_jumps(moved(tracking, change))
    for column in (holder, 14):
        np.testing.assert_array_equal(places(repaired)[6, column], places(tracking)[5, holder])
    assert repaired.report["repaired_rows"] == 2


def test_plays_do_not_touch_each_other():
    tracking = simulated()
    first = tracking.plays["frames"].iloc[0]

    def change(place):
        place[first:] += [5.0, -3.0]  # all later plays elsewhere: no jump where one play follows another

    assert repair_jumps(moved(tracking, change)).report["jumps"] == 0


def test_wrong_arguments_are_refused():
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="max_speed: expected a positive speed in m/s"):
            repair_jumps(simulated(), max_speed=speed)


# --- velocities -------------------------------------------------------------------------------------------------------


def test_velocity_and_acceleration_are_exact_where_they_are_constant():
    tracking = simulated()
    frame = tracking.frames["frame_id"].to_numpy().reshape(-1, 15)
    time = (frame - 1) / 15

    def change(place):
        place[..., 0] = 3.0 * time
        place[..., 1] = 0.5 * 2.0 * time**2

    frames = add_velocities(moved(tracking, change)).frames
    values = frames[DERIVED].to_numpy().reshape(-1, 15, 4)[:, :14]
    late = frame[:, 0] > 2
    np.testing.assert_allclose(values[late][..., 0], 3.0, atol=1e-9)
    np.testing.assert_allclose(values[late][..., 1], 2.0 * (time[late, :14] - 0.5 / 15), atol=1e-9)
    np.testing.assert_allclose(values[late][..., 2], 0.0, atol=1e-7)
    np.testing.assert_allclose(values[late][..., 3], 2.0, atol=1e-7)


def test_what_has_no_past_has_no_velocity_and_the_disc_has_none():
    frames = prepare(simulated()).frames
    velocity = frames[DERIVED].isna().to_numpy().reshape(-1, 15, 4)
    frame = frames["frame_id"].to_numpy()[::15]
    expected = np.zeros_like(velocity)
    expected[frame < 2, :, :2] = True
    expected[frame < 3, :, 2:] = True
    expected[:, 14] = True
    np.testing.assert_array_equal(velocity, expected)


def jump(place):
    place[50:53, 2] += 30.0
    place[70:, 9] += [4.0, 0.0]


def test_preparing_twice_changes_nothing():
    once = prepare(moved(simulated(), jump))
    assert once.report["repaired_rows"] > 3
    pd.testing.assert_frame_equal(prepare(once).frames, once.frames)
    assert prepare(once).report == once.report
    check(once.plays, once.frames)


def test_no_velocity_is_made_of_a_jump():
    prepared = prepare(moved(simulated(), jump))
    speed = np.hypot(prepared.frames["velocity_x"], prepared.frames["velocity_y"])
    assert speed.max() <= MAX_SPEED
    assert speed[prepared.frames["repaired"]].isna().all()
    place, column = places(prepared), 9
    at = 70 + int(np.argmin(prepared.frames["repaired"].to_numpy().reshape(-1, 15)[70:, column]))
    expected = (place[at, column] - place[69, column]) * 15 / (at - 69)  # over all the frames since the last credible
    velocity = prepared.frames[DERIVED[:2]].to_numpy().reshape(-1, 15, 2)[at, column]
    np.testing.assert_allclose(velocity, expected)
    assert at > 70


@pytest.mark.parametrize("last", [1, 2, 3, 40, 77])
def test_no_later_frame_changes_what_is_said_of_an_earlier_one(last):
    tracking = simulated()
    rng = np.random.default_rng(last)
    before = (tracking.frames["frame_id"] <= last).to_numpy()
    frame = before.reshape(-1, 15)[:, 0]

    def change(place):
        place[~frame] = rng.uniform([0, 0], [94, 37], place[~frame].shape)

    changed = prepare(moved(tracking, change))
    columns = ["x", "y", "repaired", *DERIVED]
    np.testing.assert_array_equal(
        changed.frames.loc[before, columns].to_numpy(float),
        prepare(tracking).frames.loc[before, columns].to_numpy(float),
    )
    assert changed.report["repaired_rows"] > 0


@needs_real_data
def test_the_real_jumps_are_repaired():
    prepared = prepare(real())
    assert [prepared.report[name] for name in ("jumps", "repaired_rows", "repaired_plays")] == [20, 25, 2]
    flagged = prepared.frames[prepared.frames["repaired"]]
    assert set(flagged["play_id"]) == {114, 115}
    for play, last in ((114, 164), (115, 194)):
        assert set(flagged.loc[flagged["play_id"] == play, "frame_id"]) == {last - 2, last - 1, last}
    speed = np.hypot(prepared.frames["velocity_x"], prepared.frames["velocity_y"])
    assert speed.max() < MAX_SPEED
    assert real().report["impossible_velocities"] > 0


# --- the order of players ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tracks", [simulated, synthetic], ids=["ultimate", "football"])
def test_the_nearest_opponent_is_found_among_the_other_side(tracks):
    tracking = tracks()
    near = nearest_opponent(tracking)
    frames = tracking.frames
    for row in np.random.default_rng(1).choice(len(frames), 200, replace=False):
        here = frames.iloc[row]
        moment = frames.iloc[row - row % tracking.layout.entities :][: tracking.layout.entities]
        others = moment[(moment["side"] != here["side"]) & moment["side"].isin(["offence", "defence"])]
        if here["side"] not in ("offence", "defence"):
            assert np.isnan(near["separation"].iloc[row])
            assert near["opponent_id"].iloc[row] == 0
            continue
        gap = np.hypot(others["x"] - here["x"], others["y"] - here["y"])
        assert near["separation"].iloc[row] == pytest.approx(gap.min(), abs=1e-5)
        found = others.loc[others["player_id"] == near["opponent_id"].iloc[row]].index[0]
        assert gap[found] == pytest.approx(gap.min(), abs=1e-5)


def test_holder_then_team_mates_by_distance_then_their_markers():
    rng = np.random.default_rng(4)
    offence, defence = np.array([1, 3, 4]), np.array([0, 2, 5])
    place = rng.uniform(0, 30, (200, 7, 2))
    holder = rng.choice(offence, 200)
    order = order_players(place, offence, defence, holder)
    for at, own, columns in zip(place, holder, order):
        attackers, defenders = columns[:3], columns[3:]
        assert attackers[0] == own
        assert sorted(attackers) == list(offence)
        assert sorted(defenders) == list(defence)
        from_holder = np.hypot(*(at[attackers] - at[own]).T)
        assert (np.diff(from_holder) >= 0).all()

        def total(pairing, at=at, attackers=attackers):
            return np.hypot(*(at[attackers] - at[list(pairing)]).T).sum()

        assert total(defenders) == pytest.approx(min(map(total, itertools.permutations(defence))))


def test_the_holder_comes_first_even_under_a_team_mate():
    place = np.zeros((1, 4, 2))
    assert list(order_players(place, np.array([0, 1]), np.array([2, 3]), np.array([1]))[0][:2]) == [1, 0]


def test_no_moments_have_no_order():
    order = order_players(np.zeros((0, 14, 2)), np.arange(7), np.arange(7, 14), np.zeros(0, dtype=int))
    assert order.shape == (0, 14)


def test_defenders_are_paired_at_the_least_total_distance():
    rng = np.random.default_rng(5)
    attackers, defenders = rng.uniform(0, 30, (2, 50, 4, 2))
    for ours, theirs, marker in zip(attackers, defenders, pair_defenders(attackers, defenders)):

        def total(pairing, ours=ours, theirs=theirs):
            return np.hypot(*(ours - theirs[list(pairing)]).T).sum()

        assert total(marker) == pytest.approx(min(map(total, itertools.permutations(range(4)))))


# --- football ---------------------------------------------------------------------------------------------------------


def pitch(tracking, change):
    """Football plays with positions changed by `change(place, frame_id)`; place has shape (frames, 23, 2)."""
    frames = tracking.frames.copy()
    place = frames[["x", "y"]].to_numpy(float, copy=True).reshape(-1, 23, 2)
    change(place, frames["frame_id"].to_numpy()[::23])
    return with_frames(tracking, frames.assign(x=place[..., 0].ravel(), y=place[..., 1].ravel()))


def grid(tracking, *names):
    return tracking.frames[list(names)].to_numpy(float).reshape(-1, 23, len(names))


def test_a_football_play_is_cut_from_snap_to_release():
    tracking = synthetic()
    done = cut(tracking)
    check(done.plays, done.frames, FOOTBALL)
    plays = tracking.plays
    assert (done.plays["snap_frame"] == 1).all()
    assert (done.plays["release_frame"] == plays["release_frame"] - plays["snap_frame"] + 1).all()
    key = ["game_id", "play_id"]
    kept = tracking.frames.merge(plays[[*key, "snap_frame", "release_frame"]], on=key)
    kept = kept[kept["frame_id"].between(kept["snap_frame"], kept["release_frame"])].reset_index(drop=True)
    assert (done.frames["frame_id"] == kept["frame_id"] - kept["snap_frame"] + 1).all()
    same = [name for name in tracking.frames.columns if name != "frame_id"]
    pd.testing.assert_frame_equal(done.frames[same], kept[same])
    count = tracking.frames.groupby(key)["frame_id"].max().to_numpy()
    expected = (
        plays["release_frame"] - plays["snap_frame"] + 1,
        plays["snap_frame"] - 1,
        count - plays["release_frame"],
    )
    for name, number in zip(("frames_in_play", "frames_before_snap", "frames_after_release"), expected):
        assert done.report[name] == number.sum() > 0


def test_the_order_of_the_plays_is_of_no_account():
    tracking = synthetic()
    turned = dataclasses.replace(tracking, plays=tracking.plays[::-1].reset_index(drop=True))
    pd.testing.assert_frame_equal(prepare(turned).frames, prepare(tracking).frames)


def test_velocities_of_the_snap_come_from_before_it_and_the_ball_has_none():
    done, whole = prepare(synthetic()), add_velocities(repair_holes(synthetic()))
    values, player = grid(done, *DERIVED), (done.frames["side"] != "ball").to_numpy().reshape(-1, 23)
    assert np.isfinite(values[player]).all()
    assert np.isnan(values[~player]).all()
    place, frame = grid(whole, "x", "y"), whole.frames["frame_id"].to_numpy()[::23]
    snap = np.flatnonzero(frame == 1) + whole.plays["snap_frame"].to_numpy() - 1
    at_snap = values[done.frames["frame_id"].to_numpy()[::23] == 1][..., :2]
    expected = 10 * (place[snap] - place[snap - 1])
    ball = ~player[:1].repeat(len(snap), axis=0)
    np.testing.assert_allclose(at_snap[~ball], expected[~ball], atol=1e-4)


def test_velocities_agree_with_the_recorded_speed_and_direction():
    done = prepare(synthetic())
    speed, direction = (grid(done, name)[..., 0] for name in ("speed", "direction"))
    recorded = speed[..., None] * np.stack([np.sin(np.radians(direction)), np.cos(np.radians(direction))], axis=-1)
    apart = np.hypot(*np.moveaxis(grid(done, *DERIVED[:2]) - recorded, -1, 0))
    assert np.nanmedian(apart) < 0.4  # yards/s: the recorded ones lag, and have the sensor's noise


def test_preparing_football_twice_changes_nothing():
    once = prepare(synthetic())
    twice = prepare(once)
    pd.testing.assert_frame_equal(twice.frames, once.frames)
    pd.testing.assert_frame_equal(twice.plays, once.plays)


def test_a_frozen_picture_makes_no_velocity_and_no_jump():
    def freeze(place, frame):
        start = int(np.flatnonzero(frame == 20)[0])
        place[start : start + 4] = place[start - 1]

    tracking = pitch(synthetic(), freeze)
    held = repair_holes(tracking)
    assert [held.report[name] for name in ("frozen_frames", "frozen_plays", "held_rows")] == [4, 1, 4 * 23]
    assert repair_holes(synthetic()).report["frozen_frames"] == 0
    start = int(np.flatnonzero(tracking.frames["frame_id"].to_numpy()[::23] == 20)[0])
    np.testing.assert_array_equal(np.flatnonzero(held.frames["repaired"])[[0, -1]], [start * 23, (start + 4) * 23 - 1])
    velocity = grid(add_velocities(held), *DERIVED[:2])
    place, players = grid(tracking, "x", "y"), np.arange(1, 23)
    assert np.isnan(velocity[start : start + 4]).all()
    expected = (place[start + 4] - place[start - 1]) * 10 / 5
    np.testing.assert_allclose(velocity[start + 4, players], expected[players], atol=1e-6)
    assert np.hypot(*velocity[start + 4, players].T).max() < 11


def test_players_who_stand_still_before_the_snap_are_not_frozen():
    def stand(place, frame):
        for f in range(2, 6):
            place[frame == f] = place[frame == 1]

    assert repair_holes(pitch(synthetic(), stand)).report["frozen_frames"] == 0


def test_a_filled_hole_is_held_at_the_last_recorded_place_until_it_ends():
    """A reader fills holes on a straight line to the next record: that line looks ahead, and is not used."""
    tracking = synthetic()
    frames = tracking.frames.copy()
    row = int(np.flatnonzero(frames["frame_id"] == 12)[0]) + 5
    hole = row + 23 * np.arange(3)
    frames["repaired"] = False
    frames.loc[hole, "repaired"] = True
    frames.loc[hole, ["x", "y", "orientation"]] = [[50.0, 20.0, 7.0]] * 3
    held = repair_holes(with_frames(tracking, frames))
    before = frames.loc[row - 23, ["x", "y", "speed", "orientation"]]
    for at in hole:
        pd.testing.assert_series_equal(held.frames.loc[at, before.index], before, check_names=False)
    assert held.report["held_rows"] == 3
    others = np.setdiff1d(np.arange(len(frames)), hole)
    pd.testing.assert_frame_equal(held.frames.iloc[others], frames.iloc[others])
    after = add_velocities(held).frames.loc[row + 69]
    expected = (frames.loc[row + 69, ["x", "y"]] - before[["x", "y"]]) * 10 / 4
    np.testing.assert_allclose(after[DERIVED[:2]].to_numpy(float), expected.to_numpy(float), atol=1e-4)


def test_football_has_the_same_limit_in_yards():
    """A step of 13.2 yard/s is none of a player, one of 13.0 may be; 12 m/s are 13.12 yard/s."""
    for yards, jumps in ((1.30, 0), (1.32, 1)):

        def run(place, frame, yards=yards):
            place[:] = place[:1]
            place[frame >= 9, 3] += [yards, 0.0]

        one = synthetic()
        rows = slice(0, 23 * int(one.plays["release_frame"].iloc[0]))
        report = repair_jumps(pitch(with_frames(one, one.frames[rows]), run)).report
        assert report["jumps"] == jumps


def test_a_thrown_ball_is_no_player_out_of_reach():
    def throw(place, frame):
        place[frame > 12, 0] += 30.0

    thrown = pitch(synthetic(), throw)
    assert thrown.frames["side"].iloc[0] == "ball"
    assert repair_jumps(thrown).report["jumps"] == 0


def test_the_league_and_no_play_at_all_lose_nothing():
    done = prepare(synthetic())
    assert [done.report[name] for name in ("jumps", "repaired_rows", "repaired_plays")] == [0, 0, 0]
    assert done.report.rejected == ()
    assert len(done.plays) == len(synthetic().plays)
    none = dataclasses.replace(synthetic(), plays=synthetic().plays[:0], frames=synthetic().frames[:0])
    assert len(prepare(none).frames) == 0


@pytest.mark.parametrize("last", [1, 6, 7, 15, 30])
def test_no_later_frame_of_football_changes_what_is_said_of_an_earlier_one(last):
    rng = np.random.default_rng(last)

    def change(place, frame):
        place[frame > last] = rng.uniform([0, 0], [120, 53], place[frame > last].shape)

    tracking = synthetic()
    whole, changed = (
        add_velocities(repair_jumps(repair_holes(one)))
        for one in (pitch(tracking, lambda *_: None), pitch(tracking, change))
    )
    assert changed.report["jumps"] > 0
    before = (tracking.frames["frame_id"] <= last).to_numpy()
    columns = ["x", "y", "repaired", *DERIVED]
    np.testing.assert_array_equal(
        changed.frames.loc[before, columns].to_numpy(float), whole.frames.loc[before, columns].to_numpy(float)
    )


@pytest.mark.parametrize(("snap", "release"), [(0, 20), (20, 10), (6, 10_000)])
def test_a_release_that_is_not_in_the_play_is_refused(snap, release):
    plays = synthetic().plays.copy()
    plays.loc[3, ["snap_frame", "release_frame"]] = [snap, release]
    message = rf"plays, row 3, columns 'snap_frame' and 'release_frame', values {snap} and {release}: expected 1 <="
    with pytest.raises(ValueError, match=message):
        cut(dataclasses.replace(synthetic(), plays=plays))


def test_ultimate_is_not_cut():
    for function in (cut, repair_holes):
        with pytest.raises(ValueError, match="tracking: expected the layout 'football', came 'ultimate'"):
            function(simulated())


@needs_highlights
def test_the_real_plays_are_credible_once_prepared():
    done = prepared_highlights()
    check(done.plays, done.frames, FOOTBALL)
    assert [done.report[name] for name in ("frozen_frames", "frozen_plays")] == [15, 1]
    assert [done.report[name] for name in ("jumps", "repaired_rows", "repaired_plays")] == [34, 37, 23]
    assert len(done.plays) == 309
    assert done.report.rejected == ()
    assert done.frames["repaired"].sum() == 4 * 23  # of the play with frozen frames: nobody is out of reach here
    speed = np.hypot(done.frames["velocity_x"], done.frames["velocity_y"])
    assert speed.max() < 11
    assert done.report["frames_in_play"] == len(done.frames) / 23 == 10_275
