"""Published figures that a chapter repeats are those of the benchmark, so that the two cannot drift apart."""

from __future__ import annotations

import ast
from pathlib import Path

import jupytext
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
CHAPTER = ROOT / "book/ch07_passing_data.md"


@pytest.fixture(scope="module")
def targets() -> pd.DataFrame:
    return pd.read_csv(ROOT / "benchmarks/realism_targets.csv").set_index("key")


def literal(name: str):
    """What the chapter assigns to a name, written out."""
    for cell in jupytext.read(CHAPTER, fmt="md:myst").cells:
        if cell.cell_type == "code" and f"{name} = {{" in cell.source:
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                    return ast.literal_eval(node.value)
    raise AssertionError(f"{CHAPTER.name} assigns nothing to {name}")


def test_the_figures_of_a_season_are_those_of_the_benchmark(targets):
    published = literal("published")
    assert len(published) >= 12
    for key, (_, value, low, high, _) in published.items():
        assert (value, low, high) == tuple(targets.loc[key, ["target", "low", "high"]]), key


def test_the_speeds_are_those_of_the_benchmark(targets):
    for role, speeds in literal("real_speed").items():
        keys = [f"speed_{role}_{half / 2:.1f}s" for half in range(1, 7)]
        assert speeds == list(targets.loc[keys, "target"]), role


def test_the_times_to_throw_are_those_of_the_benchmark(targets):
    times = literal("real_times")
    assert times == {level: targets.loc[f"time_to_throw_q{level}", "target"] for level in times}
