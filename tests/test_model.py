"""The network returns valid laws, starts at climatology, and its configuration survives JSON."""

import dataclasses
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.distributions import Normal

from qbsbp.distributions import Binned, HybridPareto, SplicedBinnedPareto, StudentT
from qbsbp.features import PlayTensors
from qbsbp.model import MOST, ModelConfig, PassingModel, PiecewiseLinear, _standardise

EDGES = tuple(range(-10, 41, 2))
SMALL = ModelConfig(in_channels=3, static_features=2, channels=(8, 8), hidden=(16,), bin_edges=EDGES, scale=4.0)
LAWS = {
    "spliced_binned_pareto": SMALL,
    "binned": dataclasses.replace(SMALL, law="binned"),
    "normal": dataclasses.replace(SMALL, law="normal", bin_edges=(), location=5.0),
    "student_t": dataclasses.replace(SMALL, law="student_t", bin_edges=(), location=5.0),
    "hybrid_pareto": dataclasses.replace(SMALL, law="hybrid_pareto", bin_edges=(), location=5.0, components=3),
}
CLASSES = {
    "spliced_binned_pareto": SplicedBinnedPareto,
    "binned": Binned,
    "normal": Normal,
    "student_t": StudentT,
    "hybrid_pareto": HybridPareto,
}


def make_plays(n=400, channels=3, static=2, time=20, seed=0):
    g = torch.Generator().manual_seed(seed)
    y = 6 + 5 * torch.randn(n, generator=g) + torch.empty(n).exponential_(0.2, generator=g)
    return PlayTensors(
        x=50 + 20 * torch.randn(n, channels, time, generator=g),
        lengths=torch.randint(1, time + 1, (n,), generator=g),
        static=3 + torch.randn(n, static, generator=g),
        y=y,
        group=torch.arange(n) % 7,
    )


def shaken(config, seed=0):
    """A model whose output layer is not zero."""
    torch.manual_seed(seed)
    model = PassingModel(config)
    model.initialise_from(make_plays())
    torch.nn.init.normal_(model.output.weight)
    return model


@pytest.mark.parametrize("law", LAWS)
def test_a_fresh_law_for_each_play(law):
    cls = CLASSES[law]
    model, plays = shaken(LAWS[law]), make_plays(9)
    first = model(plays.x, plays.lengths, plays.static)
    second = model(plays.x, plays.lengths, plays.static)
    assert type(first) is cls and first is not second
    assert first.batch_shape == (9,) and first.event_shape == ()
    loss = -first.log_prob(torch.full((9,), 5.0)).sum()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert any(p.grad.abs().max() > 0 for p in model.trunk.parameters())


def test_links_return_valid_parameters_for_any_output():
    config = dataclasses.replace(SMALL, lower_xi_bounds=(-0.3, -0.1), upper_xi_bounds=(0.0, 0.5), lower_mass=0.1)
    model = PassingModel(config)
    raw = torch.cat([torch.zeros(5, 25), torch.tensor([-1e4, -30.0, 0.0, 30.0, 1e4])[:, None].expand(-1, 4)], -1)
    law = model.law_of(raw)
    assert law.lower_mass == 0.1 and law.upper_mass == 0.05
    assert (law.lower_beta > 0).all() and (law.upper_beta > 0).all()
    assert (law.lower_xi >= -0.3).all() and (law.lower_xi <= -0.1).all()
    assert (law.upper_xi >= 0.0).all() and (law.upper_xi <= 0.5).all()
    assert law.lower_xi[2] == pytest.approx(-0.2) and law.upper_xi[2] == pytest.approx(0.25)
    # at raw 0 a scale is `scale` log 2, and far out it is `scale` times raw
    assert law.upper_beta[2] == pytest.approx(4 * (1e-3 + 0.693147), rel=1e-5)
    assert law.upper_beta[4] == pytest.approx(4e4, rel=1e-5)
    normal = PassingModel(LAWS["normal"]).law_of(torch.tensor([[2.0, 0.0]]))
    assert normal.mean.item() == 13.0 and normal.stddev.item() == pytest.approx(4 * (1e-3 + 0.693147), rel=1e-5)


@pytest.mark.parametrize("law", LAWS)
def test_before_training_every_play_gets_climatology(law):
    plays = make_plays(4000)
    model = PassingModel(LAWS[law])
    model.initialise_from(plays)
    out = model(plays.x[:50], plays.lengths[:50], plays.static[:50])
    first = {name: getattr(out, name)[:1] for name in ("logits", "loc", "lower_xi") if hasattr(out, name)}
    for name, value in first.items():
        torch.testing.assert_close(getattr(out, name), value.expand_as(getattr(out, name)))
    levels = torch.tensor([0.02, 0.1, 0.5, 0.9, 0.98])
    if law == "normal":
        assert out.mean[0].item() == pytest.approx(plays.y.mean().item(), rel=1e-4)
        assert out.stddev[0].item() == pytest.approx(plays.y.std().item(), rel=1e-3)
    elif law in ("student_t", "hybrid_pareto"):  # no closed form of the likeliest: a start that is about right
        frequency = (
            (plays.y[:, None] <= torch.stack([out.icdf(torch.full((50,), u))[0] for u in levels])).float().mean(0)
        )
        torch.testing.assert_close(frequency, levels, atol=0.1, rtol=0)
    else:
        frequency = (plays.y[:, None] <= out.icdf(levels[:, None])[:, 0]).float().mean(0)
        torch.testing.assert_close(frequency, levels, atol=0.01, rtol=0)


def test_climatology_of_few_or_constant_outcomes_is_a_law():
    for y in (torch.tensor([3.0]), torch.full((50,), 7.0), torch.tensor([-1e3, 1e3] * 40)):
        plays = make_plays(len(y))
        plays = dataclasses.replace(plays, y=y)
        for config in LAWS.values():
            model = PassingModel(config)
            model.initialise_from(plays)
            law = model(plays.x, plays.lengths, plays.static)
            assert law.cdf(torch.tensor(5.0)).isfinite().all()


def test_features_are_standardised_over_real_frames_only():
    plays = make_plays(300)
    x = plays.x.clone()
    x[:, 1] = 4.0  # a feature that never changes
    for i, length in enumerate(plays.lengths):
        x[i, :, length:] = 1e9
    model = PassingModel(SMALL)
    model.initialise_from(dataclasses.replace(plays, x=x))
    real = torch.cat([play[:, :length] for play, length in zip(x, plays.lengths)], 1)
    torch.testing.assert_close(model.x_shift[:, 0], real.mean(1))
    torch.testing.assert_close(model.x_scale[[0, 2], 0], real[[0, 2]].std(1, correction=0))
    assert model.x_scale[1] == 1
    torch.testing.assert_close(model.static_shift, plays.static.mean(0))
    # the unit of a feature is then of no consequence
    twin = PassingModel(SMALL)
    twin.load_state_dict(model.state_dict())
    other = dataclasses.replace(plays, x=x * 0.9144, static=plays.static * 10)
    twin.initialise_from(other)
    for each in (model, twin):
        torch.manual_seed(1)
        torch.nn.init.normal_(each.output.weight)
    a, b = model.eval().predict(dataclasses.replace(plays, x=x)), twin.eval().predict(other)
    torch.testing.assert_close(a.logits, b.logits, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("sizes", [(7,), (3, 4), (1, 1, 5), (1,) * 7, (5000, 3, 90)], ids=str)
@pytest.mark.parametrize("offset", [0.0, 1e5], ids=["around 0", "far from 0"])
def test_means_and_spreads_of_parts_are_those_of_the_whole(sizes, offset):
    """By one pass over the parts, without the cancellation that sums of squares far from 0 suffer."""
    g = torch.Generator().manual_seed(3)
    values = offset + torch.randn(sum(sizes), 3, generator=g, dtype=torch.float64) * torch.tensor([1.0, 1e-3, 40.0])
    values[:, 1] += torch.arange(len(values)) % 5  # whose means differ from part to part
    shift, scale = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    _standardise(values.split(sizes), shift, scale)
    np.testing.assert_allclose(shift, values.numpy().mean(0), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(scale, values.numpy().std(0), rtol=1e-9)


@pytest.mark.parametrize("constant", [0.0, -3.0, 1e-8, 1e7])
def test_a_feature_that_never_changes_keeps_its_unit(constant):
    parts = [torch.tensor([[constant, 1.0], [constant, 2.0]]), torch.tensor([[constant, 5.0]])]
    shift, scale = torch.zeros(2), torch.ones(2)
    _standardise(parts, shift, scale)
    assert shift[0] == torch.tensor(constant) and scale[0] == 1
    assert scale[1] == pytest.approx(np.std([1, 2, 5]))


def test_many_plays_are_standardised_some_at_a_time():
    plays = make_plays(9000, time=3)  # more than the 4096 that are looked at together
    plays = dataclasses.replace(plays, x=plays.x + torch.arange(9000)[:, None, None] / 100)
    model = PassingModel(SMALL)
    model.initialise_from(plays)
    real = plays.x.transpose(1, 2)[torch.arange(3) < plays.lengths[:, None]].double()
    torch.testing.assert_close(model.x_shift[:, 0].double(), real.mean(0), rtol=1e-6, atol=0)
    torch.testing.assert_close(model.x_scale[:, 0].double(), real.std(0, correction=0), rtol=1e-6, atol=0)


def test_a_static_feature_far_out_is_as_far_as_five_standard_deviations():
    model = shaken(dataclasses.replace(SMALL, static_bins=4)).eval()
    plays = make_plays(2)
    for sign in (-1, 1):
        rows = []
        for deviations in (MOST - 0.1, MOST, 6, 1e6):
            static = model.static_shift.repeat(2, 1)
            static[:, 1] += sign * deviations * model.static_scale[1]
            rows.append(model(plays.x, plays.lengths, static).logits)
        torch.testing.assert_close(rows[2], rows[1])
        torch.testing.assert_close(rows[3], rows[1])
        assert (rows[0] - rows[1]).abs().max() > 1e-3


# --- numbers as pieces of lines ---------------------------------------------------------------------------------------


def encoded_one_by_one(column, value, bins):
    """e_j(v) = min(max((v - q_j) / (q_{j+1} - q_j), 0), 1), 0 where a bin is empty."""
    ordered = sorted(column)
    edges = []
    for j in range(bins + 1):  # quantiles, on straight lines between the ordered values
        place = j / bins * (len(ordered) - 1)
        below = min(int(place), len(ordered) - 2) if len(ordered) > 1 else 0
        above = min(below + 1, len(ordered) - 1)
        edges.append(ordered[below] + (place - below) * (ordered[above] - ordered[below]))
    edges = np.float32(edges).tolist()
    return [
        min(max((value - left) / (right - left), 0.0), 1.0) if right > left else 0.0 for left, right in pairwise(edges)
    ]


COLUMNS = {
    "generic": np.random.default_rng(0).normal(3, 2, 101),
    "skewed": np.random.default_rng(1).exponential(2, 64),
    "two-valued": np.array([0.0] * 30 + [1.0] * 13),
    "rarely another": np.array([0.0] * 200 + [1.0]),
    "constant": np.full(9, 2.5),
    "few values": np.array([1.0, 2, 2, 3, 4, 4, 4, 4, 4]),
    "a single play": np.array([7.0]),
}


@pytest.mark.parametrize("bins", [1, 2, 5, 16])
@pytest.mark.parametrize("name", COLUMNS)
def test_the_encoding_is_the_formula_feature_by_feature(name, bins):
    column = np.float32(COLUMNS[name])
    other = np.float32(np.linspace(-1, 1, len(column)))
    encode = PiecewiseLinear(2, bins)
    encode.fit(torch.from_numpy(np.stack([column, other], axis=1)))
    points = np.unique(np.float32([*column, *(column + 0.1), column.min() - 3, column.max() + 1e6]))
    came = encode(torch.from_numpy(np.stack([points, np.full_like(points, 0.3)], axis=1)))
    assert came.shape == (len(points), 2 * bins)
    expected = [encoded_one_by_one(column.tolist(), point, bins) for point in points.tolist()]
    torch.testing.assert_close(came[:, :bins], torch.tensor(expected), rtol=0, atol=1e-5)
    beside = torch.tensor(encoded_one_by_one(other.tolist(), float(np.float32(0.3)), bins))
    torch.testing.assert_close(came[:, bins:], beside.expand(len(points), -1), rtol=0, atol=1e-5)


@settings(max_examples=60)
@given(
    column=st.lists(st.floats(-(2.0**20), 2.0**20, width=32), min_size=1, max_size=40),
    value=st.floats(-(2.0**22), 2.0**22, width=32),
    bins=st.integers(1, 9),
)
def test_the_pieces_put_together_are_the_number_between_the_outermost_edges(column, value, bins):
    encode = PiecewiseLinear(1, bins)
    encode.fit(torch.tensor(column)[:, None])
    pieces = encode(torch.tensor([[value]]))[0]
    assert (pieces >= 0).all() and (pieces <= 1).all()
    edges = encode.edges[0]
    again = edges[0].double() + (pieces.double() * edges.diff().double()).sum()
    size = max(1.0, *map(abs, column))
    assert again.item() == pytest.approx(min(max(value, min(column)), max(column)), abs=1e-5 * size)


def test_an_encoding_of_no_bins_has_no_outputs():
    encode = PiecewiseLinear(3, 0)
    encode.fit(torch.randn(5, 3))
    assert encode(torch.randn(4, 3)).shape == (4, 0)
    assert PiecewiseLinear(0, 4)(torch.zeros(4, 0)).shape == (4, 0)


@pytest.mark.parametrize("law", LAWS)
def test_a_model_reads_encoded_features_constant_and_two_valued_ones_too(law):
    plays = make_plays(200)
    static = torch.stack([torch.full((200,), 4.0), (torch.arange(200) % 7 == 0).float()], dim=1)
    plays = dataclasses.replace(plays, static=static)
    model = PassingModel(dataclasses.replace(LAWS[law], static_bins=6))
    model.initialise_from(plays)
    nn.init.normal_(model.output.weight)
    assert model.hidden[0].in_features == 8 + 2 * (1 + 6)
    out = model(plays.x, plays.lengths, plays.static)
    loss = out.log_prob(torch.tensor(5.0)).sum()
    loss.backward()
    assert loss.isfinite() and all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
    # the edges are part of the model
    twin = PassingModel(model.config)
    twin.load_state_dict(model.state_dict())
    a, b = (one.predict(plays).cdf(plays.y) for one in (model, twin))
    assert torch.equal(a, b)


def test_dropout_of_the_head_is_that_of_the_trunk_or_its_own():
    for change, expected in (({}, 0.2), ({"hidden_dropout": 0.6}, 0.6), ({"hidden_dropout": 0.0}, 0.0)):
        model = PassingModel(dataclasses.replace(SMALL, dropout=0.2, hidden=(16, 16), **change))
        assert [layer.p for layer in model.hidden if isinstance(layer, nn.Dropout)] == [expected] * 2


def test_states_are_left_out_in_training_alone_and_whole():
    model = PassingModel(dataclasses.replace(SMALL, trunk_dropout=0.75))
    seen = []
    model.hidden.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][:, : model.trunk.width]))
    x, lengths = torch.randn(4000, SMALL.in_channels, 6), torch.full((4000,), 6)
    static = torch.randn(4000, SMALL.static_features)
    for training in (False, True):
        model.train(training)(x, lengths, static)
    whole, some = seen
    left_out = (some == 0).all(dim=1)
    assert torch.equal(some[~left_out], whole[~left_out])
    assert not (whole == 0).all(dim=1).any()
    assert left_out.float().mean().item() == pytest.approx(0.75, abs=0.03)


# --- another trunk ----------------------------------------------------------------------------------------------------


class LastFrame(nn.Module):
    """The features of the last frame as they are; no layers, and a module of none may be false."""

    width = 3

    def __len__(self):
        return 0

    def forward(self, x, lengths):
        return x[torch.arange(len(x)), :, lengths - 1]


def test_any_trunk_may_stand_in_the_place_of_the_tcn():
    torch.manual_seed(0)
    model, plays = PassingModel(SMALL, LastFrame()), make_plays(50)
    assert isinstance(model.trunk, LastFrame) and model.hidden[0].in_features == 3 + 2
    model.initialise_from(plays)
    nn.init.normal_(model.output.weight)
    law = model.eval()(plays.x, plays.lengths, plays.static)
    assert law.batch_shape == (50,)
    # what comes before the last frame is out of its sight, and the last frame is seen as it is, not standardised
    blind = torch.where(torch.arange(20) == (plays.lengths - 1)[:, None, None], plays.x, 1e6)
    assert torch.equal(model(blind, plays.lengths, plays.static).logits, law.logits)
    raw = model.head(plays.x[torch.arange(50), :, plays.lengths - 1], plays.static)
    torch.testing.assert_close(model.law_of(raw).logits, law.logits)


@pytest.mark.parametrize("law", LAWS)
def test_predict_in_parts_equals_one_call(law):
    model, plays = shaken(LAWS[law]), make_plays(23)
    model.train()
    parts = model.predict(plays, batch_size=5)
    assert model.training and not parts.cdf(plays.y).requires_grad
    whole = model.eval()(plays.x, plays.lengths, plays.static)
    torch.testing.assert_close(parts.cdf(plays.y), whole.cdf(plays.y).detach(), rtol=1e-4, atol=1e-5)


def test_the_law_is_float32_where_the_network_is_not():
    model, plays = shaken(SMALL), make_plays(6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model.output(torch.zeros(1, 16)).dtype == torch.bfloat16
        law = model(plays.x, plays.lengths, plays.static)
    assert law.logits.dtype == law.upper_beta.dtype == law.log_prob(plays.y).dtype == torch.float32
    double = model.double()(plays.x.double(), plays.lengths, plays.static.double())
    assert double.logits.dtype == torch.float64


def test_arguments_are_checked_in_evaluation_only():
    model, plays = shaken(SMALL), make_plays(4)
    assert model.eval()(plays.x, plays.lengths, plays.static)._validate_args
    assert not model.train()(plays.x, plays.lengths, plays.static)._validate_args


def test_no_static_features():
    model = PassingModel(dataclasses.replace(SMALL, static_features=0))
    plays = make_plays(4, static=0)
    assert model(plays.x, plays.lengths).batch_shape == (4,)
    assert model(plays.x, plays.lengths, plays.static).batch_shape == (4,)


def test_configuration_survives_json():
    config = dataclasses.replace(
        SMALL,
        bin_edges=[-1, 0.5, 3],
        upper_xi_bounds=[0, 0.7],
        hidden=(),
        dropout=0.25,
        hidden_dropout=0.5,
        static_bins=3,
    )
    assert ModelConfig.from_json(config.to_json()) == config
    assert config.bin_edges == (-1.0, 0.5, 3.0) and hash(config) == hash(ModelConfig.from_json(config.to_json()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.law = "normal"
    with pytest.raises(ValueError, match="ModelConfig: has no field depth; it has in_channels"):
        ModelConfig.from_json('{"in_channels": 3, "depth": 4}')
    with pytest.raises(ValueError, match="ModelConfig: expected a JSON object"):
        ModelConfig.from_json("[1]")


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"law": "gaussian"},
            "law: expected one of spliced_binned_pareto, binned, normal, student_t, hybrid_pareto, got 'gaussian'",
        ),
        ({"law": "normal"}, "bin_edges: the normal law has no bins"),
        ({"components": 2}, "components: .* more than 1 only for hybrid_pareto, got 2 for spliced_binned_pareto"),
        ({"bin_edges": ()}, "bin_edges: .* needs at least 3 increasing edges .* got 0"),
        ({"bin_edges": (0, 2, 2, 3)}, "bin_edges: .* strictly increasing, but 2 is followed by 2"),
        ({"bin_edges": (0, 2, float("inf"))}, "bin_edges: .* but 2 is followed by inf"),
        ({"lower_mass": 0.5}, r"lower_mass: expected a probability in \(0, 1/2\), got 0.5"),
        ({"upper_xi_bounds": (0.5, 0.5)}, "upper_xi_bounds: expected two increasing numbers"),
        ({"scale": 0.0}, "scale > 0; got scale=0.0"),
        ({"static_features": -1}, "static_features: expected a number >= 0, got -1"),
        ({"hidden": (0,)}, "hidden: expected widths of at least 1"),
        ({"static_bins": -1}, "static_bins: expected a number >= 0, got -1"),
        ({"trunk_dropout": 1.0}, r"trunk_dropout: expected a share in \[0, 1\), got 1.0"),
        ({"hidden_dropout": 1.0}, r"hidden_dropout: expected a share in \[0, 1\) or None, got 1.0"),
    ],
)
def test_wrong_configurations_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"x": torch.zeros(4, 5, 20)}, r"x: expected shape \(batch, 3, time\).*got \(4, 5, 20\)"),
        ({"static": torch.zeros(4, 1)}, r"static: expected shape \(4, 2\).*got \(4, 1\)"),
        ({"static": None}, r"static: expected shape \(4, 2\).*got \(4, 0\)"),
        ({"static": torch.zeros(4, 2, dtype=torch.long)}, "static: expected a floating dtype.*int64"),
        ({"lengths": torch.full((4,), 21)}, r"lengths: expected real frames in 1\.\.20"),
        ({"lengths": torch.zeros(4)}, "lengths: expected an integer dtype"),
    ],
)
def test_wrong_plays_are_named(change, message):
    good = {"x": torch.zeros(4, 3, 20), "lengths": torch.full((4,), 20), "static": torch.zeros(4, 2)}
    with pytest.raises(ValueError, match=message):
        PassingModel(SMALL)(**(good | change))


def test_initialise_from_names_what_does_not_fit():
    with pytest.raises(ValueError, match=r"x: expected shape \(batch, 3, time\)"):
        PassingModel(SMALL).initialise_from(make_plays(5, channels=4))
    with pytest.raises(ValueError, match=r"static: expected shape \(5, 2\)"):
        PassingModel(SMALL).initialise_from(make_plays(5, static=3))
