"""An exported model says what the model says; a play from raw frames is the play that training would have seen."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch

from qbsbp import Rounded, SplicedBinnedPareto
from qbsbp.evaluation import recorded
from qbsbp.experiment import load_config
from qbsbp.features import PlayTensors, passing_plays
from qbsbp.model import ModelConfig, PassingModel
from qbsbp.realtime import Scorer, Tracks, YardsLaw, export, graph, raw_plays
from qbsbp.schema import FOOTBALL, Tracking
from qbsbp.tracking import prepare
from tests.highlight_cases import NEEDS_HIGHLIGHTS, highlights, synthetic

EDGES = tuple(np.arange(-10.5, 41, 3).tolist())
SMALL = ModelConfig(in_channels=5, static_features=4, channels=(6, 6), hidden=(9,), bin_edges=EDGES, scale=4.0)
CONFIGS = {
    "small": SMALL,
    "widths that differ": dataclasses.replace(SMALL, channels=(4, 7, 7, 5)),
    "two taps": dataclasses.replace(SMALL, kernel_size=2, channels=(5,) * 4),
    "four taps": dataclasses.replace(SMALL, kernel_size=4),
    "one block": dataclasses.replace(SMALL, channels=(5,)),
    "no hidden layer": dataclasses.replace(SMALL, hidden=(), static_bins=3),
    "two hidden layers": dataclasses.replace(SMALL, hidden=(8, 7), dropout=0.4),
    "encoded static features": dataclasses.replace(SMALL, static_bins=6),
    "no static features": dataclasses.replace(SMALL, static_features=0),
    "other masses and bounds": dataclasses.replace(SMALL, lower_mass=0.02, upper_mass=0.1, lower_xi_bounds=(0.05, 0.6)),
}
BATCHES = [(1, 1), (1, 2), (1, 19), (3, 40), (17, 7), (2, 90)]  # plays, time


def plays_for(config: ModelConfig, plays: int, time: int, seed: int = 0) -> PlayTensors:
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, time + 1, (plays,), generator=g)
    lengths[0] = time
    static = 2 + 3 * torch.randn(plays, config.static_features, generator=g)
    static[:, : config.static_features // 2] = static[:, : config.static_features // 2].round()  # few values
    y = torch.randint(-8, 40, (plays,), generator=g).float()
    return PlayTensors(
        x=5 + 3 * torch.randn(plays, config.in_channels, time, generator=g),
        lengths=lengths,
        static=static,
        y=y,
        group=torch.arange(plays),
        bounds=torch.tensor([[-60.0, 40.0]]).repeat(plays, 1),
    )


def shaken(config: ModelConfig) -> PassingModel:
    """A model in evaluation mode with all its weights off their start."""
    torch.manual_seed(7)
    model = PassingModel(config)
    model.initialise_from(plays_for(config, 300, 12, seed=1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


def arrays(plays: PlayTensors) -> tuple[np.ndarray, ...]:
    return plays.x.numpy(), plays.lengths.numpy(), plays.static.numpy()


def bounds(plays: PlayTensors) -> tuple[np.ndarray, ...]:
    return plays.bounds[:, 0].numpy(), plays.bounds[:, 1].numpy()


@functools.cache
def passing_model() -> PassingModel:
    """The passing model of the package's configuration, on the features of synthetic plays."""
    plays, _ = passing_plays(prepare(synthetic()))
    torch.manual_seed(3)
    model = PassingModel(load_config().model_config(plays))
    model.initialise_from(plays)
    torch.nn.init.normal_(model.output.weight, std=0.05)
    return model.eval()


@pytest.fixture(scope="module")
def scorer(tmp_path_factory) -> Scorer:
    return Scorer.load(export(passing_model(), tmp_path_factory.mktemp("model") / "passing.onnx"))


# --- the exported model -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_the_exported_model_agrees_with_the_model(name, tmp_path):
    model = shaken(CONFIGS[name])
    scorer = Scorer.load(export(model, tmp_path / "model.onnx"))
    for plays, time in BATCHES:
        batch = plays_for(model.config, plays, time, seed=time)
        law = model.predict(batch)
        logits, xi, beta = scorer.run(*arrays(batch))
        expected = torch.log_softmax(law.logits, -1), (law.lower_xi, law.upper_xi), (law.lower_beta, law.upper_beta)
        np.testing.assert_allclose(torch.log_softmax(torch.tensor(logits), -1), expected[0], rtol=0, atol=1e-5)
        np.testing.assert_allclose(xi, torch.stack(expected[1], 1), rtol=0, atol=1e-5)
        np.testing.assert_allclose(beta, torch.stack(expected[2], 1), rtol=1e-5)
        ours, rounded = scorer.laws(*arrays(batch), *bounds(batch)), recorded(law, batch)
        np.testing.assert_allclose(ours.cdf(batch.y.numpy()), rounded.cdf(batch.y), rtol=0, atol=1e-5)


def test_the_passing_model_agrees_on_synthetic_plays(scorer):
    plays, _ = passing_plays(prepare(synthetic()))
    law = recorded(passing_model().predict(plays), plays)
    ours = scorer.laws(*arrays(plays), *bounds(plays))
    assert law.cdf(plays.y).std() > 0.1
    np.testing.assert_allclose(ours.cdf(plays.y.numpy()), law.cdf(plays.y), rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.rank(plays.y.numpy()), (law.cdf(plays.y - 1) + law.cdf(plays.y)) / 2, atol=1e-5)


def test_what_pads_a_play_is_never_read(tmp_path):
    scorer = Scorer.load(export(shaken(SMALL), tmp_path / "model.onnx"))
    batch = plays_for(SMALL, 5, 20)
    before = scorer.run(*arrays(batch))
    padding = (torch.arange(20) >= batch.lengths[:, None])[:, None].expand_as(batch.x)
    assert padding.any()
    batch.x[padding] = torch.nan
    for one, other in zip(before, scorer.run(*arrays(batch))):
        np.testing.assert_array_equal(one, other)


def test_export_leaves_the_model_as_it_is_and_replaces_an_older_file(tmp_path):
    model = shaken(CONFIGS["two hidden layers"]).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    path = tmp_path / "model.onnx"
    path.write_text("older")
    assert export(model, path) == path
    assert model.training and all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    Scorer.load(path)


def test_what_travels_with_the_model(tmp_path):
    scorer = Scorer.load(export(shaken(SMALL), tmp_path / "model.onnx", past=2.5, use_target=False))
    assert scorer.config == SMALL
    assert (scorer.past_frames, scorer.use_target) == (25, False)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (lambda: PassingModel(dataclasses.replace(SMALL, law="binned")), {}, "expected the law spliced_binned_pareto"),
        (lambda: PassingModel(SMALL, trunk=Flat()), {}, "expected a TCN as its trunk, got Flat"),
        (lambda: PassingModel(SMALL), {"past": 0.25}, "past: expected a positive multiple of 1/10 s"),
    ],
)
def test_what_cannot_be_exported_is_refused(model, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export(model(), tmp_path / "model.onnx", **options)
    assert not list(tmp_path.iterdir())


class Flat(torch.nn.Module):
    width = 3


def test_files_that_are_no_exported_model_are_refused(tmp_path):
    path = export(shaken(SMALL), tmp_path / "model.onnx")
    whole = path.read_bytes()
    for share in (0, 0.1, 0.5, 0.9, 0.99):
        (tmp_path / "part.onnx").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match=r"part\.onnx: expected .*Export the model again"):
            Scorer.load(tmp_path / "part.onnx")
    model = onnx.load(path)
    about = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps(about | {"format": 99})
    onnx.save(model, tmp_path / "newer.onnx")
    with pytest.raises(ValueError, match=r"newer\.onnx: expected format 1, came 99"):
        Scorer.load(tmp_path / "newer.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="expected a model that qbsbp exported"):
        Scorer.load(tmp_path / "other.onnx")
    with pytest.raises(FileNotFoundError, match=r"none\.onnx: there is no such file\. Write one with"):
        Scorer.load(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, n, s: (x[:, :4], n, s), r"x: expected shape \(3, 5, 8\) in float32, came \(3, 4, 8\)"),
        (lambda x, n, s: (x.astype(float), n, s), "x: .* in float32, came .* in float64"),
        (lambda x, n, s: (x, n.astype(np.int32), s), "lengths: .* in int64, came .* in int32"),
        (lambda x, n, s: (x, n, s[:2]), r"static: expected shape \(3, 4\) in float32, came \(2, 4\)"),
        (lambda x, n, s: (x, n * 0, s), r"lengths: expected 1 to 8 frames, and lengths\[0\] is 0"),
        (lambda x, n, s: (x, n * 0 + 9, s), r"lengths: expected 1 to 8 frames, and lengths\[0\] is 9"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, message, tmp_path):
    scorer = Scorer.load(export(shaken(SMALL), tmp_path / "model.onnx"))
    with pytest.raises(ValueError, match=message):
        scorer.run(*change(*arrays(plays_for(SMALL, 3, 8))))


# --- the law in NumPy -------------------------------------------------------------------------------------------------

LAWS = {
    "usual": {},
    "exponential tails": {"xi": (0.0, 0.0)},
    "tails that end": {"xi": (-0.4, -0.3)},
    "heavy tails": {"xi": (0.6, 0.9)},
    "tails of different mass": {"tail_mass": (0.01, 0.2)},
    "short of the bins": {"lower": -4.0, "upper": 7.0},
    "far beyond the bins": {"lower": -99.0, "upper": 1.0},
}


@pytest.mark.parametrize("name", LAWS)
def test_the_law_is_the_rounded_law(name):
    case = {"xi": (0.1, 0.3), "tail_mass": (0.05, 0.05), "lower": -60.0, "upper": 40.0} | LAWS[name]
    rng = np.random.default_rng(5)
    plays = 6
    edges = np.sort(rng.uniform(-15, 35, 14))
    logits, beta = rng.normal(0, 1.5, (plays, 13)), rng.uniform(1, 6, (plays, 2))
    xi, lower = np.tile(case["xi"], (plays, 1)), np.full(plays, case["lower"])
    upper = case["upper"] + 3 * np.arange(plays)  # the plays end at different yards
    ours = YardsLaw(edges, logits, xi, beta, case["tail_mass"], lower, upper)
    tensors = [torch.tensor(v) for v in (edges, logits, xi[:, 0], beta[:, 0], xi[:, 1], beta[:, 1])]
    base = SplicedBinnedPareto(*tensors, lower_mass=case["tail_mass"][0], upper_mass=case["tail_mass"][1])
    theirs = Rounded(base, torch.tensor(lower), torch.tensor(upper))
    yards = np.arange(case["lower"] - 2, case["upper"] + 20)
    everywhere = np.tile(yards, (plays, 1))
    every = torch.tensor(yards)[:, None]
    np.testing.assert_allclose(ours.cdf(everywhere), theirs.cdf(every).T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.survival(everywhere), theirs.survival(every).T, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-9)
    for level in (0.003, 0.05, 0.5, 0.9, 0.997):
        np.testing.assert_array_equal(ours.quantile(level), theirs.icdf(level))
    for gain in (case["lower"], case["lower"] + 1, 0.0, case["upper"]):
        whole = theirs.log_prob(torch.full((plays,), gain).double()).exp().numpy()
        rank = ours.rank(gain)
        assert rank.shape == (plays,)
        np.testing.assert_allclose(rank, ours.cdf(gain) - whole / 2, atol=1e-9)


def test_a_touchdown_is_ranked_in_the_middle_of_what_is_left():
    law = YardsLaw(np.array([-1.0, 3, 20]), np.zeros((1, 2)), np.full((1, 2), 0.2), np.ones((1, 2)), (0.05, 0.05),
                   np.array([-90.0]), np.array([10.0]))  # fmt: skip
    np.testing.assert_allclose(law.rank(10), (law.cdf(9) + 1) / 2)
    for gain, message in (
        (10.5, "yards\\[0\\] is 10.5"),
        (11, "-90 to 10, and yards\\[0\\] is 11"),
        (np.nan, "is nan"),
    ):
        with pytest.raises(ValueError, match=message):
            law.rank(gain)
    with pytest.raises(ValueError, match=r"level: expected a number in \(0, 1\), came 1"):
        law.quantile(1)


# --- a play from raw frames -------------------------------------------------------------------------------------------


def disturbed() -> Tracking:
    """The synthetic plays with all that `tracking` repairs: rows filled in, still pictures, players out of reach."""
    tracking, rng = synthetic(), np.random.default_rng(8)
    frames = tracking.frames.copy()
    place = frames[["x", "y"]].to_numpy(copy=True).reshape(-1, 23, 2)
    key = frames[["game_id", "play_id"]].iloc[::23]
    opens = np.flatnonzero(key.ne(key.shift()).any(axis=1).to_numpy())
    stops = np.append(opens[1:], len(place))
    repaired = np.zeros(place.shape[:2], dtype=bool)
    for number, (start, stop) in enumerate(zip(opens, stops)):
        for kind in rng.choice(4, size=number % 4, replace=False):  # a quarter is left as it is
            at = rng.integers(start, stop - 4)
            if kind == 0:
                repaired[at : at + 3, rng.integers(23, size=4)] = True
            elif kind == 1:
                place[at + 1 : at + 4] = place[at]
            elif kind == 2:
                place[at + 1 : at + 3, rng.integers(1, 23)] += rng.choice([-6, 6])
            else:
                place[at, :] += rng.choice([-3, 3])
    frames[["x", "y"]] = place.reshape(-1, 2)
    frames["repaired"] = repaired.ravel()
    return dataclasses.replace(tracking, frames=frames)


SOURCES = {"synthetic": synthetic, "disturbed": disturbed, "highlights": highlights}


def one_at_a_time(tracks: Tracks):
    """The frames, each by itself."""
    for frame in range(len(tracks.frame_id)):
        yield Tracks(*(None if column is None else column[frame] for column in tracks))


@pytest.mark.parametrize("use_target", [True, False])
@pytest.mark.parametrize("source", ["synthetic", "disturbed", pytest.param("highlights", marks=NEEDS_HIGHLIGHTS)])
def test_a_raw_play_is_the_play_that_training_sees(source, use_target, scorer, tmp_path):
    tracking = SOURCES[source]()
    scorer = Scorer.load(export(passing_model(), tmp_path / "model.onnx", use_target=use_target))
    prepared = prepare(tracking)
    plays, index = passing_plays(prepared, use_target=use_target)
    row = {(one.game_id, one.play_id): at for at, one in enumerate(index.itertuples())}
    laws = recorded(passing_model().predict(plays), plays)
    ranks = (laws.cdf(plays.y - 1) + laws.cdf(plays.y)) / 2
    seen = 0
    for raw in raw_plays(tracking):
        at = row.get((raw.game_id, raw.play_id))
        if at is None:
            with pytest.raises(ValueError, match=r"some player is out of reach in .* Leave the play out"):
                scorer.law(raw.situation, raw.tracks, raw.snap_frame)
            continue
        play = scorer.play(raw.situation)
        law = play.push(raw.tracks, snap_frame=raw.snap_frame)
        x, lengths, static = play.tensors()
        np.testing.assert_array_equal(x[0], plays.x[at, :, : lengths[0]])
        np.testing.assert_allclose(static[0], plays.static[at], rtol=1e-6, atol=1e-6)
        assert lengths == plays.lengths[at]
        np.testing.assert_allclose(law.rank(raw.yards_gained), ranks[at], rtol=0, atol=1e-5)
        np.testing.assert_array_equal(scorer.law(raw.situation, raw.tracks, raw.snap_frame).cdf([5.0]), law.cdf([5.0]))
        seen += 1
    assert seen == len(plays)


@pytest.mark.parametrize("source", ["synthetic", "disturbed"])
def test_a_frame_at_a_time_is_the_same_as_all_at_once(source, tmp_path):
    scorer = Scorer.load(export(passing_model(), tmp_path / "model.onnx", past=1.5))  # shorter than most plays
    longest = 0
    for raw in itertools.islice(raw_plays(SOURCES[source]()), 0, None, 7):
        whole = scorer.play(raw.situation)
        whole.push(raw.tracks, snap_frame=raw.snap_frame)
        stream = scorer.play(raw.situation)
        for frame in one_at_a_time(raw.tracks):
            law = stream.push(frame, snap_frame=raw.snap_frame if frame.frame_id == raw.snap_frame else None)
            assert (law is None) == (frame.frame_id < raw.snap_frame)
        for one, other in zip(whole.tensors(), stream.tensors(), strict=True):
            np.testing.assert_array_equal(one, other)
        assert stream.out_of_reach == whole.out_of_reach
        longest = max(longest, len(raw.tracks.frame_id) - raw.snap_frame + 1)
    assert longest > 2 * scorer.past_frames


def test_every_law_of_a_stream_is_that_of_a_release_then(scorer):
    raw = max(raw_plays(synthetic()), key=lambda raw: len(raw.tracks.frame_id))
    stream = scorer.play(raw.situation)
    for number, frame in enumerate(one_at_a_time(raw.tracks), start=1):
        law = stream.push(frame, snap_frame=raw.snap_frame if frame.frame_id == raw.snap_frame else None)
        if law is not None and number % 5 == 0:
            then = scorer.law(raw.situation, Tracks(*(None if c is None else c[:number] for c in raw.tracks)),
                              raw.snap_frame)  # fmt: skip
            np.testing.assert_array_equal(law.logits, then.logits)


def test_another_target_is_another_law(scorer):
    raw = next(raw for raw in raw_plays(synthetic()) if raw.situation.target_id)
    play = scorer.play(raw.situation)
    law = play.push(raw.tracks, snap_frame=raw.snap_frame)
    for player in raw.situation.player_id[raw.situation.side == "offence"].tolist():
        if player == raw.situation.passer_id:
            with pytest.raises(ValueError, match="target_id: expected a player of the offence who is not the passer"):
                play.law(player)
            continue
        other = scorer.law(dataclasses.replace(raw.situation, target_id=player), raw.tracks, raw.snap_frame)
        np.testing.assert_array_equal(play.law(player).logits, other.logits)
        assert (player == raw.situation.target_id) == np.array_equal(other.logits, law.logits)


# --- bad input --------------------------------------------------------------------------------------------------------


@functools.cache
def raw_play():
    return next(raw for raw in raw_plays(synthetic()) if raw.situation.target_id)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {"player_id": s.player_id[:22]}, r"player_id: expected 23 entries, .* came shape \(22,\)"),
        (
            lambda s: {"side": np.where(s.side == "ball", "offence", s.side)},
            "side: expected 11 offence, .* came 12, 11, 0",
        ),
        (lambda s: {"player_id": np.r_[s.player_id[:22], s.player_id[0]]}, "player_id: expected 23 different ids"),
        (lambda s: {"passer_id": 5}, "passer_id: expected a player of the offence, one of .*, came 5"),
        (lambda s: {"target_id": s.passer_id}, "target_id: .* who is not the passer, one of .*, or give 0"),
        (
            lambda s: {"target_id": int(s.player_id[s.side == "defence"][0])},
            "target_id: expected a player of the offence",
        ),
        (lambda s: {"down": 5}, "down: expected an integer from 1 to 4, came 5"),
        (lambda s: {"clock": float("nan")}, "clock: expected a number from 0 to 900 s, came nan"),
    ],
)
def test_a_situation_that_cannot_be_is_refused(change, message):
    situation = raw_play().situation
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(situation, **change(situation))


def spoil(name: str, value: float, frame: int = 4, entity: int = 3):
    def change(tracks: Tracks) -> Tracks:
        column = getattr(tracks, name).copy()
        column[frame, entity] = value
        return tracks._replace(**{name: column})

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil("x", np.nan), r"x, frame 5, player \d+: expected a number from -30 to 150 yard, came nan"),
        (spoil("y", np.inf), r"y, frame 5, player \d+: expected a number from -30 to 85 yard, came inf"),
        (spoil("x", 300), r"x, frame 5, player \d+: expected .*, came 300"),
        (lambda t: t._replace(x=t.x[:, :22]), r"x, frame 1: expected \d+ x 23 entries, .* came shape \(\d+, 22\)"),
        (lambda t: t._replace(y=t.y[:-1]), "y, frame 1: expected"),
        (lambda t: t._replace(repaired=np.zeros(7, dtype=bool)), "repaired, frame 1: expected"),
        (lambda t: t._replace(frame_id=t.frame_id[::-1]), "frame_id: expected .*, came .* one after the other"),
        (
            lambda t: t._replace(frame_id=np.repeat(t.frame_id[::2], 2)[: len(t.frame_id)]),
            "frame_id: expected 2, came 1",
        ),
        (lambda t: Tracks(*(None if c is None else c[:0] for c in t)), "frame_id: expected at least one frame"),
    ],
)
def test_frames_that_cannot_be_are_refused_and_change_nothing(change, message, scorer):
    raw = raw_play()
    play = scorer.play(raw.situation)
    with pytest.raises(ValueError, match=message):
        play.push(change(raw.tracks), snap_frame=raw.snap_frame)
    law = play.push(raw.tracks, snap_frame=raw.snap_frame)
    np.testing.assert_array_equal(law.logits, scorer.law(raw.situation, raw.tracks, raw.snap_frame).logits)


@pytest.mark.parametrize("kind", [np.float32, np.float64, list])
def test_numbers_of_any_kind_are_places(kind, scorer):
    raw = raw_play()
    convert = (lambda column: column.tolist()) if kind is list else (lambda column: column.astype(kind))
    tracks = Tracks(raw.tracks.frame_id, *map(convert, raw.tracks[1:4]), None)
    law = scorer.play(raw.situation).push(tracks, snap_frame=raw.snap_frame)
    expected = scorer.law(raw.situation, raw.tracks._replace(repaired=None), raw.snap_frame)
    np.testing.assert_allclose(law.cdf(np.arange(-5, 40)[None]), expected.cdf(np.arange(-5, 40)[None]), atol=1e-4)
    mixed = tracks._replace(x=np.asarray(tracks.x, dtype=np.float64), y=np.asarray(tracks.y, dtype=np.float32))
    np.testing.assert_allclose(scorer.law(raw.situation, mixed, raw.snap_frame).mean, law.mean, rtol=1e-4)


def test_without_numba_the_message_says_what_to_install():
    code = "import sys; sys.modules['numba'] = None; import qbsbp.realtime"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "qbsbp.realtime needs numba: pip install 'qbsbp[realtime]'" in found.stderr


def test_the_snap_is_among_the_frames_and_comes_once(scorer):
    raw = raw_play()
    play, frames = scorer.play(raw.situation), list(one_at_a_time(raw.tracks))
    with pytest.raises(ValueError, match="law: the ball has not been snapped"):
        play.law()
    with pytest.raises(ValueError, match=r"snap_frame: expected one of the frames pushed with it, 1 to 1, .* came 9"):
        play.push(frames[0], snap_frame=9)
    play.push(frames[0], snap_frame=1)
    with pytest.raises(ValueError, match="and once a play, came 2 after another"):
        play.push(frames[1], snap_frame=2)
    with pytest.raises(ValueError, match="frame_id: expected 2, came 3"):
        play.push(frames[2])


def test_a_model_of_other_features_plays_no_football(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"expected a model of the 176 features .* this one has 5 and 4"):
        Scorer.load(export(shaken(SMALL), tmp_path / "small.onnx")).play(raw_play().situation)
    path = export(passing_model(), tmp_path / "model.onnx")
    monkeypatch.setitem(graph.PASSING_PLAYER_FEATURES, "ahead", (11.0, "another scale"))
    with pytest.raises(ValueError, match="or is of another version"):
        Scorer.load(path).play(raw_play().situation)


def test_raw_plays_end_at_the_release():
    tracking = synthetic()
    plays = list(raw_plays(tracking))
    assert len(plays) == len(tracking.plays)
    release = tracking.plays.set_index(["game_id", "play_id"])["release_frame"]
    assert all(len(raw.tracks.x) == release[raw.game_id, raw.play_id] for raw in plays)
    assert all(raw.tracks.x.shape[1] == FOOTBALL.entities for raw in plays)
