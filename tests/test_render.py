"""The renderer refuses pages that show a number which is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

RENDER = Path(__file__).parents[1] / "book/_tools/render.py"


def glued(key: str, text: str) -> dict:
    """The output that `glue(key, ..., display=False)` leaves in an executed notebook."""
    prefix = "application/papermill.record/"
    metadata = {"scrapbook": {"mime_prefix": prefix, "name": key}}
    return new_output("display_data", data={f"{prefix}text/plain": text}, metadata=metadata)


def rendered(folder: Path, texts: dict[str, str], prose: str) -> subprocess.CompletedProcess:
    cell = new_code_cell("glue", outputs=[glued(key, text) for key, text in texts.items()], execution_count=1)
    nbformat.write(new_notebook(cells=[new_markdown_cell(prose), cell]), folder / "page.ipynb")
    # A renderer that finds no fault goes on to a book that is not here, and says so.
    command = [sys.executable, RENDER, folder / "out", folder / "page.ipynb"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("text", ["nan", "-inf", "'0.1 [nan, 0.3]'", "tensor(inf)"])
def test_a_glued_number_that_is_none_fails_with_page_and_key(tmp_path, text):
    run = rendered(tmp_path, {"a_mean": text, "a_share": "0.5"}, "On average {glue:text}`a_mean:.1f` yards.")
    assert run.returncode == 1
    assert run.stderr == f"page: the glued text a_mean is {text}\nMend the calculation, or glue words for that case.\n"


@pytest.mark.parametrize("text", ["0.25", "'no finance, no information'", "'∞'"])
def test_numbers_words_and_what_no_sentence_shows_pass(tmp_path, text):
    run = rendered(tmp_path, {"a_mean": text, "unused": "nan"}, "On average {glue:text}`a_mean` yards.")
    assert "glued" not in run.stderr
    assert (tmp_path / "out/_build/.jupyter_cache").is_dir()  # the check is behind it
