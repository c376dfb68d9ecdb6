"""Render the book from the notebooks that the tests have executed, so that no chapter is executed twice.

    python book/_tools/render.py OUTPUT NOTEBOOK...              the whole book into OUTPUT/_build/html
    python book/_tools/render.py --only CHAPTER OUTPUT NOTEBOOK  one chapter; its references into others are reported

The executed notebooks go into the cache that jupyter-book reads. The cache does not notice that a package changed, so
it is filled afresh every time; and if jupyter-book finds no match in it and executes a chapter itself, that is an
error here.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn


def figures_without_alt(path: Path) -> list[str]:
    """Return the first line of every cell of an executed notebook that shows an image without describing it."""
    bare = []
    for cell in nbformat.read(path, as_version=4).cells:
        shows_image = any("image/" in kind for output in cell.get("outputs", []) for kind in output.get("data", ()))
        if shows_image and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt"):
            bare.append(f"{path.stem}: no alternative text for the figure of the cell {cell.source.splitlines()[0]!r}")
    return bare


def glued_without_a_number(path: Path) -> list[str]:
    """Return a line for every glued text that an executed notebook shows in a sentence and that says nan or inf."""
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    shown = set(re.findall(r"\{glue:text\}`([^`:]+)", prose))
    found = []
    for output in (output for cell in cells for output in cell.get("outputs", [])):
        key = output.get("metadata", {}).get("scrapbook", {}).get("name")
        text = " ".join(str(value) for value in output.get("data", {}).values())
        if key in shown and re.search(r"\b(nan|inf)\b", text, re.IGNORECASE):
            found.append(f"{path.stem}: the glued text {key} is {text}")
    return found


def fill_cache(directory: Path, notebooks: list[Path]) -> None:
    """Replace the cache in `directory` by the executed `notebooks`."""
    shutil.rmtree(directory, ignore_errors=True)
    cache = get_cache(directory)
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # nbmake's timings would change the key under which it is looked up
        cache.cache_notebook_bundle(CacheBundleIn(notebook, str(path)), check_validity=False, overwrite=True)


def write_single_toc(path: Path, chapter: Path) -> None:
    """Write a table of contents with one chapter between the landing page and the back matter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = [chapter.with_suffix("").as_posix(), "book/glossary", "book/bibliography"]
    path.write_text("format: jb-book\nroot: book/index\nchapters:\n" + "".join(f"  - file: {page}\n" for page in pages))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=Path, metavar="CHAPTER")
    parser.add_argument("output", type=Path)
    parser.add_argument("notebooks", type=Path, nargs="*")
    options = parser.parse_args()

    if bare := [line for path in options.notebooks for line in figures_without_alt(path)]:
        print("\n".join([*bare, "Add `mystnb: image: alt:` to those cells, see book/_template.md."]), file=sys.stderr)
        return 1
    if glued := [line for path in options.notebooks for line in glued_without_a_number(path)]:
        print("\n".join([*glued, "Mend the calculation, or glue words for that case."]), file=sys.stderr)
        return 1
    cache_directory = options.output / "_build" / ".jupyter_cache"
    fill_cache(cache_directory, options.notebooks)
    shutil.rmtree(options.output / "_build" / "html", ignore_errors=True)  # no page of an earlier book survives
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "--all", "-n", "--keep-going", "-q"]
    if options.only:
        toc = options.output / "_toc.yml"
        write_single_toc(toc, options.only)
        command += ["--path-output", str(options.output), "--toc", str(toc)]
    else:
        command += ["-W"]
    status = subprocess.run([*command, "."]).returncode
    executed = len(get_cache(cache_directory).list_cache_records()) - len(options.notebooks)
    if executed:
        print(
            f"jupyter-book executed {executed} chapter(s) that the tests had executed already: the code cells of a "
            "chapter and of its notebook differ. Run `make clean book`.",
            file=sys.stderr,
        )
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
