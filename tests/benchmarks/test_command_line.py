"""What a benchmark says about the machine; for what it cannot measure, one line and exit code 2."""

import argparse
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import described, numbers, seconds

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CURVES = BENCHMARKS.parent / "docs/results/curves/metaqnn_cifar10_decayed.csv"


def test_numbers_are_listed_or_given_by_their_ends():
    assert numbers(0)("0-3,7") == [0, 1, 2, 3, 7]
    assert numbers(0)("3,1-3") == [3, 1, 2]  # each once: a pair counted twice would make a result look surer


@pytest.mark.parametrize("text", ["", "5-2", "3-", "-3", "1,,2", "two", "0"])
def test_what_is_no_list_of_numbers_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        numbers(1)(text)


@pytest.fixture
def said(monkeypatch, capsys, tmp_path):
    """said(line): what a script says when it ends with exit code 2; FEW is a file of three curves."""
    few = tmp_path / "few.csv"
    few.write_text("net,lr,acc_1,acc_2\n" + '"[C(64,3,1), SM(10)]",0.001,0.2,0.3\n' * 3)

    def run(line):
        script, *options = line.replace("FEW", str(few)).replace("CURVES", str(CURVES)).split()
        monkeypatch.setattr(sys, "argv", [script, *options])
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(BENCHMARKS / script), run_name="__main__")
        assert end.value.code == 2
        [found] = capsys.readouterr().err.splitlines()
        return found

    return run


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("search_comparison.py --curves CURVES --seeds 5-2", "'5-2' ends before it begins"),
        ("search_comparison.py --curves CURVES --rules fastest", "'fastest'; expected some of none,"),
        ("search_comparison.py --curves CURVES --schedule 1.0", "schedule '1.0' cannot be parsed"),
        ("search_comparison.py --curves CURVES --rules default --plot x.png", "not in --rules"),
        ("search_comparison.py --curves missing.csv --seeds 0", "missing.csv"),
        ("agent_value.py --curves FEW --seeds 0", "3 recorded curves; a surrogate needs at least 20"),
        ("agent_value.py --curves FEW --sizes 300,3", "'3' is not a whole number from 27"),
        ("surrogate_fidelity.py --curves CURVES", "is not in the space of preset paper"),
        ("compare_runs.py --plot x.png runs/NAME", "'runs/NAME' is not like NAME=RUN"),
        ("compare_runs.py --plot x.png NAME=missing", "missing"),
        ("coordinator.py --networks 100 --start 100", "--start 100 leaves nothing to do"),
        ("decision_cost.py --curves FEW", "few.csv has 3 completed curves; at least 101 are needed"),
        ("prediction_speed.py --curves FEW", "few.csv has 3 completed curves; at least 152 are needed"),
        ("hyperband.py --curves CURVES --seeds 0", "'0' is not a whole number from 1"),
        ("optuna_pruner.py --curves FEW --trials 0", "'0' is not a whole number from 1"),
        ("stopping_variants.py --curves CURVES --rules fastest", "rule 'fastest' is not known"),
        ("stopping_variants.py --curves FEW", "few.csv has 3 completed curves; at least 4 are needed"),
        ("dashboard_view.py --figures q-kinds q-value", "'q-value' is not one of"),
        ("compilation.py --device tpu", "'tpu'"),
        ("sampling.py 10", "unknown argument: 10"),
    ],
)
def test_bad_input_has_a_line(said, line, message):
    assert message in said(line)


def test_a_line_tells_what_is_used_and_which_versions():
    line = described("numpy", used="one used")
    assert "cores, one used; load average" in line
    assert line.endswith(f", numpy {np.__version__}")
    assert "cores; load average" in described()


def test_a_job_is_done_once():
    done = []
    assert seconds(lambda: done.append(1)) >= 0
    assert done == [1]
