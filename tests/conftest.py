"""What every test starts from: the same seeds, and properties that try the same examples in every run."""

from __future__ import annotations

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("reproducible", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("reproducible")


@pytest.fixture(autouse=True)
def seed() -> int:
    """Seeds torch's global generator before every test; NumPy code here takes its generator explicitly."""
    torch.manual_seed(20170910)
    return 20170910


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that read the real highlights come first, and so in one process: to read them takes half a minute."""
    items.sort(key=lambda item: item.get_closest_marker("highlights") is None)
