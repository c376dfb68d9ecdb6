"""The house keeps its own rules: imports go one way, importing changes nothing, chapters have their parts."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import yaml

ROOT = Path(__file__).parents[1]

# The street of ARCHITECTURE.md, walked one way: a room imports only from rooms before it.
STREET = [
    "distributions",
    "extremes",
    "likelihood",
    "schema",
    "datasets",
    "tracking",
    "features",
    "tcn",
    "model",
    "training",
    "baselines",
    "evaluation",
    "experiment",
    "passing_score",
    "box_score",
    "realtime",
    "plotting",
    "cli",
]

MODULES = sorted([*ROOT.glob("qbsbp/**/*.py"), *ROOT.glob("data_synth/**/*.py")])
CHAPTERS = sorted(ROOT.glob("book/ch*.md"))
PAGES = [ROOT / "book/_template.md", *CHAPTERS]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- imports go one way -----------------------------------------------------------------------------------------------


def imported_modules(source: str, package: str) -> set[str]:
    """Dotted names of everything that `source`, a module of `package`, imports anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = parents[: len(parents) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def wrong_imports(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """What the module with the dotted name `module` imports against the street."""
    package = module if is_package else module.rpartition(".")[0]
    top, _, rest = module.partition(".")
    room = rest.partition(".")[0]
    wrong = []
    for name in sorted(imported_modules(source, package)):
        other_top, _, other_rest = name.partition(".")
        other = other_rest.partition(".")[0]
        if top == "data_synth":
            allowed = other_top != "qbsbp" or other == "schema"
        elif other_top == "data_synth":
            allowed = False
        elif other_top != "qbsbp" or other == room:
            allowed = True
        elif other == "plotting":
            allowed = room == "cli"
        elif not room:
            allowed = other in STREET
        else:
            allowed = other in STREET and STREET.index(other) < STREET.index(room)
        if not allowed:
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    module = ".".join(parts[:-1] if is_package else parts)
    assert wrong_imports(path.read_text(encoding="utf-8"), module, is_package=is_package) == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.is_relative_to(ROOT / "qbsbp")], ids=name_of)
def test_every_module_lives_on_the_street(path):
    room = Path(path.relative_to(ROOT / "qbsbp").parts[0]).stem
    assert room in STREET or room == "__init__", f"give {room} its place in STREET and in ARCHITECTURE.md"


@pytest.mark.parametrize(
    ("source", "module", "wrong"),
    [
        ("from .model import ModelConfig", "qbsbp.tcn", ["qbsbp.model.ModelConfig"]),
        ("from .tcn import TCN", "qbsbp.model", []),
        ("from qbsbp import training", "qbsbp.features", ["qbsbp.training"]),
        ("from ..training import train", "qbsbp.distributions.binned", ["qbsbp.training.train"]),
        ("from ._checks import as_value", "qbsbp.distributions.binned", []),
        ("def f():\n    import qbsbp.plotting", "qbsbp.evaluation", ["qbsbp.plotting"]),
        ("def f():\n    import qbsbp.plotting", "qbsbp.cli", []),
        ("import qbsbp.distributions", "data_synth.known_law", ["qbsbp.distributions"]),
        ("from qbsbp.schema import PLAYS", "data_synth.ultimate", []),
        ("import data_synth", "qbsbp.datasets.ultimate_track", ["data_synth"]),
    ],
)
def test_wrong_imports_are_found(source, module, wrong):
    assert wrong_imports(source, module) == wrong


# --- importing changes nothing ----------------------------------------------------------------------------------------

STATE = """
import importlib, json, pickle, pkgutil, random, sys, warnings
import accelerate, matplotlib.pyplot, numpy, pandas, pooch, safetensors.torch, scipy.stats, seaborn, torch, tqdm

def state():
    return {
        "default dtype": str(torch.get_default_dtype()),
        "default device": str(torch.get_default_device()),
        "argument validation": torch.distributions.Distribution._validate_args,
        "gradients": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "torch random": hash(bytes(torch.get_rng_state().tolist())),
        "numpy random": hash(pickle.dumps(numpy.random.get_state())),
        "numpy errors": str(numpy.geterr()),
        "random": hash(random.getstate()),
        "matplotlib": str(dict(matplotlib.rcParams)),
        "backend": matplotlib.get_backend(),
        "pandas": str([pandas.get_option(key) for key in ("display.max_rows", "display.precision")]),
        "warnings": str(warnings.filters),
    }

before = state()
import qbsbp, data_synth
for package in (qbsbp, data_synth):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
after = state()
print(json.dumps({key: [str(before[key]), str(after[key])] for key in before if before[key] != after[key]}))
"""


def run_python(code: str) -> str:
    """Run `code` in a fresh interpreter and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_every_module_changes_nothing_global():
    assert json.loads(run_python(STATE)) == {}


def test_importing_the_package_loads_nothing_optional_or_heavy():
    loaded = set(json.loads(run_python("import json, sys, qbsbp; print(json.dumps(sorted(sys.modules)))")))
    assert "qbsbp" in loaded
    assert loaded.isdisjoint({"matplotlib", "seaborn", "pandas", "xgboost", "onnx", "onnxruntime", "dask", "IPython"})


# --- chapters have their parts ----------------------------------------------------------------------------------------


def cells_of(path: Path):
    return jupytext.read(path, fmt="md:myst").cells


def draws_a_figure(source: str) -> bool:
    """Whether a cell shows a figure by itself: ``plt.show()`` outside of any function, and no animation."""
    code = "\n".join("" if line.startswith(("%", "!")) else line for line in source.splitlines())
    calls = set()
    waiting: list[ast.AST] = [ast.parse(code)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            calls.add(ast.unparse(node.func))
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return bool(calls & {"plt.show", "plt.subplots", "plt.figure", "plot_law"}) and "jshtml" not in calls


def test_cells_that_draw_are_found():
    assert draws_a_figure("fig, ax = plt.subplots()\nax.plot(x)")
    assert not draws_a_figure("def draw():\n    plt.show()")
    assert not draws_a_figure("fig, ax = plt.subplots()\njshtml(FuncAnimation(fig, update), alt='x')")


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_chapter_opens_with_valid_front_matter_and_a_label(path):
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    front = yaml.safe_load(front)
    assert front["kernelspec"]["name"] == "python3"
    representation = front["jupytext"]["text_representation"]
    assert (representation["extension"], representation["format_name"]) == (".md", "myst")
    assert re.search(r"^\(ch-[a-z-]+\)=\n# \S", body, re.M), "the title needs a label (ch-name)= above it"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_figure_has_caption_name_and_alternative_text(path):
    for cell in cells_of(path):
        if cell.cell_type != "code":
            continue
        shown = cell.metadata.get("mystnb", {})
        if "figure" in shown or draws_a_figure(cell.source):
            first = cell.source.splitlines()[0]
            assert shown.get("figure", {}).get("caption"), f"no caption: cell {first!r}"
            assert shown["figure"].get("name", "").startswith("fig-"), f"no name fig-...: cell {first!r}"
            assert len(shown.get("image", {}).get("alt", "").split()) >= 5, f"no alternative text: cell {first!r}"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_chapter_has_its_sections(path):
    text = path.read_text(encoding="utf-8")
    assert ":::{admonition} What you will be able to do\n:class: tip\n" in text
    assert re.search(r"^\*\*Time:\*\* \d+ minutes", text, re.M), "say how long the chapter takes: **Time:** 20 minutes."
    assert "**You need:**" in text, "say what to know first: **You need:** ..."
    headings = re.findall(r"^## (.*)$", text, re.M)
    assert headings[-2:] == ["What to remember", "What comes next"]
    assert "{cite:" in text, "a chapter cites its sources"
    assert not re.search(r"^%", text, re.M) or path.stem == "_template", "remove the remarks of the template"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_chapter_has_an_exercise_with_a_check_and_a_hidden_solution(path):
    text = path.read_text(encoding="utf-8")
    exercises = re.findall(r"^`{3,}\{exercise-start\}.*\n:label: (ex-[\w-]+)$", text, re.M)
    solutions = re.findall(r"^`{3,}\{solution-start\} (ex-[\w-]+)\n:class: dropdown$", text, re.M)
    assert exercises, "a chapter has at least one exercise"
    assert sorted(solutions) == sorted(exercises), "each exercise has one solution, hidden by `:class: dropdown`"
    code = [cell for cell in cells_of(path) if cell.cell_type == "code"]
    solved = "\n".join(cell.source for cell in code if "solution" in cell.metadata.get("tags", []))
    asked = "\n".join(cell.source for cell in code if "solution" not in cell.metadata.get("tags", []))
    checks = re.findall(r"^def (check_\w+)\(", asked, re.M)
    assert len(checks) >= len(exercises), "each exercise has its check: def check_...(answer)"
    for check in checks:
        assert len(re.findall(rf"\b{check}\(", asked)) >= 2, f"the exercise never calls {check}"
        assert f"{check}(" in solved, f"no cell with the tag solution calls {check}"


def test_every_chapter_is_in_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    assert [file for file in listed if Path(file).name.startswith("ch")] == [
        path.relative_to(ROOT).with_suffix("").as_posix() for path in CHAPTERS
    ]


# --- nothing of one machine in the repository -------------------------------------------------------------------------

MACHINE_PATH = re.compile(r"(?:^|[^A-Za-z0-9_.])/(?:home|root|work|farm|tmp|Users)/[A-Za-z.]", re.M)
REGISTRY = re.compile(r'index[-]url|registry *= *http|"resolved": *"http|https?://[^ ]*/simple(?:/| |$)', re.M)


def test_no_tracked_file_names_a_machine_or_a_package_registry():
    tracked = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    found = []
    for name in filter(None, tracked.split("\0")):
        path = ROOT / name
        if path.is_file():
            text = path.read_bytes().decode("utf-8", errors="replace")
            matches = [pattern.search(text) for pattern in (MACHINE_PATH, REGISTRY)]
            found += [f"{name}: {match.group()!r}" for match in matches if match]
    assert tracked
    assert found == []


# --- the README keeps its word ----------------------------------------------------------------------------------------


def test_the_snippets_of_the_readme_print_what_they_say(capsys):
    text = (ROOT / "README.md").read_text("utf-8")
    snippets = re.findall(r"```python\n(.*?)```\n+```\n(.*?)```", text, re.S)
    assert len(snippets) == text.count("```python")
    for snippet, said in snippets:
        exec(compile(snippet, "README.md", "exec"), {})
        assert capsys.readouterr().out == said
        assert len([line for line in snippet.splitlines() if line]) <= 12
