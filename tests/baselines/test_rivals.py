"""The rivals: what each says of a play is a law, and each learns what it can."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from qbsbp.baselines import FieldClimatology, MeanBoosting, NoTrunk, PlayerTransformer, QuantileBoosting, Zoo
from qbsbp.baselines._yards import YARDS, law_of_mass
from qbsbp.evaluation import recorded
from qbsbp.features import PlayTensors
from qbsbp.model import ModelConfig, PassingModel
from qbsbp.training import TrainConfig, train


def make(n: int, seed: int, time: int = 12) -> PlayTensors:
    """Passes of noise, whose yards are normal about five times the first static feature, as on a field that ends."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, time + 1, (n,), generator=g)
    x = torch.randn(n, 176, time, generator=g) * (torch.arange(time) < lengths[:, None])[:, None]
    static = torch.randn(n, 3, generator=g)
    to_goal = torch.randint(1, 100, (n,), generator=g).float()
    bounds = torch.stack([to_goal - 100, to_goal], 1)
    y = (3 + 5 * static[:, 0] + 2 * torch.randn(n, generator=g)).round().clamp(bounds[:, 0], bounds[:, 1])
    return PlayTensors(x, lengths, static, y, torch.arange(n) % 20, bounds)


TRAIN, VALIDATION, TEST = make(3000, 1), make(500, 2), make(400, 3)
RIVALS = {
    "climatology": lambda: FieldClimatology(TRAIN),
    "quantiles": lambda: QuantileBoosting(TRAIN, VALIDATION, rounds=150, max_depth=3, learning_rate=0.15),
    "mean": lambda: MeanBoosting(TRAIN, VALIDATION, rounds=150, max_depth=3, learning_rate=0.15),
}


@pytest.fixture(scope="module", params=RIVALS)
def rival(request):
    return request.param, RIVALS[request.param]().predict(TEST)


def test_every_rival_says_a_law_of_whole_yards_on_the_field(rival):
    _, law = rival
    assert law.batch_shape == (len(TEST),)
    mass = recorded(law, TEST).mass(YARDS)
    torch.testing.assert_close(mass.sum(-1), torch.ones(len(TEST), dtype=mass.dtype), atol=1e-9, rtol=0)
    low, high = TEST.bounds.split(1, dim=1)
    outside = (low > YARDS) | (high < YARDS)
    assert (mass[outside] == 0).all()
    assert recorded(law, TEST).log_prob(TEST.y).isfinite().all()


def test_trees_know_more_than_climatology_and_the_distribution_more_than_the_mean():
    crps = {name: recorded(make().predict(TEST), TEST).crps(TEST.y).mean().item() for name, make in RIVALS.items()}
    assert crps["quantiles"] < 0.6 * crps["climatology"]
    assert crps["mean"] < 0.6 * crps["climatology"]
    # the spread of the normal is 2 everywhere, whose own score is 2 / sqrt(pi) = 1.13
    assert 1.0 < crps["quantiles"] < 1.6


def test_the_quantiles_of_the_law_are_the_trees_own():
    model = QuantileBoosting(TRAIN, VALIDATION, rounds=60, max_depth=3, learning_rate=0.2)
    free = torch.stack([torch.full((len(TEST),), -90.0), torch.full((len(TEST),), 99.0)], 1)
    plays = PlayTensors(TEST.x, TEST.lengths, TEST.static, TEST.y, TEST.group, free)
    law = model.predict(plays)
    best = (0, model.trees.best_iteration + 1)  # trees are added on for a while to see that nothing comes of it
    answers = np.sort(model.trees.inplace_predict(TEST.static.numpy(), iteration_range=best), axis=1)
    for k, level in enumerate(model.levels):
        assert np.abs(law.icdf(torch.tensor(level)).numpy() - answers[:, k]).max() < 1.0  # within the yard of the bin


def test_climatology_is_the_frequency_of_the_part_of_the_field():
    mass = FieldClimatology(TRAIN).mass
    np.testing.assert_allclose(mass.sum(1), 1)
    to_goal, y = TRAIN.bounds[:, 1].numpy(), TRAIN.y.numpy()
    counts = [((to_goal >= low) & (to_goal <= high) & (y == 3)).sum() for low, high in ((1, 5), (31, 50), (81, 99))]
    sizes = [((to_goal >= low) & (to_goal <= high)).sum() for low, high in ((1, 5), (31, 50), (81, 99))]
    overall = ((y == 3).sum() + 0.01) / (len(y) + 1.99)
    for part, count, size in zip((0, 4, 6), counts, sizes, strict=True):
        assert mass[part, 3 + 99] == pytest.approx((count + 10 * overall) / (size + 10))


def test_a_law_of_mass_gives_its_mass_back():
    mass = stats.skellam.pmf(YARDS.numpy(), 12.0, 7.0)[None].repeat(2, 0)
    law = recorded(law_of_mass(mass), TEST[:2])
    inside = mass[0].copy()
    low, high = TEST.bounds[0].int().tolist()
    inside[: low + 99 + 1] = [*[0.0] * (low + 99), mass[0, : low + 99 + 1].sum()]
    inside[high + 99 :] = [mass[0, high + 99 :].sum(), *[0.0] * (99 - high)]
    np.testing.assert_allclose(law.mass(YARDS)[0], inside, atol=1e-12)


def test_without_xgboost_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xgboost", None)
    with pytest.raises(ImportError, match=r'needs xgboost: pip install "qbsbp\[rivals\]"'):
        MeanBoosting(TRAIN, VALIDATION)


# --- trunks -----------------------------------------------------------------------------------------------------------

TRUNKS = {"none": NoTrunk, "zoo": Zoo, "transformer": lambda: PlayerTransformer(16, blocks=1)}
EVERY_TRUNK = pytest.mark.parametrize("name", TRUNKS)


@EVERY_TRUNK
def test_a_trunk_returns_states_of_its_width_that_ignore_the_padding(name):
    torch.manual_seed(0)
    trunk = TRUNKS[name]().eval()
    state = trunk(TEST.x, TEST.lengths)
    assert state.shape == (len(TEST), trunk.width)
    past = torch.arange(TEST.x.shape[2]) >= TEST.lengths[:, None]
    noisy = torch.where(past[:, None], 99.0, TEST.x)
    torch.testing.assert_close(trunk(noisy, TEST.lengths), state)
    shorter = trunk(TEST.x[:, :, : int(TEST.lengths[:50].max())][:50], TEST.lengths[:50])
    torch.testing.assert_close(shorter, state[:50], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "slots"), [("zoo", range(11, 22)), ("zoo", range(2, 11)), ("transformer", range(11, 22))]
)
def test_players_of_one_kind_have_no_order(name, slots):
    torch.manual_seed(0)
    trunk = TRUNKS[name]().eval()
    order = list(range(22))
    for slot, other in zip(slots, np.random.default_rng(0).permutation(list(slots)), strict=True):
        order[slot] = int(other)
    x = TEST.x.reshape(len(TEST), 22, 8, -1)[:, order].reshape(TEST.x.shape)
    torch.testing.assert_close(trunk(x, TEST.lengths), trunk(TEST.x, TEST.lengths), atol=2e-5, rtol=1e-4)


def test_the_zoo_is_blind_to_where_on_the_field_it_all_happens():
    torch.manual_seed(0)
    trunk = Zoo().eval()
    x = TEST.x.reshape(len(TEST), 22, 8, -1).clone()
    x[:, :, 0] += 1.7  # everybody further down the field
    torch.testing.assert_close(trunk(x.reshape(TEST.x.shape), TEST.lengths), trunk(TEST.x, TEST.lengths))


def test_the_zoo_by_hand():
    """The state of one play, pair by pair."""
    torch.manual_seed(1)
    trunk = Zoo().eval()
    play = TEST[:1]
    frame = play.x[0, :, int(play.lengths[0]) - 1].reshape(22, 8)

    def pooled(rows):
        rows = torch.stack(rows)
        return 0.7 * rows.mean(0) + 0.3 * rows.amax(0)

    def normalised(layer, h):
        return (h - layer.running_mean) / (layer.running_var + layer.eps).sqrt() * layer.weight + layer.bias

    defenders = []
    for d in range(11, 22):
        pairs = []
        for o in [0, *range(2, 11)]:
            place = {k: frame[k, :2] for k in (d, o, 1)}
            speed = {k: frame[k, 2:4] for k in (d, o, 1)}
            numbers = [speed[d], place[d] - place[1], speed[d] - speed[1], place[o] - place[d], speed[o] - speed[d]]
            pairs.append(trunk.pairs(torch.cat(numbers)))
        defenders.append(trunk.defenders(normalised(trunk.between, pooled(pairs))))
    torch.testing.assert_close(trunk(play.x, play.lengths)[0], normalised(trunk.after, pooled(defenders)))


@EVERY_TRUNK
def test_every_trunk_learns_in_the_same_loop(name):
    config = ModelConfig(176, 3, hidden=(16,), bin_edges=np.arange(-20.5, 40), scale=4.0)
    result = train(
        config, TRAIN[:600], VALIDATION, TrainConfig(epochs=2, batch_size=64, seed=1), objective="recorded_nll",
        trunk=TRUNKS[name], progress=False,
    )  # fmt: skip
    losses = result.history["train_loss"]
    assert losses.iloc[-1] < losses.iloc[0]
    assert isinstance(result.model, PassingModel)
    assert type(result.model.trunk) is type(TRUNKS[name]())
