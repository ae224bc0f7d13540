"""`python -m predictor`: what it prints, what it refuses, and with which exit code."""

import csv
import io
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.cli import COMMANDS, main
from predictor.rules.names import default_rules
from predictor.rules.optuna import PRUNERS


@pytest.fixture
def curves_csv(tmp_path, make_curves):
    curves = make_curves(12, 5, seed=3)
    header = ["depth", "lr", *(f"acc_{epoch}" for epoch in range(1, 6))]
    rows = np.column_stack([curves.architecture["depth"], curves.hyperparameters["lr"], curves.values])
    path = tmp_path / "curves.csv"
    np.savetxt(path, rows, delimiter=",", header=",".join(header), comments="", fmt="%.6f")
    return path


def first_of(path):
    header, row = (line.split(",") for line in path.read_text().splitlines()[:2])
    depth, lr, *values = map(float, row)
    assert header[:2] == ["depth", "lr"]
    shown = [f"{value:.4g}" for value in values]
    return f"depth = {depth:g}, lr = {lr:g}: {', '.join(shown[:3])}, ..., {shown[-1]}"


def run(capsys, *arguments):
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_without_a_command_the_commands_are_listed(capsys):
    code, out, _ = run(capsys)
    assert code == 0
    assert all(name in out for name in COMMANDS)


def test_the_version_is_that_of_the_distribution(capsys):
    facts = tomllib.loads((Path(__file__).parents[2] / "predictor" / "pyproject.toml").read_text())
    code, out, _ = run(capsys, "--version")
    assert (code, out) == (0, f"predictor {facts['project']['version']}\n")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["evalute"], "evaluate"),
        (["evaluate", "curves.csv", "--methods", "nu-svr"], "nu-svr-rbf"),
        (["simulate", "curves.csv", "--format", "jsn"], "json"),
    ],
)
def test_the_nearest_command_method_or_choice_is_suggested(capsys, words, meant):
    code, _, err = run(capsys, *words)
    assert code == 2
    assert f"invalid choice: {words[-1]!r}" in err
    assert f"; did you mean {meant!r}? (see python -m predictor" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches_with_examples(capsys, name):
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert f"python -m predictor {name} " in out.split("examples:")[1]


def test_help_does_without_slow_libraries():
    code = """
import sys
from predictor.cli import main
for name in ("evaluate", "simulate"):
    try:
        main([name, "--help"])
    except SystemExit:
        print([name for name in ("sklearn", "pandas", "joblib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line.startswith("[")] == ["[]", "[]"]


def test_help_of_simulate_names_the_rules_that_it_takes_by_default(capsys):
    own = [str(rule) for rule in default_rules() if str(rule) not in PRUNERS]
    _, out, _ = run(capsys, "simulate", "--help")
    said = f"(default: {', '.join(own)} and, if Optuna is installed, its pruners)"
    assert said in " ".join(out.split())


def test_help_of_simulate_explains_every_rule_and_column(capsys, curves_csv):
    text = run(capsys, "simulate", "--help")[1]
    assert "Delta=0.99, tolerance=0.0" in text
    table = run(capsys, "simulate", curves_csv, "--rules", "none", "--jobs", 1, "--orders", 1)[1]
    for column in ("speed-up", "recovered", "regret", "within", "stopped", "false stops", "ms/decision"):
        assert f"\n  {column} " in text
        assert column in table


def test_simulate_prints_a_table(capsys, curves_csv):
    code, out, err = run(capsys, "simulate", curves_csv, "--rules", "none", "--jobs", 1)
    assert code == 0
    assert err.splitlines() == [
        f"predictor: {curves_csv}: 12 curves x 5 epochs of accuracy (maximized) in acc_1 to acc_5; "
        "parameters depth, lr",
        f"predictor: {curves_csv}: the first: {first_of(curves_csv)}",
    ]
    assert "12 networks x 5 epochs" in out
    assert "1.00x" in out
    assert "10 of 10" in out


def test_simulate_as_json_csv_and_picture(capsys, curves_csv, tmp_path):
    where = tmp_path / "new" / "folder"
    options = ("--rules", "none,paper:burn_in=4,method=ols,Delta=0.6", "--rules", "none", "--jobs", 1)
    files = ("--csv", where / "table.csv", "--plot", where / "figure.png")
    code, out, _ = run(
        capsys, "simulate", curves_csv, *options, *files, "--orders", "3-5", "--format", "json"
    )
    assert code == 0
    (curve_set,) = json.loads(out)["sets"]
    none, paper, again = curve_set["rules"]
    assert (none["speed_up"], again["speed_up"], paper["rule"]) == (1.0, 1.0, options[1].partition(",")[2])
    assert [order["order"] for order in paper["by_order"]] == [3, 4, 5]
    assert paper["speed_up"] > 1
    written = list(csv.DictReader((where / "table.csv").open()))
    assert [float(row["speed_up"]) for row in written] == [rule["speed_up"] for rule in curve_set["rules"]]
    assert (where / "figure.png").read_bytes().startswith(b"\x89PNG")
    printed = run(capsys, "simulate", curves_csv, *options, "--orders", "3,4,5", "--format", "csv")[1]
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["max_regret"] for row in rows] == [row["max_regret"] for row in written]


def test_a_search_of_a_part_is_called_so_everywhere(capsys, curves_csv):
    options = ("--rules", "none", "--jobs", 1, "--orders", "0-1", "--subset", 5)
    n = len(LearningCurves.read(curves_csv))
    _, out, _ = run(capsys, "simulate", curves_csv, *options)
    assert f"5 of {n} networks per order" in out
    (curve_set,) = json.loads(run(capsys, "simulate", curves_csv, *options, "--format", "json")[1])["sets"]
    assert (curve_set["networks"], curve_set["subset"]) == (n, 5)
    assert "subset" in run(capsys, "simulate", curves_csv, *options, "--format", "csv")[1].splitlines()[0]
    out = run(capsys, "simulate", curves_csv, *options, "--anytime")[1]
    assert out.count(f"5 of {n} networks per order") == 2


THRESHOLD = "optuna.ThresholdPruner"


def test_results_that_tell_less_than_they_seem_to_are_noted(capsys, curves_csv, tmp_path):
    n = len(LearningCurves.read(curves_csv))
    err = run(capsys, "simulate", curves_csv, "--rules", "published,none", "--orders", 1, "--jobs", 1)[2]
    assert f"published never decides: its burn-in is 100, with {n} networks" in err
    losses = tmp_path / "losses.csv"
    losses.write_text("loss_1,loss_2\n" + "".join(f"{2 + i / 1000},{1 + i / 1000}\n" for i in range(9)))
    rule = f"{THRESHOLD}:upper=1.5"
    err = run(capsys, "simulate", losses, "--rules", rule, "--orders", 1, "--jobs", 1)[2]
    assert f"{rule} sees scores, which are negative for a minimized metric" in err
    rule = f"{THRESHOLD}:lower=-1.5"
    assert "sees" not in run(capsys, "simulate", losses, "--rules", rule, "--orders", 1, "--jobs", 1)[2]
    assert "the tolerance, 0.01, is no less than the gap between the best and the median result, 0.004" in err


def test_a_tolerance_of_ones_own(capsys, curves_csv):
    out = run(capsys, "simulate", curves_csv, "--rules", "none", "--jobs", 1, "--tolerance", "0.05")[1]
    assert "within 0.05" in out


def test_perplexities_too(capsys, tmp_path):
    path = tmp_path / "lm.csv"
    path.write_text("ep_0,ep_1,ep_2\n900,300,100\n900,200,80\n900,400,120\n")
    out = run(capsys, "simulate", path, "--rules", "none", "--jobs", 1, "--format", "json")[1]
    (curve_set,) = json.loads(out)["sets"]
    assert (curve_set["metric"], curve_set["epochs"], curve_set["tolerance"]) == ("perplexity", 2, 0.01)
    assert curve_set["best"] == pytest.approx(80)


WRONG_FILES = {
    "missing columns": ("a,b\n1,2\n3,4\n", "no learning curves: expected columns such as acc_1"),
    "text in a number": ("acc_1,acc_2\n0.1,0.2\n0.1,many\n", "row 2, column 'acc_2': 'many' is not a number"),
    "T = 1": ("acc_1\n0.1\n0.2\n", "T = 1"),
    "NaN everywhere": ("acc_1,acc_2\nnan,nan\n,\n", "NaN everywhere"),
    "nothing completed": ("acc_1,acc_2\n0.1,\n0.2,nan\n", "0 of 2 curves completed"),
    "one curve": ("acc_1,acc_2,acc_3\n0.1,0.2,0.3\n", "1 of 1 curves completed"),
    "all equal": ("acc_1,acc_2\n" + "0.1,0.2\n" * 6, "all 6 curves end at the same value"),
    "empty": ("", "empty"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_wrong_files_are_one_line_that_names_the_file(capsys, tmp_path, case):
    text, quoted = WRONG_FILES[case]
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    code, out, err = run(capsys, "simulate", path, "--rules", "none", "--jobs", 1)
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"predictor: error: .*wrong\.csv: .*{quoted}.*\n", err)


def test_what_a_terminal_would_obey_is_escaped(capsys, tmp_path):
    for words in (["simulate", tmp_path / "\x1b[2Jcurves.csv"], ["simulate", "a.csv", "--jobs", "\x1b[2J"]):
        code, out, err = run(capsys, *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "\x1b" not in err
        assert r"\x1b[2J" in err


def test_an_order_counts_once(capsys, curves_csv):
    options = ("--rules", "none", "--jobs", 1, "--orders", "3,5,3", "--format", "json")
    (curve_set,) = json.loads(run(capsys, "simulate", curves_csv, *options)[1])["sets"]
    assert [order["order"] for order in curve_set["rules"][0]["by_order"]] == [3, 5]


def test_curves_that_are_left_out_are_mentioned(capsys, tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("acc_1,acc_2\n0.1,0.2\n0.1,\n0.3,0.4\n")
    code, out, err = run(capsys, "simulate", path, "--rules", "none", "--jobs", 1, "--format", "json")
    assert code == 0
    assert "1 of 3 curves" in err
    assert (json.loads(out)["sets"][0]["networks"], json.loads(out)["sets"][0]["left_out"]) == (2, 1)


@pytest.mark.parametrize(
    ("options", "quoted"),
    [
        (("--rules", "publishd"), "did you mean 'published'? expected one of none, published"),
        (("--rules", "paper:Delta=3"), "Delta = 3.0"),
        (("--orders", "0"), "--orders: '0'; expected"),
        (("--orders", "7-3"), "--orders: '7-3'; expected"),
        (("--orders", "some"), "--orders: 'some'; expected"),
        (("--orders", "1,-2"), "--orders: '1,-2'; expected"),
        (("--jobs", "0"), "--jobs: '0' is not a whole number from 1 to 1024"),
        (("--tolerance", "nan"), "--tolerance: 'nan'; expected"),
        (("--tolerance=-1",), "--tolerance: '-1'; expected"),
        (("--format", "xml"), "invalid choice: 'xml'"),
        (("--plot", "."), "cannot write '.'"),
        (("--csv", "/dev/null/table.csv"), "cannot write '/dev/null/table.csv'"),
        (("--csv", f"{'n' * 300}.csv"), "File name too long"),
        (("--plot", "a", "--plot-anytime", "./a"), "'a' would be written twice; name another file"),
    ],
)
def test_wrong_options_are_one_line(capsys, curves_csv, options, quoted):
    code, out, err = run(capsys, "simulate", curves_csv, *options)
    assert (code, out) == (2, "")
    assert err.startswith("predictor: error: ")
    assert quoted in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        "simulate --orders 0-99999999999",
        "simulate --orders 9999999",
        "simulate --jobs 100000",
        "simulate --subset 1",
        "evaluate --splits 99999999999",
        "evaluate --seed -1",
        "evaluate --train ²",
        f"evaluate --settings {'9' * 5000}",
    ],
)
def test_numbers_beyond_reason_are_one_line(capsys, curves_csv, options):
    command, option, value = options.split()
    code, out, err = run(capsys, command, curves_csv, option, value)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert option in err
    assert value[:10] in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("options", ["evaluate --methods last-seen --train 5", "simulate --rules none"])
def test_a_file_for_which_the_disk_has_no_room_is_named(capsys, curves_csv, options):
    code, _, err = run(capsys, *options.split(), curves_csv, "--jobs", 1, "--csv", "/dev/full")
    assert code == 2
    assert err.endswith("\npredictor: error: cannot write '/dev/full': No space left on device\n")


@pytest.mark.parametrize("options", [[""], ["--csv", ""], ["--plot", ""]])
@pytest.mark.parametrize("command", ["evaluate", "simulate"])
def test_no_name_is_not_the_current_folder(capsys, curves_csv, command, options):
    code, out, err = run(capsys, command, curves_csv, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "'' is not the name of a file or folder; . is the current folder" in err


def test_an_unknown_command_is_one_line(capsys):
    code, _, err = run(capsys, "simulte")
    assert code == 2
    assert "'simulte'" in err
    assert err.count("\n") == 1


def test_other_errors_are_not_hidden(curves_csv, monkeypatch):
    def broken(*_):
        raise ValueError("a mistake of ours")

    monkeypatch.setattr("predictor.simulation.command.run_protocol", broken)
    with pytest.raises(ValueError, match="a mistake of ours"):
        main(["simulate", str(curves_csv), "--rules", "none"])


def test_too_little_memory_is_one_line(capsys, monkeypatch):
    def fail(_):
        raise MemoryError("31 GiB are not there")

    monkeypatch.setattr("predictor.cli._dispatch", fail)
    assert run(capsys, "simulate") == (
        2,
        "",
        "predictor: error: not enough memory: 31 GiB are not there\n",
    )


def test_ctrl_c_ends_with_130_and_a_word(capsys, curves_csv, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("predictor.simulation.command.run_protocol", interrupted)
    code, out, err = run(capsys, "simulate", curves_csv, "--rules", "none")
    assert (code, out, err.splitlines()[-1]) == (130, "", "interrupted")


def test_it_runs_as_a_module(curves_csv):
    command = [
        sys.executable,
        "-m",
        "predictor",
        "simulate",
        str(curves_csv),
        "--rules",
        "none",
        "--jobs",
        "1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 2)
    assert "1.00x" in done.stdout
