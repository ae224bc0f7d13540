"""The examples run; what they need of other libraries is tested where the adapters are."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(
    ("script", "options", "rule"),
    [
        ("plain_loop.py", ["--trainings", "3"], "patience 3"),
        ("optuna_pruner.py", ["--trials", "3"], "MedianPruner"),
    ],
)
def test_an_example_prints_its_table(script, options, rule):
    if script.startswith("optuna"):
        pytest.importorskip("optuna")
    command = [sys.executable, EXAMPLES / script, "--seeds", "1", *options]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = {line[: line.index("  ")]: line.split() for line in shown.splitlines()[4:]}
    assert set(rows) >= {rule, "rank envelope"}
    assert "90" in next(iter(rows.values()))  # all epochs of three trainings
    assert "90" in rows["rank envelope"]  # which are its burn-in


@pytest.mark.parametrize("option", ["--seeds", "--trainings"])
def test_nothing_to_train_has_a_line(option):
    command = [sys.executable, EXAMPLES / "plain_loop.py", option, "0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"argument {option}: '0' is not a whole number from 1" in line
