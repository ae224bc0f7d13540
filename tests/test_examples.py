"""The examples run; the adapters to other libraries that they use have their own tests."""

import ast
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def run(monkeypatch, capsys):
    """run(script, *options): what an example prints, run as a script, but in this process."""

    def run_(script, *options):
        monkeypatch.syspath_prepend(EXAMPLES)
        monkeypatch.setattr(sys, "argv", [script, *options])
        runpy.run_path(str(EXAMPLES / script), run_name="__main__")
        return capsys.readouterr().out

    return run_


@pytest.mark.parametrize(
    ("script", "options", "rule"),
    [
        ("plain_loop.py", ["--trainings", "3"], "patience 3"),
        ("optuna_pruner.py", ["--trials", "3"], "MedianPruner"),
    ],
)
def test_an_example_prints_its_table(run, script, options, rule):
    if script.startswith("optuna"):
        pytest.importorskip("optuna")
    shown = run(script, "--seeds", "1", *options)
    rows = {line[: line.index("  ")]: line.split() for line in shown.splitlines()[4:]}
    assert set(rows) >= {rule, "rank envelope"}
    assert "90" in next(iter(rows.values()))  # all epochs of three trainings
    assert "90" in rows["rank envelope"]  # which are its burn-in


def test_examples_need_only_what_the_predictor_requires_and_the_library_that_they_are_about():
    about = {"keras", "lightning", "optuna", "ray", "torch"}
    allowed = {*sys.stdlib_module_names, *about, "digits", "predictor", "numpy", "sklearn"}
    for script in EXAMPLES.glob("*.py"):
        for node in ast.walk(ast.parse(script.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= allowed, script


@pytest.mark.parametrize("option", ["--seeds", "--trainings"])
def test_nothing_to_train_has_a_line(run, capsys, option):
    with pytest.raises(SystemExit) as exit_:
        run("plain_loop.py", option, "0")
    assert exit_.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"argument {option}: '0' is not a whole number from 1" in line
