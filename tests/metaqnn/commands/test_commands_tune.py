"""`metaqnn tune` as a user runs it."""

import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from importlib.metadata import version

import pytest

from metaqnn.cli import main
from metaqnn.session.run_folder import STUDY, RunFolder
from predictor import LearningCurves
from trainers import DeviceError
from trainers.families import make_family

NETWORK = "[C(4,3,1), SM(10)]"
SMALL = (
    *("--dataset", "digits", "--preset", "laptop", "--image-size", "8", "--train-limit", "300"),
    *("--validation-size", "100", "--device", "cpu", "--precision", "float32", "--quiet"),
)
DEADLINE = 120


@pytest.fixture(scope="session")
def tuned(tmp_path_factory):
    """A run folder with a tuning of four trials. For reading only."""
    folder = tmp_path_factory.mktemp("tune") / "run"
    before = signal.getsignal(signal.SIGTERM)
    options = ("--trials", "4", "--epochs", "3", "--stopping", "none", "--run-dir", str(folder))
    assert main(["tune", NETWORK, *SMALL, *options]) == 0
    signal.signal(signal.SIGTERM, before)
    return folder


@pytest.fixture
def tuned_copy(tuned, tmp_path):
    return shutil.copytree(tuned, tmp_path / "copy")


def test_the_curves_are_read_by_predictor_with_every_parameter(tuned):
    curves = LearningCurves.read(tuned / "curves.csv")
    assert curves.shape == (4, 3)
    assert curves.completed.all()
    assert {*curves.hyperparameters} == {*make_family(NETWORK, "laptop").parameters}


def test_the_best_is_printed_as_json_and_in_a_file(tuned_copy, capsys):
    assert main(["tune", "--resume", str(tuned_copy), "--trials", "4", "--quiet", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    curves = LearningCurves.read(tuned_copy / "curves.csv")
    best = json.loads((tuned_copy / "best.json").read_text())
    assert printed["top"][0]["accuracy"] == best["accuracy"] == curves.final.max()
    assert printed["best_parameters"] == best["parameters"]
    assert (printed["trials"], printed["completed"], printed["epochs"]) == (4, 4, 12)


def test_what_guessing_reaches_is_told_with_a_warning_where_no_trial_is_clearly_better(tuned_copy, capsys):
    """Digits: each of the ten classes has ten of the 100 validation images."""
    resume = ["tune", "--resume", str(tuned_copy), "--trials", "4", "--quiet"]
    assert main([*resume, "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["guess"] == 0.1
    assert 0.1 < printed["guess_limit"] < 0.2 < printed["top"][0]["accuracy"]
    assert main(resume) == 0
    assert "\nalways guessing the commonest class: 10.00%\n" in capsys.readouterr().out
    with closing(sqlite3.connect(tuned_copy / "study.db")) as database, database:
        database.execute("UPDATE trial_values SET value = 0.1")
    assert main(resume) == 0
    warning = "\nalways guessing the commonest class: 10.00%: NO trial is clearly better than that\n"
    assert warning in capsys.readouterr().out


def test_balanced_accuracy_is_called_so(tmp_path, capsys):
    options = (*SMALL, "--trials", "1", "--epochs", "1", "--metric", "balanced-accuracy")
    assert main(["tune", NETWORK, *options, "--run-dir", str(tmp_path / "run")]) == 0
    assert "trial    balanced accuracy    parameters" in capsys.readouterr().out


def test_more_trials_are_added_to_those_that_are_there(tuned_copy, capsys):
    before = LearningCurves.read(tuned_copy / "curves.csv").values
    assert main(["tune", "--resume", str(tuned_copy), "--trials", "5", "--quiet"]) == 0
    after = LearningCurves.read(tuned_copy / "curves.csv").values
    assert len(after) == 5
    assert (after[:4] == before).all()
    assert "5 trials: 5 completed, 0 stopped, 0 failed; 15 epochs, none saved" in capsys.readouterr().out


def test_a_resume_goes_on_to_as_many_trials_as_the_last_time(tuned_copy, capsys):
    resume = ["tune", "--resume", str(tuned_copy), "--quiet", "--format", "json"]
    for asked, trials in (([], 4), (["--trials", "5"], 5), ([], 5)):
        assert main([*resume, *asked]) == 0
        assert json.loads(capsys.readouterr().out)["trials"] == trials


def test_what_has_no_effect_has_a_note(tuned_copy, tmp_path, capsys):
    assert main(["tune", "--resume", str(tuned_copy), "--trials", "2", "--quiet"]) == 0
    assert (
        "note        4 trials ended before; --trials is the total, including them\n"
        in capsys.readouterr().err
    )
    options = ("--trials", "1", "--epochs", "1", "--delta", "0.9", "--run-dir", str(tmp_path / "run"))
    assert main(["tune", NETWORK, *SMALL, *options]) == 0
    assert "note        --delta stops nothing in 1 trial: --burn-in is 100" in capsys.readouterr().err


def test_a_resumed_tuning_says_from_where_and_how_many_trials_are_trained_at_a_time(tuned_copy, capsys):
    resume = ["tune", "--resume", str(tuned_copy), "--trials", "4", "--quiet"]
    assert main([*resume, "--workers", "2"]) == 0
    told = capsys.readouterr().err
    assert "\nworkers     2 trials at a time\nresumed     4 trials already ended\n" in told
    assert main([*resume, "--workers", "1"]) == 0
    assert "workers" not in capsys.readouterr().err


def test_the_latest_tuning_goes_on(tuned, tmp_path, monkeypatch, capsys, refused):
    monkeypatch.chdir(tmp_path)
    assert "'runs/latest' holds no tuning" in refused("tune", "--resume", "latest")
    for second, name in enumerate(("b", "c", "a")):
        for file in shutil.copytree(tuned, tmp_path / "runs" / name).glob("study.*"):
            os.utime(file, (second, second))
    (tmp_path / "runs" / "a" / STUDY).unlink()  # is no tuning
    assert main(["tune", "--resume", "latest", "--trials", "4", "--quiet", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == "runs/c"


def test_other_settings_are_refused_at_a_resume(tuned_copy, refused):
    assert "--epochs is 3 there and 4 here" in refused("tune", "--resume", tuned_copy, "--epochs", "4")
    again = refused("tune", NETWORK, *SMALL, "--epochs", "3", "--seed", "1", "--run-dir", tuned_copy)
    assert "--seed is 0 there and 1 here" in again
    url = f"sqlite:///{tuned_copy / 'other.db'}"
    assert "is in its own file, not in sqlite" in refused("tune", "--resume", tuned_copy, "--storage", url)
    assert "--rank is 2, but --resume continues" in refused("tune", "--resume", tuned_copy, "--rank", "2")


def test_a_resume_changes_where_it_trains_once_it_has_the_folder(tuned_copy, refused):
    def threads():
        return json.loads((tuned_copy / STUDY).read_text())["environment"]["threads"]

    resume = ("--resume", tuned_copy, "--trials", "4", "--quiet", "--threads", "2")
    with RunFolder(tuned_copy).lock():
        assert "is in use by process" in refused("tune", *resume)
    assert threads() == 1
    assert main(["tune", *map(str, resume)]) == 0
    assert threads() == 2


@pytest.mark.parametrize(
    ("stored", "given", "precision", "note"),
    [
        ("bfloat16", (), "bfloat16", "bfloat16, as before; for this device float32 would be chosen"),
        ("bfloat16", ("--precision", "auto"), "float32", "float32 from now on, so far in bfloat16 (--prec"),
        ("auto", (), "float32", "float32 from now on; the precision used so far was not stored"),
    ],
)
def test_the_precision_stays_on_a_machine_that_would_choose_another(
    stored, given, precision, note, tuned_copy, monkeypatch, capsys
):
    """Earlier versions stored "auto"."""
    file = tuned_copy / STUDY
    facts = json.loads(file.read_text())
    file.write_text(json.dumps({**facts, "environment": {**facts["environment"], "precision": stored}}))
    monkeypatch.setattr("trainers.device._native_bfloat16", lambda device: False)
    assert main(["tune", "--resume", str(tuned_copy), "--trials", "4", "--quiet", *given]) == 0
    told = capsys.readouterr().err
    assert f"of digits, on cpu, {precision}\n" in told
    assert f"\nnote        trained in {note}" in told
    assert json.loads(file.read_text())["environment"]["precision"] == precision


def test_other_versions_than_at_the_start_are_named_at_a_resume(tuned_copy, capsys):
    file = tuned_copy / STUDY
    facts = json.loads(file.read_text())
    file.write_text(json.dumps({**facts, "versions": {**facts["versions"], "optuna": "1.0"}}))
    assert main(["tune", "--resume", str(tuned_copy), "--trials", "4", "--quiet"]) == 0
    assert f"note        optuna is {version('optuna')} here and was 1.0 at the" in capsys.readouterr().err


def test_what_auto_comes_to_is_stored_when_a_tuning_begins(tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.device._native_bfloat16", lambda device: True)
    options = (*SMALL, "--precision", "auto", "--epochs", "1", "--trials", "1")
    assert main(["tune", NETWORK, *options, "--run-dir", str(tmp_path / "run")]) == 0
    assert json.loads((tmp_path / "run" / STUDY).read_text())["environment"]["precision"] == "bfloat16"


def test_a_precision_that_the_device_lacks_is_one_line_with_the_option(tuned_copy, monkeypatch, refused):
    def refuse(device, name):
        raise DeviceError("no")

    monkeypatch.setattr("metaqnn.session.preparation.choose_precision", refuse)
    message = "this tuning was trained in float32, which is not supported on device 'cpu'; give --precision"
    assert message in refused("tune", "--resume", tuned_copy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "FAMILY is missing: resnet"),
        (("resnet",), "--dataset is missing"),
        (("resnt", "--dataset", "digits"), "'resnt' is not a family"),
        (("lstm", "--dataset", "cifar10"), "'lstm' is trained on words, but 'cifar10' has images"),
        (
            ("convnet", "--dataset", "digits", "--image-size", "4"),
            "images of 4x4 are too small for 'convnet'",
        ),
        (("convnet", *SMALL, "--hyperband", "--epochs", "2"), "--hyperband does not fit --epochs 2"),
        (("convnet", *SMALL, "--stopping", "medain"), "rule 'medain' is not known; did you mean 'median'?"),
        (("convnet", *SMALL, "--rank", "1"), "--rank is 1, but 'convnet' is not the run folder"),
        (("convnet", *SMALL, "--storage", "nowhere"), "the Optuna storage is not a URL"),
        (("convnet", *SMALL, "--run-dir", "/dev/null"), "'/dev/null' cannot be a run folder"),
        (
            ("lstm", "--dataset", "nowhere"),
            "was looked for in 'nowhere'; is --data-dir right?",
        ),
        (("convnet", *SMALL, "--device", "tpu"), "unknown device 'tpu'"),
        (("[C(4,3,1), P(9,9), P(9,9), SM(10)]", *SMALL), "P(9,9)"),
        (("--resume", "nowhere"), "'nowhere' holds no tuning"),
        (("--resume", "x" * 300), "xx' cannot be read: File name too long"),
    ],
)
def test_bad_input_is_one_line(arguments, message, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused("tune", *arguments)
    assert not list(tmp_path.glob("runs/*/study.db"))


@pytest.mark.parametrize("option", ["--trials", "--top", "--epochs", "--train-limit", "--max-pixels"])
@pytest.mark.parametrize("value", ["0", "9" * 20, "1e12"])
def test_a_number_beyond_reason_is_refused(option, value, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["tune", "convnet", *SMALL, option, value])
    assert exit_.value.code == 2
    assert f"argument {option}: '{value}' is not a whole number from 1 to " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "right"),
    [
        ("--delta", "0", "a number above 0 and at most 1"),
        ("--kappa", "1.5", "a number above 0 and at most 1"),
        ("--burn-in", "2", "a whole number from 3 to 1000000"),
        ("--eta", "1", "a whole number from 2 to 10000"),
    ],
)
def test_a_setting_out_of_range_is_refused_before_anything_is_loaded(option, value, right, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["tune", "convnet", *SMALL, option, value])
    assert exit_.value.code == 2
    assert f"argument {option}: '{value}' is not {right}" in capsys.readouterr().err


def test_images_and_texts_are_not_mixed_up(tmp_path, refused):
    for part in ("train", "valid", "test"):
        (tmp_path / f"ptb.{part}.txt").write_text("word word\n")
    data = ("--dataset", "ptb", "--data-dir", tmp_path, "--quiet")
    assert "'resnet' is trained on images, but 'ptb' is a text" in refused("tune", "resnet", *data)
    assert "has 1 word(s) to tell apart" in refused("tune", "lstm", *data)
    assert "--strict is for images, but 'lstm' is trained on words" in refused(
        "tune", "lstm", *data, "--strict"
    )
    assert "--precision is bfloat16, but 'lstm'" in refused("tune", "lstm", *data, "--precision", "bfloat16")


def test_a_storage_that_holds_another_study_is_refused(tmp_path, refused):
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    options = (*SMALL, "--epochs", "2", "--trials", "1", "--storage", url, "--run-dir", tmp_path / "run")
    assert main(["tune", NETWORK, *map(str, options)]) == 0
    shutil.rmtree(tmp_path / "run")
    assert "belongs to something else" in refused(
        "tune", NETWORK, *options, "--seed", "0", "--sampler", "random"
    )


@pytest.mark.parametrize("url", ["sqlite:///shared.db", "sqlite:///shared.db?timeout=60"])
def test_a_storage_is_found_from_another_working_directory(url, tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    options = ("--epochs", "1", "--trials", "1", "--storage", url, "--run-dir", "run")
    assert main(["tune", NETWORK, *SMALL, *options]) == 0
    assert main(["tune", NETWORK, *SMALL, *options]) == 0  # the same command names the same file
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["tune", "--resume", "../run", "--trials", "1", "--quiet"]) == 0
    file = tmp_path / "run" / STUDY
    facts = json.loads(file.read_text())
    del facts["from_here"]
    file.write_text(json.dumps({**facts, "url": "sqlite:///shared.db"}))  # as earlier versions stored it
    message = f"{elsewhere / 'shared.db'} any more: there is no such file; put it back"
    assert message in refused("tune", "--resume", "../run")
    assert not list(elsewhere.iterdir())


def test_a_storage_is_moved_and_copied_with_the_run_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ("--epochs", "1", "--trials", "1", "--storage", "sqlite:///a/shared.db", "--run-dir", "a/run")
    (tmp_path / "a").mkdir()
    assert main(["tune", NETWORK, *SMALL, *options]) == 0
    shutil.copytree("a", "b")
    for folder, trials in (("b", "2"), ("a", "1")):
        assert main(["tune", "--resume", f"{folder}/run", "--trials", trials, "--quiet"]) == 0
        assert f"{trials} trial" in capsys.readouterr().out
    shutil.move("a", "c")
    assert main(["tune", "--resume", "c/run", "--quiet", "--storage", "sqlite:///c/shared.db"]) == 0


def test_if_every_trial_fails_it_says_why_and_ends_with_1(tmp_path, capsys):
    for part, words in (("train", "a b c d e\n" * 1000), ("valid", "y z\n"), ("test", "a\n")):
        (tmp_path / f"ptb.{part}.txt").write_text(words)
    options = ("--preset", "laptop", "--epochs", "1", "--trials", "2", "--device", "cpu", "--quiet")
    options += ("--validation-size", "2")
    place = ("--data-dir", tmp_path, "--run-dir", tmp_path / "run")
    assert main(["tune", "lstm", "--dataset", "ptb", *options, *map(str, place)]) == 1
    printed = capsys.readouterr()
    assert "chance: 2 trials, the first is 0: no better than chance in attempt 5: perplexity " in printed.out
    assert "7 different ones, 100.00% of the validation words are <unk>" in printed.err


def test_a_run_folder_of_a_search_is_not_overwritten(run_copy, refused):
    assert "holds a search; give another --run-dir" in refused(
        "tune", NETWORK, *SMALL, "--run-dir", run_copy.path
    )


def test_the_best_network_of_a_search_is_tuned(run_copy, tmp_path, capsys):
    folder = tmp_path / "tuned"
    options = ("--preset", "laptop", "--epochs", "2", "--trials", "1", "--train-limit", "300", "--quiet")
    assert main(["tune", str(run_copy.path), "--rank", "2", *options, "--run-dir", str(folder)]) == 0
    capsys.readouterr()
    assert main(["top", str(run_copy.path), "-k", "2", "--format", "json"]) == 0
    second = json.loads(capsys.readouterr().out)[1]
    assert json.loads((folder / "best.json").read_text())["family"] == second["architecture"]
    settings = json.loads((folder / "study.json").read_text())["settings"]
    config = run_copy.reader().record().config
    for name in ("dataset", "seed", "validation_size", "mirror"):
        assert settings[name] == getattr(config, name), name


def test_a_function_that_a_folder_names_is_not_imported_without_trust(tuned_copy, refused, tmp_path):
    file = tuned_copy / "study.json"
    facts = json.loads(file.read_text())
    facts["settings"]["dataset"] = "evil_images:images"
    file.write_text(json.dumps(facts))
    (tmp_path / "evil_images.py").write_text("raise SystemExit('imported')")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert "add --trust-module" in refused("tune", "--resume", tuned_copy)
