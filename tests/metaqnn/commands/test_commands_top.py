"""`metaqnn top`: filters and the Pareto front, on a finished search."""

import json
import subprocess
import sys

import pytest

from metaqnn.cli import main


def test_listing_networks_and_the_overview_of_the_predictor_import_nothing_large(finished_run):
    """The processor time of a start depends on the machine; what it is spent on does not."""
    large = ("numpy", "scipy", "sklearn", "torch", "altair", "filelock")
    code = (
        "import sys, metaqnn.cli, predictor.cli; metaqnn.cli.main(['top', *sys.argv[1:]])\n"
        "try: predictor.cli.main(['--help'])\n"
        f"except SystemExit: print([name for name in {large} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(finished_run.path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "SM(10)]" in shown
    assert "simulate" in shown
    assert shown.splitlines()[-1] == "[]"


@pytest.mark.parametrize("text", ["10k", "10000", "1e4", "0.01M", "1.0e4"])
def test_sizes_are_taken_as_people_write_them(printed, finished_run, reader, text):
    found = json.loads(
        printed("top", finished_run.path, "--max-parameters", text, "-k", 99, "--format", "json")
    )
    expected = [row["number"] for row in reader.top(None) if row["parameters"] <= 10000]
    assert [row["number"] for row in found] == expected
    assert 0 < len(found) < len(reader.top(None))


@pytest.mark.parametrize("text", ["-3", "0", "0.5", "1T", "x", "", "1e99", "nan", "inf", "k", "1,000"])
def test_what_is_no_size_is_refused(capsys, finished_run, text):
    with pytest.raises(SystemExit):
        main(["top", str(finished_run.path), f"--max-macs={text}"])
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{text!r} is not a size; write it like 500000, 5e5, 500k or 1.5M" in line


@pytest.mark.parametrize(
    ("options", "cost"), [([], "parameters"), (["parameters"], "parameters"), (["macs"], "macs")]
)
def test_the_pareto_front_is_what_nothing_smaller_or_better_beats(
    printed, finished_run, reader, options, cost
):
    found = json.loads(printed("top", finished_run.path, "--format", "json", "--pareto", *options))
    completed = reader.top(None)
    front = [
        row["number"]
        for row in completed
        if not any(
            (other["final_accuracy"] >= row["final_accuracy"] and other[cost] < row[cost])
            or (other["final_accuracy"] > row["final_accuracy"] and other[cost] <= row[cost])
            for other in completed
        )
    ]  # fmt: skip
    assert [row["number"] for row in found] == front
    assert 1 < len(front) < len(completed)
    assert len(json.loads(printed("top", finished_run.path, "--format", "json", "--pareto", "-k", 1))) == 1


def test_predictions_have_no_place_in_the_pareto_front(capsys, finished_run):
    with pytest.raises(SystemExit):
        main(["top", str(finished_run.path), "--pareto", "--stopped"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_that_no_network_is_so_small_is_said(printed, finished_run):
    assert "no network of that size" in printed("top", finished_run.path, "--max-parameters", 1)
