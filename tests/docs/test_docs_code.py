"""The Python and bash blocks of the pages in docs run; those that train, on a smaller schedule.

A Python block that begins with an import is a program: it runs on its own, without anything from earlier
blocks. Any other block continues where the one before it ended.

A block that does not run is marked in the page's source, with the reason: <!--- skip: next "reason" -->, or
<!--- skip: next if(quick, reason="reason") --> if it runs with METAQNN_ALL_BLOCKS=1 in the environment.
The README's example is run by `tests/test_readme.py`. The examples in the docstrings of packages and of the
classes that users import run as doctests; those of classes import everything they use.
"""

import doctest
import importlib
import os
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from unittest import SkipTest

import pytest
from sybil.document import Document
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser, SkipParser

from metaqnn.cli import main

DOCS = Path(__file__).parents[2] / "docs"
PACKAGES = ("state_space", "trainers", "trainers.finetuning", "metaqnn")
CLASSES = (
    "metaqnn.Search",
    "predictor.EarlyStopper",
    "predictor.LearningCurves",
    "predictor.RankEnvelope",
    "predictor.SequentialRegression",
    "state_space.Architecture",
    "state_space.StateSpace",
    "trainers.ClassifierTrainer",
)
SMALLER = {
    "metaqnn run --dataset": "--schedule 1.0:7,0.1:3 --epochs 3 --train-limit 400 --validation-size 100",
    "metaqnn audit": "--share 1",
    "metaqnn finetune": "--epochs 6 --train-limit 300",
}
"""Options appended to the commands that train: the last one given wins."""


def smaller(command):
    """The command line with fewer networks and epochs."""
    return " ".join([command, *(more for start, more in SMALLER.items() if command.startswith(start))])


def run_shell(example):
    """Run the lines of a block: `metaqnn` commands in this process, as importing PyTorch takes seconds."""
    for line in map(smaller, example.parsed.splitlines()):
        if line.startswith("metaqnn "):
            assert main(shlex.split(line)[1:]) == 0, line
        else:
            python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            subprocess.run(["bash", "-c", line], env={**os.environ, "PATH": python}, check=True)


class Programs(PythonEvaluator):
    """Runs each program by itself."""

    def __init__(self):
        super().__init__()
        self._path = [*sys.path]

    def __call__(self, example):
        """Run a block."""
        if example.parsed.startswith(("import ", "from ")):
            quick = example.document.namespace["quick"]
            example.document.namespace.clear()
            example.document.namespace["quick"] = quick
            sys.path[:] = self._path
            sys.modules.pop("model", None)  # of the tutorial's export
        return super().__call__(example)


def run_blocks(page):
    """Run all blocks of a page in order. Returns how many were run."""
    parsers = (CodeBlockParser("python", Programs()), CodeBlockParser("bash", run_shell), SkipParser())
    document, ran = Document.parse(str(page), *parsers), 0
    document.namespace["quick"] = "METAQNN_ALL_BLOCKS" not in os.environ
    for example in document.examples():
        with suppress(SkipTest):
            example.evaluate()
            ran += not isinstance(example.parsed, tuple)  # a mark is a tuple
    return ran


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty working folder; what blocks do to the interpreter is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield tmp_path
    sys.modules.pop("model", None)  # of the tutorial's export


def _pages():
    pages = sorted(DOCS.rglob("*.md"))
    return [page for page in pages if "\n```python\n" in (text := page.read_text()) or "\n```bash\n" in text]


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.name)
def test_the_blocks_run(page, elsewhere):
    assert run_blocks(page) > 0


@pytest.mark.parametrize("package", PACKAGES)
def test_the_examples_in_the_docstrings_of_packages_run(package, elsewhere):
    result = doctest.testmod(importlib.import_module(package))
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("name", CLASSES)
def test_the_example_in_the_docstring_of_a_class_runs(name, elsewhere):
    package, _, kind = name.partition(".")
    example = getattr(importlib.import_module(package), kind).__doc__
    test = doctest.DocTestParser().get_doctest(example, {}, name, None, None)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def test_a_block_that_fails_is_noticed(elsewhere):
    page = elsewhere / "page.md"
    failures = {
        "```python\nassert 1 == 2\n```\n": AssertionError,
        "```bash\nmetaqnn top nowhere\n```\n": AssertionError,
        "```bash\nfalse\ntrue\n```\n": subprocess.CalledProcessError,
    }
    for code, error in failures.items():
        page.write_text(f"# Page\n\n{code}")
        with pytest.raises(error):
            run_blocks(page)


def test_a_program_has_only_what_it_imports_and_other_blocks_go_on(elsewhere):
    page = elsewhere / "page.md"
    first, goes_on = "import math\n\nx = math.pi", "assert x > 3"
    blocks = [first, goes_on, "import sys\n\nassert 'x' not in globals()\nprint(math)"]
    page.write_text("\n\n".join(f"```python\n{code}\n```" for code in blocks[:2]))
    assert run_blocks(page) == 2
    page.write_text("\n\n".join(f"```python\n{code}\n```" for code in blocks))
    with pytest.raises(NameError, match="math"):
        run_blocks(page)


def test_only_the_marked_block_is_skipped(elsewhere):
    page = elsewhere / "page.md"
    blocks = ['<!--- skip: next "no" -->\n```python\nassert 0\n```\n', '```python\nopen("ran", "w")\n```\n']
    page.write_text("\n".join(blocks))
    assert run_blocks(page) == 1
    assert (elsewhere / "ran").exists()
