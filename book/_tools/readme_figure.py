"""Draw the figure of README.md from README's own snippet: python book/_tools/readme_figure.py"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import torch

from qbsbp.plotting import plot_law, use_style

ROOT = Path(__file__).parents[2]


def main() -> None:
    snippet = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)[1]
    names: dict = {}
    exec(snippet, names)
    law, gain = names["law"], names["gain"]
    use_style()
    # text as paths: a reader's machine needs no font, and the same figure has the same bytes
    plt.rcParams.update({"svg.hashsalt": "readme", "svg.fonttype": "path"})
    fig, ax = plt.subplots(figsize=(7.2, 3.0))
    plot_law(law, ax=ax, levels=(0.001, 0.996))
    height = float(law.log_prob(gain).exp())
    ax.plot(gain, height, "o", color="black", zorder=5)
    rank = float(law.cdf(gain))
    ax.annotate(
        f"this pass gained\n{float(gain):.0f} yards:\nrank {rank:.2f}",
        (float(gain), height),
        xytext=(12, 0.13),
        ha="center",
        arrowprops={"arrowstyle": "-", "color": "black"},
    )
    beyond = float(law.survival(torch.tensor(39.5)))
    ax.annotate(f"40 yards or more:\n{100 * beyond:.1f} %", (41, 0.01), color="#c44e00", ha="left")
    ax.set_xlim(-16, 56)
    fig.savefig(ROOT / "book/_static/readme.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
