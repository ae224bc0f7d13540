import csv
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.cli import main

QUICK = ["--train", "30", "--splits", "2", "--methods", "ols", "last-seen", "--jobs", "1"]


def run(capsys, *arguments):
    code = main(["evaluate", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_a_table_by_default(capsys, write_csv, curves):
    code, out, _ = run(capsys, write_csv(curves), *QUICK, "--calibration")
    assert code == 0
    assert "curves.csv: 60 of 60 curves completed" in out
    assert "R^2 of accuracy" in out


def test_json_of_a_perplexity_file(capsys, write_csv, perplexities):
    path = write_csv(perplexities, prefix="ep")
    _, out, _ = run(capsys, path, *QUICK, "--format", "json", "--seed", "7", "--fractions", "0.5")
    (found,) = json.loads(out)["sets"]
    assert (found["metric"], found["scores"], found["T"]) == ("perplexity", "-log(perplexity)", 8)
    ols = found["results"][0]
    assert [split["split"] for split in ols["splits"]] == [7, 8]
    assert 0 < ols["r2_metric"]["mean"] < 1
    assert ols["r2_metric"]["mean"] != ols["r2_scores"]["mean"]


def test_csv_to_the_screen_and_to_a_file_are_the_same(capsys, write_csv, curves, tmp_path):
    target = tmp_path / "new" / "out.csv"
    arguments = [write_csv(curves), *QUICK, "--features", "TS", "TS+AP"]
    _, out, _ = run(capsys, *arguments, "--format", "csv", "--csv", target, "--plot", tmp_path / "pictures")
    assert out == target.read_text()
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["features"] for row in rows] == ["TS", "TS", "TS+AP", "TS+AP", "-", "-"]
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        "predicted_curves.png",
        "calibration_curves.png",
    }


def test_several_sets_of_the_same_name_and_npz(capsys, write_csv, curves, perplexities):
    from predictor.curves.npz import write_npz

    one, two = write_csv(curves), write_csv(perplexities, prefix="ppl")
    three = one.with_suffix(".npz")
    write_npz(curves, three)
    _, out, _ = run(capsys, one, two, three, *QUICK, "--format", "json")
    names = [found["set"] for found in json.loads(out)["sets"]]
    assert names == [str(one), str(two), "curves.npz"]


def test_a_small_set_takes_nothing_from_a_large_one(capsys, write_csv, curves, tmp_path):
    """Each set provides as many training curves as it can, alone or beside others."""
    options = ("--methods", "ols", "--splits", "2", "--jobs", "1", "--format", "json")
    large = write_csv(LearningCurves.concatenate(curves, curves))
    small = tmp_path / "small.csv"
    small.write_text("".join(large.read_text().splitlines(keepends=True)[:7]))
    _, alone, _ = run(capsys, large, *options)
    _, both, err = run(capsys, large, small, *options)
    assert json.loads(both)["sets"][0]["results"] == json.loads(alone)["sets"][0]["results"]
    assert [found["n_train"] for found in json.loads(both)["sets"]] == [100, 4]
    assert err.count("too few curves") == 1
    assert "small.csv: too few curves to train on 100: training on 4, testing" in err


def test_features_that_a_set_does_not_have_are_told(capsys, write_csv, curves):
    path = write_csv(LearningCurves(curves.values))
    err = run(capsys, path, *QUICK, "--features", "TS", "TS+AP")[2]
    assert "there are no architecture parameters, so AP changes nothing" in err
    assert "HP changes" not in err
    assert "changes nothing" not in run(capsys, write_csv(curves), *QUICK)[2]


def test_a_mean_of_some_splits_says_of_how_many(capsys, write_csv, curves):
    """9 of 12 curves end alike: R^2 is undefined in a split that leaves two of these for testing."""
    values = curves.values[:12].copy()
    values[:9, -1] = 0.1
    out = run(capsys, write_csv(LearningCurves(values)), "--train", "10", "--methods", "ols", "--jobs", "1")[
        1
    ]
    assert re.search(r" \([1-9] of 10 splits\)", out)


def test_repeats_can_be_left_out(capsys, write_csv, curves):
    doubled = LearningCurves.concatenate(curves, curves[:10])
    _, out, _ = run(capsys, write_csv(doubled), *QUICK, "--distinct")
    assert "60 of 60 curves" in out


def test_with_fewer_curves_than_usual_two_thirds_are_trained_on_and_that_is_said(capsys, write_csv, curves):
    options = ("--methods", "ols", "--splits", "2", "--jobs", "1")
    code, out, err = run(capsys, write_csv(curves), *options)
    assert code == 0
    assert "60 of 60 curves" in out
    assert "40 training curves" in out
    assert "curves.csv: too few curves to train on 100: training on 40, testing on the others" in err
    code, out, err = run(capsys, write_csv(LearningCurves.concatenate(curves, curves)), *options)
    assert "100 training curves" in out
    assert "note" not in err
    assert run(capsys, write_csv(curves[:4]), *options)[0] == 2


def edited(path, edit):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(edit(lines)))
    return path


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda lines: [",".join(line.split(",")[:3]) for line in lines], "no learning curves"),
        (lambda lines: [lines[0].replace("acc_3", "note"), *lines[1:]], "column 'acc_3' is missing"),
        (
            lambda lines: [*lines[:5], lines[5].rsplit(",", 1)[0] + ",fast", *lines[6:]],
            "row 5, column 'acc_8': 'fast' is not a number",
        ),
        (lambda lines: lines[:2], "1 completed curve is too few"),
        (lambda lines: [lines[0], *[lines[1]] * 60], "end differently"),
        (lambda lines: [",".join(line.split(",")[:4]) for line in lines], "T = 1"),
        (lambda lines: [lines[0], *["3,9,1" + ",nan" * 8] * 60], "NaN everywhere"),
        (lambda lines: lines[:25], "24 completed curves are too few to train on 30.*at most --train 22"),
    ],
)
def test_wrong_files_get_one_line(capsys, write_csv, curves, change, part):
    path = edited(write_csv(curves), change)
    code, out, err = run(capsys, path, *QUICK)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith(f"predictor: error: {path.name}: ") or err.startswith(f"predictor: error: {path}: ")
    assert re.search(part, err)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--train", "0"], "'0' is not a whole number"),
        (["--splits", "two"], "'two' is not a whole number"),
        (["--fractions", "25"], "'25' is not a fraction"),
        (["--methods", "lstm"], "'lstm'"),
        (["--uncertainty", "none"], "'none'"),
    ],
)
def test_wrong_options_quote_the_value(capsys, arguments, part):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "curves.csv", *arguments])
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert part in err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--features", "TS+XY"], "XY"),
        (["--depth-generalisation", "3"], "fewer than 3 layers"),
        (["--csv", "/proc/nothing/x.csv"], "cannot write"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(capsys, write_csv, curves, arguments, part):
    code, _, err = run(capsys, write_csv(curves), *QUICK, *arguments)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert part in err


@pytest.mark.parametrize(("method", "package"), [("lce", "emcee"), ("bnn", "torch")])
def test_a_missing_package_is_noticed_before_anything_is_read(capsys, monkeypatch, method, package):
    monkeypatch.setitem(sys.modules, package, None)
    code, out, err = run(capsys, "no.csv", "--methods", "ols", method)
    assert (code, out) == (2, "")
    assert f"pip install '{package}'" in err


def test_a_file_that_cannot_be_written_is_noticed_before_the_evaluation(capsys, write_csv, curves, tmp_path):
    (tmp_path / "out.csv").symlink_to(tmp_path / "gone" / "out.csv")
    code, out, err = run(capsys, write_csv(curves), *QUICK, "--csv", tmp_path / "out.csv")
    assert (code, out) == (2, "")
    assert "cannot write" in err


def test_an_evaluation_that_fails_leaves_no_empty_file(capsys, write_csv, curves, tmp_path):
    written = tmp_path / "new" / "out.csv"
    arguments = [*QUICK, "--depth-generalisation", "3", "--csv", written]
    assert run(capsys, write_csv(curves), *arguments)[0] == 2
    assert not written.exists()


@pytest.mark.data
@pytest.mark.skipif("METAQNN_DATA_DIR" not in os.environ, reason="METAQNN_DATA_DIR is not set")
def test_published_sets_give_what_a_plain_reading_of_the_paper_gives(capsys):
    folder = Path(os.environ["METAQNN_DATA_DIR"]) / "curves"
    files = [folder / "metaqnn_cifar10.csv", folder / "lstm_ptb.csv"]
    _, out, _ = run(capsys, *files, "--methods", "ols", "last-seen", "--splits", "3", "--format", "json")
    found = [[cell["r2_metric"]["mean"] for cell in s["results"]] for s in json.loads(out)["sets"]]
    np.testing.assert_allclose(found, [[0.933, 0.501], [0.990, 0.797]], atol=0.02)


@pytest.mark.parametrize(
    ("option", "users"), [("--settings", "nu-svr-rbf and nu-svr-linear"), ("--lce-curves", "lce")]
)
def test_an_option_that_no_method_uses_has_a_line(capsys, write_csv, curves, option, users):
    *_, err = run(capsys, write_csv(curves), *QUICK, option, "5")
    assert f"note: {option} 5 is not used; it is for {users}\n" in err
    *_, err = run(capsys, write_csv(curves), *QUICK)
    assert "is not used" not in err


def test_one_split_and_one_epoch_are_called_so(capsys, write_csv, curves):
    _, out, _ = run(capsys, write_csv(curves), *QUICK, "--splits", "1", "--fractions", "0.01")
    assert ", 1 split (0-0), " in out
    assert "1% (1 epoch)" in out


def test_feature_sets_and_uncertainties_that_no_method_uses_have_a_line(capsys, write_csv, curves):
    baseline = ["--train", "30", "--splits", "1", "--methods", "last-seen", "--jobs", "1"]
    kinds = ["--uncertainty", "level", "loocv"]
    *_, err = run(capsys, write_csv(curves), *baseline, "--features", "TS", "TS+AP", *kinds)
    users = "stacked, robust-gp, nu-svr-rbf, nu-svr-linear, random-forest and ols"
    assert f"note: --features TS TS+AP is not used; it is for {users}\n" in err
    assert f"note: --uncertainty level loocv is not used; it is for {users}\n" in err
    *_, err = run(capsys, write_csv(curves), *baseline)
    assert "is not used" not in err
    *_, err = run(capsys, write_csv(curves), *QUICK, "--features", "TS")
    assert "is not used" not in err
