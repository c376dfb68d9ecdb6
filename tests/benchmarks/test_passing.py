"""What is recorded of the rivals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import passing


def scores(shift):
    rng = np.random.default_rng(3)
    common = rng.gamma(2.0, size=60)
    columns = {name: common + shift for name in ("crps", "nll", "absolute_error", "from_truth")}
    return pd.DataFrame(columns | {"pit": rng.uniform(size=60)})


def test_the_record_holds_scores_and_paired_differences_from_the_first_learned():
    judged = {
        "known": (scores(-1.0), {"seconds": 0.0}),
        "ours": (scores(0.0), {"seconds": 9.0, "latency": 2.0}),
        "rival": (scores(0.5), {"seconds": 3.0, "latency": 1.0}),
    }
    table = passing.record(judged, np.repeat(np.arange(6), 10)).set_index(["system", "score"])
    assert list(table.columns) == ["estimate", "lower", "upper"]
    assert not any(score.endswith("_difference") for score in table.loc["ours"].index)
    for system, difference in (("known", -1.0), ("rival", 0.5)):
        assert table.loc[(system, "crps"), "estimate"] == pytest.approx(
            table.loc[("ours", "crps"), "estimate"] + difference, abs=1e-4
        )
        # what is common to both cancels: every play differs by the same, and the interval has no width
        assert table.loc[(system, "crps_difference")].to_numpy() == pytest.approx([difference] * 3, abs=1e-4)
        assert table.loc[(system, "crps"), "upper"] - table.loc[(system, "crps"), "lower"] > 0.1
        assert table.loc[(system, "plays"), "estimate"] == 60
        assert table.loc[(system, "games"), "estimate"] == 6
