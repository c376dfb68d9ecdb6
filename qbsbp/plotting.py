"""Figures of the book: one style, one way to draw a law, and animations that need nothing from the network.

Importing this module changes nothing; a chapter calls :func:`use_style` in its first cell. No other module of ``qbsbp``
but the command line imports this one.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from string import Template
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import AbstractMovieWriter, Animation
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from PIL import Image
from torch.distributions import Distribution

from .tracking import nearest_opponent

if TYPE_CHECKING:
    import pandas as pd

    from .extremes import Hill, Interval, MeanExcess, Stability
    from .schema import Layout, Tracking

COLORS = {
    "body": "#0072b2",  # blue
    "upper_tail": "#c44e00",  # vermilion
    "lower_tail": "#8f4b9b",  # purple
    "estimate": "#00805c",  # green
    "truth": "#3d3d3d",  # charcoal
}
"""Colours by meaning. They stay apart for the three kinds of colour blindness, and from the page in light and dark."""

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#595959",
    "axes.grid": True,
    "axes.labelcolor": "#262626",
    "axes.prop_cycle": mpl.cycler(color=list(COLORS.values())),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    # An opaque white ground reads well in any notebook; the book's style sheet turns it dark together with the page.
    "axes.facecolor": "white",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.figsize": (6.4, 3.4),
    "font.size": 11.0,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "image.cmap": "cividis",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "path",
    "svg.hashsalt": "qbsbp",  # the same figure gives the same file
    "text.color": "#262626",
    "xtick.color": "#4d4d4d",
    "ytick.color": "#4d4d4d",
}


def use_style() -> None:
    """Give every matplotlib figure of this process the style of the book, and notebooks crisp SVG figures.

    Only this call changes matplotlib's settings; ``matplotlib.rcdefaults()`` takes it back.
    """
    mpl.rcParams.update(_STYLE)
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        if get_ipython() is not None:
            set_matplotlib_formats("svg")


class _Page:
    """HTML for a notebook to display, with the words that stand for it where HTML is not shown."""

    def __init__(self, markup: str, words: str):
        self._markup = markup
        self._words = words

    def _repr_html_(self) -> str:
        return self._markup

    def __repr__(self) -> str:
        return self._words


def notice(title: str, text: str) -> _Page:
    """Return a visible box for a notebook, such as the one that says that real data are missing.

    Args:
        title: A few words.
        text: Plain sentences; every part between backticks is shown as code.

    Returns:
        An object that a notebook displays when it is the last value of a cell.
    """
    parts = html.escape(text).split("`")
    body = "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
    markup = f'<div class="admonition warning"><p class="admonition-title">{html.escape(title)}</p><p>{body}</p></div>'
    return _Page(markup, f"{title}: {text}")


class _Frames(AbstractMovieWriter):
    """Collects the frames of an animation as PNG images in base64."""

    def setup(self, fig, outfile, dpi=None):
        super().setup(fig, outfile, dpi)
        self.frames: list[str] = []

    def grab_frame(self, **savefig_kwargs):
        drawn, packed = io.BytesIO(), io.BytesIO()
        self.fig.savefig(drawn, format="png", dpi=self.dpi, **savefig_kwargs)
        # Figures have few colours: a palette of 128 cannot be told from the original and takes a third of the bytes.
        palette = Image.open(drawn).convert("RGB").quantize(128, dither=Image.Dither.NONE)
        palette.save(packed, format="png", optimize=True)
        self.frames.append(base64.b64encode(packed.getvalue()).decode("ascii"))

    def finish(self):
        plt.close(self.fig)


_PLAYER = Template("""
<style>
.qbsbp-animation { margin: 1rem 0; }
.qbsbp-animation img { display: block; max-width: 100%; height: auto; }
.qbsbp-animation .controls { display: flex; gap: 0.75rem; align-items: center; max-width: 40rem; padding-top: 0.5rem; }
.qbsbp-animation button { font: inherit; color: inherit; background: transparent; border: 1px solid currentColor;
  border-radius: 0.25rem; min-width: 5rem; padding: 0.25rem 0.75rem; }
.qbsbp-animation input { flex: 1; min-width: 0; }
.qbsbp-animation output { font-variant-numeric: tabular-nums; white-space: nowrap; }
</style>
<div class="qbsbp-animation" id="$id" role="group" aria-label="Animation">
  <img alt="$alt" src="data:image/png;base64,$first">
  <div class="controls">
    <button type="button">Play</button>
    <input type="range" min="0" max="$last" value="0" step="1" aria-label="Frame of the animation">
    <output>0.0 s</output>
  </div>
</div>
<script>
(() => {
  const frames = $frames, rate = $rate, root = document.getElementById("$id");
  const image = root.querySelector("img"), button = root.querySelector("button");
  const slider = root.querySelector("input"), clock = root.querySelector("output");
  let timer = null;
  const show = () => {
    image.src = "data:image/png;base64," + frames[slider.value];
    clock.textContent = (slider.value / rate).toFixed(1) + " s";
  };
  const pause = () => { clearInterval(timer); timer = null; button.textContent = "Play"; };
  const last = () => +slider.value === frames.length - 1;
  const step = () => { if (last()) return pause(); slider.value = +slider.value + 1; show(); };
  button.addEventListener("click", () => {
    if (timer) return pause();
    if (last()) { slider.value = 0; show(); }
    timer = setInterval(step, 1000 / rate);
    button.textContent = "Pause";
  });
  slider.addEventListener("input", () => { pause(); show(); });
})();
</script>
""")


def jshtml(animation: Animation, alt: str, *, frames_per_second: float = 10.0, dpi: float = 110.0) -> _Page:
    """Return an animation as a page fragment with a play button and a slider, and close its figure.

    Everything is inside the fragment: nothing is fetched from the network, nothing moves before the reader asks for it,
    and image, button and slider each have an accessible name.

    Args:
        animation: A matplotlib animation, such as ``FuncAnimation``.
        alt: What a reader who does not see the picture should know, in one or two sentences.
        frames_per_second: Speed of playing; 10 is real time for tracking data.
        dpi: Resolution of the frames, pixels per inch.

    Returns:
        An object that a notebook displays when it is the last value of a cell.

    Raises:
        ValueError: If `alt` is empty or `frames_per_second` is not positive.
    """
    if not alt.strip():
        raise ValueError("alt must describe the animation for readers who do not see it, got an empty text")
    if not frames_per_second > 0:
        raise ValueError(f"frames_per_second must be positive, got {frames_per_second}")
    writer = _Frames(fps=frames_per_second)
    animation.save("frames", writer=writer, dpi=dpi)
    digest = hashlib.sha256("".join([alt, *writer.frames]).encode()).hexdigest()
    markup = _PLAYER.substitute(
        id=f"animation-{digest[:12]}",
        alt=html.escape(alt, quote=True),
        last=len(writer.frames) - 1,
        rate=json.dumps(frames_per_second),
        first=writer.frames[0],
        frames=json.dumps(writer.frames),
    )
    return _Page(markup, f"Animation: {alt}")


def plot_law(
    law: Distribution,
    *,
    ax: Axes | None = None,
    color: str = COLORS["body"],
    label: str | None = None,
    unit: str = "yd",
    levels: tuple[float, float] = (0.002, 0.998),
    tails: bool = True,
) -> Axes:
    """Draw the density of one law; for a spliced law, with its tails shaded and its thresholds named.

    Args:
        law: A distribution with ``batch_shape == ()``, ``log_prob`` and ``icdf``. Tails are drawn when it has
            ``lower_threshold`` and ``upper_threshold``.
        ax: Axes to draw on; new ones by default.
        color: Colour of the density.
        label: Name written at the peak of the density.
        unit: Unit of the outcome, for the axes.
        levels: Levels in (0, 1) at which the picture begins and ends.
        tails: Whether to shade the tails and mark the thresholds of a spliced law.

    Returns:
        The axes.

    Raises:
        ValueError: If `law` is a batch of laws.
    """
    if law.batch_shape != ():
        raise ValueError(
            f"law must be a single law with batch_shape (), got {tuple(law.batch_shape)}; "
            "build the law from the parameters of one outcome"
        )
    if ax is None:
        _, ax = plt.subplots()
    with torch.no_grad():
        y, density = _density_curve(law, levels)
        ax.plot(y, density, color=color)
        ax.fill_between(y, density, color=color, alpha=0.12, linewidth=0)
        if label is not None:
            peak = int(density.argmax())
            ax.annotate(
                label, (y[peak], density[peak]), xytext=(0, 4), textcoords="offset points", color=color, ha="center"
            )
        if tails and hasattr(law, "lower_threshold"):
            _draw_tail(ax, y, density, law, "lower", unit)
            _draw_tail(ax, y, density, law, "upper", unit)
    ax.set(xlabel=f"outcome ({unit})", ylabel=f"density (1/{unit})")
    ax.margins(y=0.15)  # room for the words above the peak
    ax.set_ylim(bottom=0.0)
    return ax


def plot_history(history: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """A training run: loss on the training plays and score on the validation plays by epoch, the best one marked.

    Args:
        history: As `qbsbp.training.train` returns it, or its `history.csv`.
        ax: Axes to draw on, new ones by default.
    """
    if ax is None:
        _, ax = plt.subplots()
    best = history.loc[history["validation_score"].idxmin()]
    last = history.iloc[-1]
    for column, other, color, label in (
        ("train_loss", "validation_score", COLORS["truth"], "training"),
        ("validation_score", "train_loss", COLORS["body"], "validation"),
    ):
        ax.plot(history["epoch"], history[column], color=color)
        side = "bottom" if last[column] > last[other] else "top"  # the curves may end next to each other
        ax.annotate(label, (last["epoch"], last[column]), (6, 0), textcoords="offset points", color=color, va=side)
    ax.plot(best["epoch"], best["validation_score"], "o", color=COLORS["body"], ms=5)
    ax.set(xlabel="epoch", ylabel="nats")
    ax.margins(x=0.15)
    ax.xaxis.get_major_locator().set_params(integer=True)
    return ax


def plot_mean_excess(found: MeanExcess, *, ax: Axes | None = None) -> Axes:
    """Mean excess over thresholds with its band: where the law of the excesses is Pareto, it runs straight.

    Args:
        found: What `qbsbp.extremes.mean_excess` returned.
        ax: Axes to draw on, new ones by default.
    """
    ax = _band(found.threshold, found.mean, found.lower, found.upper, ax)
    ax.set(xlabel="threshold", ylabel="mean excess")
    return ax


def plot_hill(found: Hill, *, ax: Axes | None = None) -> Axes:
    """Hill's estimate of the shape over the number of greatest outcomes, with its band: where it is flat, trust it.

    Args:
        found: What `qbsbp.extremes.hill` returned.
        ax: Axes to draw on, new ones by default.
    """
    ax = _band(found.k, found.xi, found.lower, found.upper, ax)
    ax.set(xlabel="greatest outcomes used", ylabel=r"shape $\xi$ (Hill)")
    return ax


def plot_stability(found: Stability) -> Figure:
    """Shape and modified scale over thresholds with their bands: from where both are flat, the law holds.

    Args:
        found: What `qbsbp.extremes.stability` returned.
    """
    fig, axes = plt.subplots(2, 1, sharex=True, figsize=(6.4, 4.6))
    parts = (found.xi, found.xi_interval, r"shape $\xi$"), (found.scale, found.scale_interval, r"$\beta - \xi u$")
    for ax, (value, interval, label) in zip(axes, parts, strict=True):
        _band(found.threshold, value, *interval.T, ax)
        ax.set_ylabel(label)
    axes[1].set_xlabel("threshold u")
    return fig


def plot_return_levels(periods: Sequence[float], levels: Sequence[Interval], *, ax: Axes | None = None) -> Axes:
    """Levels over the logarithm of the time in which they are exceeded once, each with its interval as a bar.

    Args:
        periods: Outcomes, or blocks, in which the level is exceeded once.
        levels: What `GpdFit.return_level` or `GevFit.return_level` of `qbsbp.extremes` returned for each.
        ax: Axes to draw on, new ones by default.
    """
    if ax is None:
        _, ax = plt.subplots()
    ax.plot(periods, [level.estimate for level in levels], "o-", color=COLORS["upper_tail"])
    ends = [level.lower for level in levels], [level.upper for level in levels]
    ax.vlines(periods, *ends, color=COLORS["upper_tail"], lw=2)
    ax.set(xscale="log", xlabel="period", ylabel="level exceeded once in a period")
    return ax


def _band(x: np.ndarray, y: np.ndarray, lower: np.ndarray, upper: np.ndarray, ax: Axes | None) -> Axes:
    if ax is None:
        _, ax = plt.subplots()
    ax.fill_between(x, lower, upper, color=COLORS["upper_tail"], alpha=0.18, lw=0)
    ax.plot(x, y, color=COLORS["upper_tail"])
    return ax


def plot_leaderboard(
    board: pd.DataFrame, *, label: str, title: str | None = None, most: int = 40, ax: Axes | None = None
) -> Axes:
    """A leaderboard as a forest: each score with its interval, what is left of it after shrinking, and its places.

    Args:
        board: What `qbsbp.passing_score.leaderboard` returned; groups without a place are left out.
        label: Column to write beside each line.
        title: What the passes are.
        most: Lines at most, from the top.
        ax: Axes to draw on; new ones, as high as the lines need, by default.
    """
    rows = board[board["place"].notna()].head(most)
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 1.1 + 0.24 * len(rows)))
    y = np.arange(len(rows))
    ax.axvline(0, color=COLORS["truth"], lw=1)
    ax.hlines(y, rows["lower"], rows["upper"], color=COLORS["body"], lw=1.4)
    ax.plot(rows["score"], y, "o", color=COLORS["body"], ms=4.5)
    ax.plot(rows["shrunken"], y, "|", color=COLORS["upper_tail"], ms=9, mew=2)
    ax.set_yticks(y, [str(name) for name in rows[label]], fontsize="small")
    ax.set_ylim(len(rows) - 0.4, -1.6)  # the first on top, with room for the words above it
    edge = ax.get_yaxis_transform()
    for at, low, high in zip(y, rows["place_low"], rows["place_high"]):
        ax.text(1.02, at, f"{low} to {high}", transform=edge, va="center", fontsize="small", color=COLORS["truth"])
    ax.text(1.02, -1.0, "places", transform=edge, va="center", fontsize="small", color=COLORS["truth"])
    first = rows.iloc[0]
    ax.text(first["score"], -1.0, "score", ha="left", va="center", fontsize="small", color=COLORS["body"])
    ax.text(first["shrunken"], -1.0, "shrunken ", ha="right", va="center", fontsize="small", color=COLORS["upper_tail"])
    ax.grid(axis="y", visible=False)
    ax.set(xlabel="score (standard deviations of a pass's rank)", title=title)
    return ax


def passer_card(passes: pd.DataFrame, splits: pd.DataFrame, passer_id: int) -> Figure:
    """A passer at a glance: how far he is from the league in every split, and where his passes rank.

    Args:
        passes: What `qbsbp.passing_score.rank_passes` returned; with a column `passer` the card has his name.
        splits: What `qbsbp.passing_score.splits_of` found in them, of all passers: only among all comparisons can be
            said which of his stand out.
        passer_id: Who.

    Raises:
        ValueError: He has no pass, or is in none of the splits.
    """
    own = passes[passes["passer_id"] == passer_id]
    rows = splits[splits["passer_id"] == passer_id].sort_values("attempts", ascending=False)
    for name, table in (("passes", own), ("splits", rows)):
        if table.empty:
            raise ValueError(f"passer_id: {passer_id} is not in {name}. Take another, or a lower minimum of attempts.")
    fig, (forest, ranks) = plt.subplots(1, 2, figsize=(6.6, 1.3 + 0.27 * len(rows)), width_ratios=(1.5, 1))
    y = np.arange(len(rows))
    sure = (rows["q"] < 0.05).to_numpy()
    forest.axvline(0, color=COLORS["truth"], lw=1)
    reach = 1.96 * rows["se"]
    forest.hlines(y, rows["difference"] - reach, rows["difference"] + reach, color=COLORS["body"], lw=1.4)
    for stands_out, face in ((True, COLORS["body"]), (False, "white")):
        at = sure == stands_out
        forest.plot(rows["difference"][at], y[at], "o", mfc=face, color=COLORS["body"], ms=5)
    names = [f"{split} ({n})" for split, n in zip(rows["split"], rows["attempts"])]
    forest.set_yticks(y, names, fontsize="small")
    forest.set_ylim(len(rows) - 0.4, -0.6)
    forest.grid(axis="y", visible=False)
    forest.set(xlabel="from the league's mean (sd)", title=f"by split ({int(sure.sum())} stand out)")
    share, edges = np.histogram(own["rank"], bins=10, range=(0, 1))
    ranks.stairs(100 * share / len(own), edges, fill=True, color=COLORS["body"], alpha=0.6)
    league = np.histogram(passes["rank"], bins=10, range=(0, 1))[0]
    ranks.stairs(100 * league / len(passes), edges, color=COLORS["truth"], lw=1.4, baseline=None)
    ranks.set(xlabel="rank of a pass", title="share of passes (%)", xlim=(0, 1))
    ranks.text(0.97, 0.97, "line: the league", transform=ranks.transAxes, ha="right", va="top", fontsize="small")
    ranks.set_ylim(0, 1.2 * max(100 * share.max() / len(own), 100 * league.max() / len(passes)))
    name = own["passer"].iloc[0] if "passer" in own.columns else f"passer {passer_id}"
    fig.suptitle(f"{name}, {len(own)} passes", x=0.01, ha="left")
    return fig


def _density_curve(law: Distribution, levels: tuple[float, float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Points (n,) and density (n,), dense everywhere and on both sides of every edge of a binned body."""
    ends = law.icdf(torch.tensor(levels, dtype=law.mean.dtype))
    y = torch.linspace(float(ends[0]), float(ends[1]), 1200, dtype=ends.dtype)
    if hasattr(law, "bin_edges"):
        edges = law.bin_edges.reshape(-1)
        edges = edges[(edges > ends[0]) & (edges < ends[1])]
        y = torch.cat([y, edges, torch.nextafter(edges, ends[:1])]).sort().values
    return y, law.log_prob(y).exp()


def _draw_tail(ax: Axes, y: torch.Tensor, density: torch.Tensor, law: Distribution, side: str, unit: str) -> None:
    """Shade one tail and name its threshold on the side that faces the body's outside."""
    threshold = float(getattr(law, f"{side}_threshold"))
    color = COLORS[f"{side}_tail"]
    outside = y <= threshold if side == "lower" else y >= threshold
    ax.fill_between(y[outside], density[outside], color=color, alpha=0.45, linewidth=0)
    ax.axvline(threshold, color=color, linewidth=1.0, linestyle=(0, (4, 2)))
    ax.annotate(
        f"{side} threshold\n{_number(threshold)} {unit}",
        (threshold, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if side == "lower" else 4, 0),
        textcoords="offset points",
        ha="right" if side == "lower" else "left",
        va="top",
        color=color,
        fontsize="small",
    )


def _number(x: float) -> str:
    """A number with one decimal and a true minus, and no minus before a zero."""
    return f"{x:z.1f}".replace("-", "−")


class Pitch:
    """A field with its players and the disc, drawn once and then moved from frame to frame.

    The offence are round, the defence square, and each player trails a line of where half a second at the present
    velocity leads, when the frames have velocities. The disc is a white ring on its holder, or alone in the air. The
    field has the proportions of the layout, and the offence moves to the right. A football field has a line every ten
    yards, with its distance to the nearer goal line.

    Args:
        layout: Size of the field and its unit.
        ax: Axes to draw on; new ones by default.
        names: Whether to write which team is which above the field, and the numbers of the yard lines on it.

    Example:
        >>> from qbsbp.schema import ULTIMATE
        >>> pitch = Pitch(ULTIMATE)
        >>> pitch.ax.get_xlim() == (-1.0, 95.0)
        True
    """

    AHEAD = 0.5  # seconds of the line that shows a velocity

    def __init__(self, layout: Layout, ax: Axes | None = None, *, names: bool = True):
        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, 6.8 * layout.field_width / layout.field_length))
        self.layout, self.ax = layout, ax
        length, width, depth = layout.field_length, layout.field_width, layout.end_zone_depth
        for left in (0.0, length - depth):
            ax.add_patch(Rectangle((left, 0), depth, width, facecolor="#f0f0f0", linewidth=0, zorder=0))
        ax.add_patch(Rectangle((0, 0), length, width, fill=False, edgecolor="#8c8c8c", linewidth=1.0, zorder=1))
        ax.vlines((depth, length - depth), 0, width, color="#8c8c8c", linewidth=1.0, zorder=1)
        if layout.name == "football":
            tens = np.arange(depth + 10, length - depth, 10)
            ax.vlines(tens, 0, width, color="#dcdcdc", linewidth=0.8, zorder=0.5)
            for x in tens if names else ():
                to_goal = min(x - depth, length - depth - x)
                ax.text(x, 1.2, f"{to_goal:.0f}", color="#737373", ha="center", fontsize="small")
        ax.set(xlim=(-1, length + 1), ylim=(-1, width + 1), aspect="equal")
        ax.axis("off")
        self._teams = {}
        for side, marker, color in (("defence", "s", COLORS["upper_tail"]), ("offence", "o", COLORS["body"])):
            (lines,) = ax.plot([], [], color=color, linewidth=1.2, alpha=0.7, zorder=2)
            (points,) = ax.plot([], [], marker, color=color, markersize=5.5, markeredgecolor="white", zorder=3)
            self._teams[side] = (points, lines)
        (self._disc,) = ax.plot(
            [],
            [],
            "o",
            markersize=8.5,
            markerfacecolor="none",
            markeredgecolor=COLORS["truth"],
            markeredgewidth=1.8,
            zorder=4,
        )
        if names:
            for side, mark, x, align in (("offence", "●", 0.0, "left"), ("defence", "■", length, "right")):
                arrow = f"{mark} {side} →" if side == "offence" else f"{side} {mark}"
                color = self._teams[side][0].get_color()
                ax.text(x, width + 1, arrow, color=color, ha=align, va="bottom", fontsize="small")

    def show(self, moment: pd.DataFrame) -> None:
        """Move everybody to where they are in one frame.

        Args:
            moment: The rows of one frame of the frame table, with `side`, `x` and `y`, and with `velocity_x` and
                `velocity_y` where velocities are to be seen.

        Raises:
            ValueError: The rows are not those of one frame.
        """
        if len(moment) != self.layout.entities:
            raise ValueError(
                f"moment: expected the {self.layout.entities} rows of one frame, came {len(moment)}. "
                "Pick them by game_id, play_id and frame_id."
            )
        for side, (points, lines) in self._teams.items():
            team = moment[moment["side"] == side]
            points.set_data(team["x"], team["y"])
            if "velocity_x" in team.columns:
                xs, ys = [], []
                for x, y, vx, vy in team[["x", "y", "velocity_x", "velocity_y"]].to_numpy():
                    xs += [x, x + self.AHEAD * vx, float("nan")]  # the gap between one line and the next
                    ys += [y, y + self.AHEAD * vy, float("nan")]
                lines.set_data(xs, ys)
        disc = moment[~moment["side"].isin(self._teams)]
        self._disc.set_data(disc["x"], disc["y"])


class PassView:
    """One football play from above: who has run where, who is open, and how near the rush is.

    Above the marks of `Pitch`, linemen are hollow. Everybody trails the way since the snap. Around each eligible
    receiver, the offence but for the passer and linemen, is a disc that reaches to the nearest defender, with that
    distance, his separation, written beside it: green and bold where it is at least `OPEN` yards. A line joins the
    passer to the nearest defender, with their distance, the pressure.

    Args:
        tracking: Plays of the layout "football", cut or not, with velocities where they are to be seen.
        game_id: Game of the play.
        play_id: The play.
        ax: Axes to draw on; new ones by default.
        names: Whether to write above the field which line is which.
        fontsize: Size of the numbers and words.

    Attributes:
        frames: frame_id of every frame of the play, shape (frames,).
        snap: frame_id of the snap.
        release: frame_id of the release.
        limits: Part of the field that is shown: its ends along x and its ends along y.

    Raises:
        ValueError: The layout is another, or there is no such play.
    """

    OPEN = 3.0  # yards of separation from which a receiver is drawn as open
    AROUND = 5  # frames before the snap and after the release in which nobody leaves the picture

    def __init__(
        self,
        tracking: Tracking,
        game_id: int,
        play_id: int,
        ax: Axes | None = None,
        *,
        names: bool = True,
        fontsize: str | float = "small",
    ):
        if tracking.layout.name != "football":
            raise ValueError(f"tracking: expected the layout 'football', came {tracking.layout.name!r}.")
        plays, rows = tracking.plays, tracking.frames
        plays = plays[(plays["game_id"] == game_id) & (plays["play_id"] == play_id)]
        if len(plays) != 1:
            raise ValueError(f"play_id: expected a play of the tables, came play {play_id} of game {game_id}.")
        play = plays.iloc[0]
        self._rows = rows[(rows["game_id"] == game_id) & (rows["play_id"] == play_id)]
        entities = tracking.layout.entities
        near = nearest_opponent(replace(tracking, frames=self._rows))
        self._separation = near["separation"].to_numpy().reshape(-1, entities)
        self._place = self._rows[["x", "y"]].to_numpy(dtype=float).reshape(-1, entities, 2)
        self.frames = self._rows["frame_id"].to_numpy()[::entities]
        self.snap, self.release = int(play["snap_frame"]), int(play["release_frame"])
        self._first = int(np.searchsorted(self.frames, self.snap))

        first = self._rows.iloc[:entities]
        player = first["player_id"].to_numpy()
        offence, line = (first["side"] == "offence").to_numpy(), (first["position"] == "OL").to_numpy()
        self._passer = int(np.argmax(player == play["passer_id"]))
        self._eligible = np.flatnonzero(offence & ~line & (player != play["passer_id"]))
        self._line = np.flatnonzero(offence & line)
        self._opponent = np.searchsorted(player, near["opponent_id"].to_numpy().reshape(-1, entities))

        if ax is None:
            _, ax = plt.subplots(figsize=(5.2, 5.4))
        self.ax = ax
        self._pitch = Pitch(tracking.layout, ax, names=False)
        seen = (self.frames >= self.snap - self.AROUND) & (self.frames <= self.release + self.AROUND)
        shown = self._place[seen][:, first["side"] != "ball"]
        scrimmage = float(play["line_of_scrimmage"])
        first_down = scrimmage + float(play["yards_to_go"])
        low, high = shown.min(axis=(0, 1)) - 2.5, shown.max(axis=(0, 1)) + 2.5
        self.limits = (float(low[0]), float(max(high[0], first_down + 1))), (float(low[1]), float(high[1]))
        ax.set(xlim=self.limits[0], ylim=self.limits[1])
        ax.axvline(scrimmage, color=COLORS["truth"], linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
        if first_down < tracking.layout.goal_line:
            ax.axvline(first_down, color=COLORS["lower_tail"], linewidth=1.2, linestyle=(0, (1, 1)), zorder=1)

        if names:
            ax.text(scrimmage, high[1], "line of scrimmage", ha="right", va="bottom", fontsize=fontsize)
            if first_down < tracking.layout.goal_line:
                color = COLORS["lower_tail"]
                ax.text(first_down, high[1], "first down", color=color, ha="left", va="bottom", fontsize=fontsize)

        colors = [COLORS["body"] if own else COLORS["upper_tail"] for own in offence]
        self._moving = np.flatnonzero(first["side"] != "ball")
        self._trails = LineCollection(
            [], colors=[colors[i] for i in self._moving], linewidths=1.0, alpha=0.45, zorder=1.5
        )
        ax.add_collection(self._trails)
        self._discs = [ax.add_patch(Circle((0, 0), 0, linewidth=0, alpha=0.22, zorder=1.2)) for _ in self._eligible]
        (self._rush,) = ax.plot([], [], color=COLORS["upper_tail"], linewidth=1.6, zorder=2.5)
        (self._hollow,) = ax.plot([], [], "o", color="white", markersize=2.6, zorder=3.5)
        style = dict(textcoords="offset points", ha="center", fontsize=fontsize, zorder=5, annotation_clip=True)
        self._words = [ax.annotate("", (0, 0), xytext=(0, 5), **style) for _ in self._eligible]
        style |= {"ha": "right", "va": "center", "color": COLORS["upper_tail"]}
        self._pressure = ax.annotate("", (0, 0), xytext=(-6, 0), **style)

    def show(self, frame_id: int) -> None:
        """Move everybody to where they are in one frame.

        Raises:
            ValueError: The play has no such frame.
        """
        t = int(np.searchsorted(self.frames, frame_id))
        if t == len(self.frames) or self.frames[t] != frame_id:
            raise ValueError(f"frame_id: expected one from {self.frames[0]} to {self.frames[-1]}, came {frame_id}.")
        entities = self._place.shape[1]
        self._pitch.show(self._rows.iloc[t * entities : (t + 1) * entities])
        now, gap = self._place[t], self._separation[t]
        since = self._place[min(self._first, t) : t + 1]
        self._trails.set_segments([since[:, i] for i in self._moving])
        self._hollow.set_data(*now[self._line].T)
        for disc, words, i in zip(self._discs, self._words, self._eligible, strict=True):
            is_open = round(float(gap[i]), 1) >= self.OPEN  # as it is written
            others = self._eligible[self._eligible != i]
            beside = others[np.hypot(*(now[others] - now[i]).T).argmin()] if len(others) else i
            below = now[i, 1] < now[beside, 1]  # two who stand together have their numbers on either side
            words.set(position=(0, -5 if below else 5), va="top" if below else "bottom")
            color = COLORS["estimate"] if is_open else COLORS["truth"]
            disc.set(center=now[i], radius=gap[i], facecolor=color)
            words.xy = now[i]
            words.set(text=_number(gap[i]), color=color, fontweight="bold" if is_open else "normal")
        rusher = self._opponent[t, self._passer]
        self._rush.set_data(*now[[self._passer, rusher]].T)
        self._pressure.xy = now[self._passer]
        self._pressure.set_text(_number(gap[self._passer]))

    def seconds(self, frame_id: int) -> float:
        """Seconds since the snap, negative before it."""
        return (frame_id - self.snap) / self._pitch.layout.frames_per_second


def pass_filmstrip(
    tracking: Tracking, game_id: int, play_id: int, frames: Sequence[int], *, columns: int = 2
) -> Figure:
    """Moments of one football play side by side, each as `PassView` shows it, for a reader who sees no animation.

    Args:
        tracking: Plays of the layout "football".
        game_id: Game of the play.
        play_id: The play.
        frames: frame_id of each moment.
        columns: How many stand side by side.

    Returns:
        The figure, with the seconds since the snap above each moment.

    Raises:
        ValueError: No frames, or what `PassView` refuses.
    """
    if len(frames) == 0:
        raise ValueError("frames: expected at least one frame_id, came none.")
    rows = -(-len(frames) // columns)
    # No wider than this, because a phone shrinks every figure to its width, and the letters with it.
    fig, axes = plt.subplots(rows, columns, squeeze=False)
    for ax, frame in zip(axes.flat, frames, strict=False):
        view = PassView(tracking, game_id, play_id, ax, names=False, fontsize="medium")
        view.show(frame)
        ax.set_title(_moment(view, frame))
    for ax in axes.flat[len(frames) :]:
        ax.remove()
    (left, right), (low, high) = view.limits
    width = 5.2
    fig.set_size_inches(width, rows * (width / columns * (high - low) / (right - left) + 0.32))
    return fig


def _moment(view: PassView, frame_id: int) -> str:
    if frame_id == view.snap:
        return "snap"
    after = "release, " if frame_id == view.release else ""
    return f"{after}{_number(view.seconds(frame_id))} s"


def filmstrip(
    moments: Sequence[pd.DataFrame],
    law: Distribution,
    outcomes: Sequence[float],
    layout: Layout,
    *,
    titles: Sequence[str],
    limits: tuple[float, float],
) -> Figure:
    """Moments of a play from top to bottom, each beside the chances predicted there and the outcome that came.

    A bar is the probability of one unit of length around a whole number, since a density with a narrow peak hides all
    that stands beside it.

    Args:
        moments: Rows of one frame each, as `Pitch.show` takes them.
        law: What was predicted, one law for each moment: ``batch_shape == (len(moments),)``.
        outcomes: What happened after each moment, in the layout's unit of length.
        layout: Size of the field and its unit.
        titles: Words above each moment.
        limits: First and last whole outcome on the axis that all laws share.

    Returns:
        The figure.

    Raises:
        ValueError: There are not as many laws, outcomes and titles as moments.
    """
    rows = len(moments)
    if rows == 0 or law.batch_shape != (rows,) or len(outcomes) != rows or len(titles) != rows:
        raise ValueError(
            f"moments: expected one law, outcome and title for each of them, came {rows} moments, laws of batch_shape "
            f"{tuple(law.batch_shape)}, {len(outcomes)} outcomes and {len(titles)} titles."
        )
    unit = {"metre": "m", "yard": "yd"}[layout.length_unit]
    with torch.no_grad():
        ends = torch.arange(limits[0] - 0.5, limits[1] + 1.0)
        chances = 100 * law.cdf(ends[:, None]).diff(dim=0)  # percent, (bars, moments)
    # No wider than this, because a phone shrinks every figure to its width, and the letters with it.
    fig, axes = plt.subplots(rows, 2, figsize=(5.2, 1.75 * rows), width_ratios=(1.35, 1), squeeze=False)
    for i, (left, right) in enumerate(axes):
        Pitch(layout, left, names=False).show(moments[i])
        left.set_title(titles[i], loc="left")
        right.stairs(chances[:, i], ends, fill=True, color=COLORS["body"], alpha=0.6)
        right.axvline(outcomes[i], color=COLORS["truth"], linewidth=1.4, linestyle=(0, (3, 2)))
        far = outcomes[i] > sum(limits) / 2
        right.annotate(
            f"{_number(outcomes[i])} {unit}",
            (outcomes[i], 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if far else 4, 0),
            textcoords="offset points",
            ha="right" if far else "left",
            va="top",
            color=COLORS["truth"],
        )
        # The outcome's label stands above the bars.
        right.set(xlim=(float(ends[0]), float(ends[-1])), ylim=(0, 1.3 * float(chances.max())))
        right.tick_params(labelbottom=i == rows - 1)
    axes[0, 1].set_title("chance (%)", loc="left")
    axes[-1, 1].set_xlabel(f"outcome ({unit})")
    return fig
