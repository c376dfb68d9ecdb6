"""Figures of the book: colours that can be told apart, players that fetch nothing, laws drawn as they are."""

from __future__ import annotations

import base64
import io
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.colors import to_rgb
from PIL import Image

from qbsbp.distributions import GeneralizedPareto, SplicedBinnedPareto
from qbsbp.extremes import Interval, hill, mean_excess, stability
from qbsbp.passing_score import leaderboard, splits_of
from qbsbp.plotting import (
    COLORS,
    PassView,
    Pitch,
    filmstrip,
    jshtml,
    notice,
    pass_filmstrip,
    passer_card,
    plot_hill,
    plot_law,
    plot_leaderboard,
    plot_mean_excess,
    plot_return_levels,
    plot_stability,
    use_style,
)
from qbsbp.schema import FOOTBALL, ULTIMATE
from qbsbp.tracking import add_velocities, cut
from tests.highlight_cases import synthetic
from tests.ultimate_cases import simulated

LIGHT_PAGE, DARK_PAGE = (1.0, 1.0, 1.0), (18 / 255,) * 3

# Linear-light matrices of Viénot, Brettel & Mollon (1999) for the two common forms of colour blindness.
BLINDNESS = {
    "protanopia": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deuteranopia": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
}


@pytest.fixture(autouse=True)
def _style_stays_in_the_test():
    with mpl.rc_context():
        mpl.rcdefaults()  # an earlier test of the same process may have set a style
        yield
    plt.close("all")


def linear(rgb):
    rgb = np.asarray(rgb)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """WCAG contrast ratio of two sRGB colours."""
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


def on_dark_page(rgb):
    """What book.css makes of a colour on a dark page: invert(1), hue-rotate(180deg), screen with the page."""
    rotate = 2 * np.array([[0.213, 0.715, 0.072]] * 3) - np.eye(3)
    inverted = np.clip(rotate @ (1 - np.asarray(rgb)), 0, 1)
    return 1 - (1 - inverted) * (1 - np.asarray(DARK_PAGE))


@pytest.mark.parametrize("name", COLORS)
def test_colors_stand_out_from_the_page(name):
    rgb = to_rgb(COLORS[name])
    assert contrast(rgb, LIGHT_PAGE) >= 4.5  # WCAG AA, because labels are written in these colours
    assert contrast(on_dark_page(rgb), DARK_PAGE) >= 4.5


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_body_and_tails_stay_apart_in_colour_blindness(blindness):
    seen = {name: np.clip(np.array(BLINDNESS[blindness]) @ linear(to_rgb(c)), 0, 1) for name, c in COLORS.items()}
    for a, b in [("body", "upper_tail"), ("body", "estimate"), ("upper_tail", "lower_tail"), ("body", "truth")]:
        assert np.abs(seen[a] ** (1 / 2.2) - seen[b] ** (1 / 2.2)).max() > 0.15, (a, b)


def test_use_style_sets_the_style_and_nothing_else():
    before = dict(mpl.rcParams)
    use_style()
    changed = {key for key in before if before[key] != mpl.rcParams[key]}
    assert "axes.prop_cycle" in changed
    assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(COLORS.values())
    assert "backend" not in changed


def animate(frames=3, alt='Two dots & a "line"'):
    fig, ax = plt.subplots(figsize=(2, 1))
    (line,) = ax.plot([0, 1], [0, 1])

    def update(frame):
        line.set_ydata([0, frame])
        return (line,)

    return fig, jshtml(FuncAnimation(fig, update, frames=frames), alt)


def test_jshtml_names_every_control_and_fetches_nothing():
    figure, page = animate()
    markup = page._repr_html_()
    without_images = re.sub(r"[A-Za-z0-9+/=]{200,}", "", markup)
    assert not re.search(r"https?:|//\w|<link|@import", without_images.replace("data:image/png;base64,", ""))
    assert 'alt="Two dots &amp; a &quot;line&quot;"' in markup
    for tag in re.findall(r"<(?:input|img)\b[^>]*>", markup):
        assert re.search(r'(?:aria-label|alt)="[^"]+"', tag), tag[:80]
    assert re.findall(r"<button[^>]*>([^<]*)</button>", markup) == ["Play"]
    assert 'max="2"' in markup
    assert "autoplay" not in markup
    assert not plt.fignum_exists(figure.number)
    assert repr(page) == 'Animation: Two dots & a "line"'


def test_jshtml_has_one_image_for_each_frame_and_ids_that_differ():
    pages = [animate(frames=frames)[1]._repr_html_() for frames in (2, 5)]
    images = [len(re.search(r"frames = (\[.*?\])", page).group(1).split(",")) for page in pages]
    assert images == [2, 5]
    ids = [re.search(r'id="(animation-\w+)"', page).group(1) for page in pages]
    assert ids[0] != ids[1]
    assert animate(frames=2)[1]._repr_html_() == pages[0]  # the same animation gives the same page


def test_the_images_of_jshtml_look_as_drawn():
    use_style()
    figure, ax = plt.subplots(figsize=(3, 2))
    for k, color in enumerate(COLORS.values()):
        ax.plot([0, 1], [k, k + 1], color=color, alpha=0.7)
    figure.draw_without_rendering()

    def still(frame):
        return ()

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110.0)
    page = jshtml(FuncAnimation(figure, still, frames=1), "Lines")._repr_html_()
    image = Image.open(io.BytesIO(base64.b64decode(re.search(r"png;base64,([^\"]+)", page).group(1)))).convert("RGB")
    gap = np.abs(np.asarray(image, dtype=float) - np.asarray(Image.open(drawn).convert("RGB")))
    assert gap.max() <= 24  # of 255, at the soft edge of a line
    assert gap.mean() < 0.2


def test_jshtml_asks_for_a_description():
    with pytest.raises(ValueError, match="alt must describe the animation"):
        jshtml(None, " ")
    with pytest.raises(ValueError, match="frames_per_second must be positive, got 0"):
        jshtml(None, "Two dots", frames_per_second=0)


def test_notice_escapes_its_text_and_shows_code():
    markup = notice("Real data <not> found", "Run `qbsbp data fetch` & wait.")._repr_html_()
    assert "Real data &lt;not&gt; found" in markup
    assert "<code>qbsbp data fetch</code> &amp; wait." in markup


def spliced():
    edges = torch.tensor([-5.0, -1.0, 0.5, 3.0, 8.0, 20.0])
    logits = torch.tensor([0.3, 1.2, 2.0, 1.0, -0.5])
    return SplicedBinnedPareto(
        edges, logits, *(torch.tensor(value) for value in (0.1, 2.0, 0.3, 4.0)), lower_mass=0.04, upper_mass=0.07
    )


def test_plot_law_draws_the_density_of_the_law():
    law = spliced()
    ax = plot_law(law, unit="m", label="a law")
    y, density = ax.lines[0].get_data()
    np.testing.assert_allclose(density, law.log_prob(torch.as_tensor(y)).exp(), rtol=1e-6)
    assert np.trapezoid(density, y) == pytest.approx(0.996, abs=2e-3)  # the levels 0.002 to 0.998 are drawn
    words = [text.get_text() for text in ax.texts]
    assert words[0] == "a law"
    assert words[1] == f"lower threshold\n−{-float(law.lower_threshold):.1f} m"  # a true minus
    assert words[2] == f"upper threshold\n{float(law.upper_threshold):.1f} m"
    assert ax.get_xlabel() == "outcome (m)"


def test_plot_law_draws_any_law_on_the_axes_given():
    _, ax = plt.subplots()
    assert plot_law(torch.distributions.Normal(1.0, 2.0), ax=ax) is ax
    assert plot_law(GeneralizedPareto(torch.tensor(0.2), torch.tensor(1.0)), ax=ax) is ax
    assert len(ax.lines) == 2
    assert not ax.texts


def test_plot_law_wants_one_law():
    with pytest.raises(ValueError, match=r"law must be a single law with batch_shape \(\), got \(3,\)"):
        plot_law(torch.distributions.Normal(torch.zeros(3), 1.0))


def one_frame(ahead=0.0, velocities=True):
    """Seven attackers on one line, seven defenders on another, and the disc with the first of the offence."""
    rows = {
        "side": ["offence"] * 7 + ["defence"] * 7 + ["disc"],
        "x": [30.0 + ahead] * 7 + [40.0 + ahead] * 7 + [30.0 + ahead],
        "y": [*range(5, 33, 4), *range(6, 34, 4), 5],
    }
    if velocities:
        rows |= {"velocity_x": [2.0] * 14 + [np.nan], "velocity_y": [-1.0] * 14 + [np.nan]}
    return pd.DataFrame(rows)


def drawn(pitch):
    """Data of the lines of a pitch: defence's velocities and places, the offence's, and the disc."""
    return [np.column_stack(line.get_data()).astype(float) for line in pitch.ax.lines]


def test_pitch_shows_everybody_where_they_are_and_moves_them():
    pitch = Pitch(ULTIMATE)
    for ahead in (0.0, 7.5):
        moment = one_frame(ahead)
        pitch.show(moment)
        _, defence, velocities, offence, disc = drawn(pitch)
        np.testing.assert_allclose(offence, moment.loc[:6, ["x", "y"]])
        np.testing.assert_allclose(defence, moment.loc[7:13, ["x", "y"]])
        np.testing.assert_allclose(disc, moment.loc[14:, ["x", "y"]])
        np.testing.assert_allclose(velocities[:2], [[30 + ahead, 5], [31 + ahead, 4.5]])  # half a second at (2, -1) m/s
    assert [text.get_text() for text in pitch.ax.texts] == ["● offence →", "defence ■"]


def test_pitch_needs_no_velocities_and_wants_one_frame():
    pitch = Pitch(ULTIMATE, names=False)
    pitch.show(one_frame(velocities=False))
    assert len(drawn(pitch)[0]) == 0
    assert not pitch.ax.texts
    with pytest.raises(ValueError, match="moment: expected the 15 rows of one frame, came 14"):
        pitch.show(one_frame().iloc[:14])


def test_pitch_marks_the_teams_by_shape_and_colour():
    pitch = Pitch(ULTIMATE)
    _, defence, _, offence, _ = pitch.ax.lines
    assert defence.get_marker() != offence.get_marker()
    assert defence.get_color() != offence.get_color()


def test_filmstrip_puts_the_chances_and_the_outcome_beside_each_moment():
    law = torch.distributions.Normal(torch.tensor([0.0, 3.0]), torch.tensor([2.0, 1.0]))
    use_style()
    fig = filmstrip(
        [one_frame(), one_frame(5.0)], law, [1.25, -0.01], ULTIMATE, titles=["first", "second"], limits=(-8.0, 12.0)
    )
    assert [ax.get_title(loc="left") for ax in fig.axes[::2]] == ["first", "second"]
    for i, (outcome, words) in enumerate([(1.25, "1.2 m"), (-0.01, "0.0 m")]):
        ax = fig.axes[2 * i + 1]
        heights, ends, _ = ax.patches[0].get_data()
        assert (len(heights), ends[0], ends[-1]) == (21, -8.5, 12.5)  # a bar for each whole number from -8 to 12
        one = torch.distributions.Normal(law.loc[i], law.scale[i])
        assert heights[8] == pytest.approx(100 * float(one.cdf(torch.tensor(0.5)) - one.cdf(torch.tensor(-0.5))))
        assert list(ax.lines[0].get_xdata()) == [outcome, outcome]
        assert ax.texts[0].get_text() == words
    assert fig.axes[1].get_ylim() == fig.axes[3].get_ylim()  # one scale, so that heights compare


def test_filmstrip_writes_a_true_minus_and_reads_on_a_phone():
    law = torch.distributions.Normal(torch.tensor([0.0]), torch.tensor([2.0]))
    use_style()
    fig = filmstrip([one_frame()], law, [-3.5], ULTIMATE, titles=["first"], limits=(-8.0, 12.0))
    assert fig.axes[1].texts[0].get_text() == "−3.5 m"
    pixels = 390 / (72 * fig.get_size_inches()[0])  # on a screen 390 px wide, per point
    shown = [text for text in fig.findobj(mpl.text.Text) if text.get_text()]
    assert {"first", "−3.5 m", "chance (%)", "outcome (m)"} <= {text.get_text() for text in shown}
    assert min(text.get_fontsize() for text in shown) * pixels >= 11


def test_filmstrip_wants_as_many_laws_as_moments():
    with pytest.raises(ValueError, match=r"came 1 moments, laws of batch_shape \(\), 1 outcomes and 1 titles"):
        law = torch.distributions.Normal(0.0, 1.0)
        filmstrip([one_frame()], law, [0.0], ULTIMATE, titles=["first"], limits=(0.0, 1.0))


def test_a_football_field_has_a_line_every_ten_yards_and_another_field_has_none():
    words = [text.get_text() for text in Pitch(FOOTBALL).ax.texts]
    assert words[:9] == ["10", "20", "30", "40", "50", "40", "30", "20", "10"]
    assert len(Pitch(ULTIMATE).ax.texts) == 2  # the names of the teams
    assert not Pitch(FOOTBALL, names=False).ax.texts


def view_of(tracking, frame, **options):
    """A view of the first play at a frame, and the rows of that frame."""
    play = tracking.plays.iloc[0]
    view = PassView(tracking, play["game_id"], play["play_id"], **options)
    view.show(frame)
    same = (tracking.frames["play_id"] == play["play_id"]) & (tracking.frames["game_id"] == play["game_id"])
    return view, play, tracking.frames[same & (tracking.frames["frame_id"] == frame)].set_index("player_id")


def gaps(moment, side="offence"):
    """Distance from everybody of a side to the nearest opponent, one pair at a time."""
    own, others = moment[moment["side"] == side], moment[~moment["side"].isin([side, "ball"])]
    return {
        player: min(np.hypot(row["x"] - other["x"], row["y"] - other["y"]) for _, other in others.iterrows())
        for player, row in own.iterrows()
    }


def test_pass_view_measures_separation_and_pressure():
    tracking = synthetic()
    view, play, moment = view_of(tracking, int(tracking.plays["release_frame"].iloc[0]))
    gap = gaps(moment)
    receivers = [i for i in gap if i != play["passer_id"] and moment.loc[i, "position"] != "OL"]
    discs = [patch for patch in view.ax.patches if isinstance(patch, mpl.patches.Circle)]
    assert len(receivers) == 5
    shown = {tuple(np.round(disc.center, 9)): disc.radius for disc in discs}
    wanted = {tuple(np.round(moment.loc[i, ["x", "y"]].to_list(), 9)): gap[i] for i in receivers}
    assert shown == pytest.approx(wanted)
    words = [text.get_text() for text in view.ax.texts]
    assert f"{gap[play['passer_id']]:.1f}" in words
    for i in receivers:
        (text,) = [
            t
            for t in view.ax.texts
            if t.get_text() == f"{gap[i]:.1f}" and tuple(t.xy) == tuple(moment.loc[i, ["x", "y"]])
        ]
        assert text.get_color() == COLORS["estimate" if round(gap[i], 1) >= PassView.OPEN else "truth"]


def test_pass_view_trails_the_way_since_the_snap_and_sees_nothing_ahead():
    tracking = synthetic()
    play = tracking.plays.iloc[0]
    view, _, moment = view_of(tracking, int(play["snap_frame"]) + 3)
    (trails,) = [
        c for c in view.ax.collections if isinstance(c, mpl.collections.LineCollection) and len(c.get_paths()) == 22
    ]
    ways = [path.vertices for path in trails.get_paths()]
    assert {len(way) for way in ways} == {4}
    ends = sorted(tuple(way[-1]) for way in ways)
    assert ends == sorted(map(tuple, moment.loc[moment["side"] != "ball", ["x", "y"]].to_numpy()))
    view.show(int(play["snap_frame"]) - 2)
    assert {len(path.vertices) for path in trails.get_paths()} == {1}
    assert view.seconds(int(play["snap_frame"]) + 3) == pytest.approx(0.3)


def test_pass_view_keeps_everybody_in_the_picture_and_is_the_same_of_cut_plays():
    tracking = synthetic()
    view, play, _ = view_of(tracking, int(tracking.plays["snap_frame"].iloc[0]))
    rows = tracking.frames[tracking.frames["side"] != "ball"]
    rows = rows[(rows["game_id"] == play["game_id"]) & (rows["play_id"] == play["play_id"])]
    (left, right), (low, high) = view.limits
    assert rows["x"].between(left, right).all()
    assert rows["y"].between(low, high).all()
    assert {"line of scrimmage", "first down"} <= {text.get_text() for text in view.ax.texts}
    whole = [text.get_text() for text in view.ax.texts]
    short, _, _ = view_of(cut(add_velocities(tracking)), 1)
    assert [text.get_text() for text in short.ax.texts] == whole


def test_pass_view_refuses_what_is_not_there():
    tracking = synthetic()
    play = tracking.plays.iloc[0]
    with pytest.raises(ValueError, match="expected the layout 'football'"):
        PassView(simulated(2), 1, 1)
    with pytest.raises(ValueError, match="expected a play of the tables, came play -1 of game"):
        PassView(tracking, play["game_id"], -1)
    view = PassView(tracking, play["game_id"], play["play_id"])
    with pytest.raises(ValueError, match=r"frame_id: expected one from 1 to \d+, came 0"):
        view.show(0)


def test_pass_filmstrip_names_its_moments_and_reads_on_a_phone():
    tracking = synthetic()
    play = tracking.plays.iloc[0]
    use_style()
    snap, release = int(play["snap_frame"]), int(play["release_frame"])
    fig = pass_filmstrip(tracking, play["game_id"], play["play_id"], [snap, snap + 5, release])
    since = (release - snap) / FOOTBALL.frames_per_second
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["snap", "0.5 s", f"release, {since:.1f} s"]
    pixels = 390 / (72 * fig.get_size_inches()[0])  # on a screen 390 px wide, per point
    shown = [text for text in fig.findobj(mpl.text.Annotation) if text.get_text()]
    assert len(shown) == 3 * 6  # five separations and the pressure
    assert min(text.get_fontsize() for text in shown) * pixels >= 11
    with pytest.raises(ValueError, match="expected at least one frame_id"):
        pass_filmstrip(tracking, play["game_id"], play["play_id"], [])


def ranked_passes(passers: int = 6) -> pd.DataFrame:
    """Passes of twelve games of each passer; 3 is better than the others."""
    rng = np.random.default_rng(7)
    table = pd.DataFrame({"passer_id": np.repeat(np.arange(passers), 360), "play_id": np.arange(passers * 360)})
    table["game_id"] = np.arange(len(table)) // 30
    table["passer"] = "passer " + table["passer_id"].astype(str)
    table["rank"] = np.clip(rng.random(len(table)) + 0.2 * (table["passer_id"] == 3), 0, 1)
    return table.assign(down=rng.integers(1, 5, len(table)), air_yards=rng.uniform(0, 30, len(table)))


def test_a_leaderboard_draws_each_score_with_its_interval_and_places():
    board = leaderboard(ranked_passes(), ["passer", "passer_id"], minimum=100, seed=1)
    use_style()
    ax = plot_leaderboard(board, label="passer", title="all passes")
    assert [label.get_text() for label in ax.get_yticklabels()] == board["passer"].tolist()
    intervals, points = ax.collections[0], ax.lines[1]
    np.testing.assert_allclose([one[:, 0] for one in intervals.get_segments()], board[["lower", "upper"]])
    np.testing.assert_allclose(points.get_xdata(), board["score"])
    written = [text.get_text() for text in ax.texts]
    assert written[:6] == [f"{low} to {high}" for low, high in zip(board["place_low"], board["place_high"])]
    assert len(plot_leaderboard(board, label="passer", most=2).get_yticklabels()) == 2


def test_a_card_marks_what_stands_out_among_all_comparisons():
    passes = ranked_passes()
    splits = splits_of(passes, splits=["deep", "short", "third down"], minimum=30, seed=1)
    use_style()
    for passer, stands_out in ((3, True), (0, False)):
        fig = passer_card(passes, splits, passer)
        forest, ranks = fig.axes
        own = splits[splits["passer_id"] == passer].sort_values("attempts", ascending=False)
        expected = [f"{split} ({n})" for split, n in zip(own["split"], own["attempts"])]
        assert [label.get_text() for label in forest.get_yticklabels()] == expected
        filled, hollow = (line.get_xdata() for line in forest.lines[1:3])
        np.testing.assert_allclose(filled, own.loc[own["q"] < 0.05, "difference"])
        np.testing.assert_allclose(hollow, own.loc[own["q"] >= 0.05, "difference"])
        assert (len(filled) > 0) == stands_out
        for stairs in ranks.patches:
            assert stairs.get_data().values.sum() == pytest.approx(100)
        assert fig.get_suptitle() == f"passer {passer}, 360 passes"
    with pytest.raises(ValueError, match="passer_id: 9 is not in passes"):
        passer_card(passes, splits, 9)
    with pytest.raises(ValueError, match="passer_id: 3 is not in splits"):
        passer_card(passes, splits[splits["passer_id"] != 3], 3)


def test_extremes_are_drawn_with_their_bands():
    sample = np.random.default_rng(3).pareto(3.0, 2000) + 1
    use_style()
    found = mean_excess(sample, [1.2, 1.5, 2.0])
    for ax, x, y, low in (
        (plot_mean_excess(found), found.threshold, found.mean, found.lower),
        (plot_hill(tail := hill(sample, most=300)), tail.k, tail.xi, tail.lower),
    ):
        np.testing.assert_allclose(ax.lines[0].get_xydata(), np.stack([x, y], axis=1))
        assert ax.collections[0].get_datalim(ax.transData).y0 == pytest.approx(low.min())
    fitted = stability(sample, [1.2, 1.5])
    shape, scale = plot_stability(fitted).axes
    np.testing.assert_allclose(shape.lines[0].get_ydata(), fitted.xi)
    np.testing.assert_allclose(scale.lines[0].get_ydata(), fitted.scale)
    levels = [Interval(3.0, 2.0, 7.0), Interval(5.0, 3.0, 12.0)]
    ax = plot_return_levels([100, 1000], levels)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[100, 3], [1000, 5]])
    bars = [segment[:, 1].tolist() for segment in ax.collections[0].get_segments()]
    assert bars == [[2.0, 7.0], [3.0, 12.0]]
