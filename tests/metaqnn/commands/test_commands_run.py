"""`metaqnn run` on embedded images: bad input, and a search from start to end."""

import errno
import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import torch

from metaqnn.cli import main
from metaqnn.session.start import prepare

TINY = ["--train-limit", "200", "--validation-size", "50", "--epochs", "2", "--layer-limit", "2"]
SEARCH = [*TINY, "--schedule", "1.0:3,0.1:2", "--device", "cpu", "--threads", "1", "--quiet"]


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path, monkeypatch):
    """Where nothing is in the way and nothing is left behind."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished tiny search. For reading only."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert main(["run", "--run-dir", str(folder), *SEARCH]) == 0
    return folder


@pytest.fixture
def started(finished, tmp_path):
    """A copy of it, to be changed at will."""
    return shutil.copytree(finished, tmp_path / "run")


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dataset", "cifar11"], "unknown data set: 'cifar11'; did you mean 'cifar10'?"),
        (["--dataset", "photos/"], "no such file or folder: 'photos/'"),
        (["--preset", "labtop"], "unknown preset 'labtop': presets are paper, laptop, first-run"),
        (["--delta", "0"], "'0' is not a number above 0 and at most 1"),
        (["--stopping", "published:Delta=1.5"], "--delta is 1.5; it must be a number above 0 and at most 1"),
        (["--delta", "0.9", "--nth-best", "50"], "burn_in = 15; expected at least 50"),
        (["--delta", "0.9", "--tolerance", "inf"], "'inf' is not a number from 0 to 1"),
        (
            ["--burn-in", "20"],
            "--burn-in 20 belongs to the published criterion, but the rule is rank-envelope",
        ),
        (["--stopping", "medain"], "rule 'medain' is not known; did you mean 'median'?"),
        (["--stopping", "paper:delta=0.9"], "has no setting 'delta'; did you mean 'Delta'?"),
        (["--stopping", "rank-envelope:c=-1"], "c = -1.0; expected a positive number"),
        (["--stopping", "median", "--delta", "0.9"], "--delta 0.9 asks for the published criterion"),
        (["--stopping", "median", "--no-early-stopping"], "not allowed with argument --stopping"),
        (["--reward", "last"], "--reward is 'last'; it must be forecast, forecast:METHOD or last-seen"),
        (["--stopping", "none", "--audit", "0.1"], "--audit is 0.1, but with --stopping none no network is"),
        (["--no-early-stopping", "--reward", "last-seen"], "--reward is last-seen, but with --stopping none"),
        (["--audit", "2"], "argument --audit: '2' is not a number from 0 to 1"),
        (["--seed", "-1"], "argument --seed: '-1' is not a whole number from 0 to "),
        (["--batch-size", "0"], "'0' is not a whole number from 1 to 1000000"),
        (["--learning-rate", "nan"], "'nan' is not a number above 0 and at most 1000"),
        (["--layer-limit", "0"], "layer_limit"),
        (["--translate", "100"], "--translate is 100; it must be less than the side of the images, 8 pixels"),
        (
            ["--conv-widths", "99999", "--conv-sizes", "255", "--image-size", "256"],
            "operations, more than can be counted: make",
        ),
        (["--conv-widths", "1" * 30], "conv_widths"),
        (["--schedule", "1.0:" + "9" * 20], "networks; it must be a whole number from 1 to 1000000"),
        (["--data-dir", ""], "--data-dir is ''; it must be the name of a folder"),
        (["--conv-sizes", "2"], "conv_sizes"),
        (["--validation-size", "100000"], "validation size 100000 is not possible"),
        (["--train-limit", "3"], "limit 3 is too small"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["--precision", "float8"], "unknown precision 'float8'"),
        (["--threads", "0"], "'0' is not a whole number from 1 to 1024"),
    ],
)
def test_bad_input_is_answered_with_one_line_and_nothing_is_written(refused, tmp_path, arguments, said):
    assert said in refused("run", *arguments)
    assert files(tmp_path) == set()


@pytest.mark.parametrize("place", ["sqlite:///nowhere/study.db", "study.db", "mysql+nothing://here/study"])
def test_an_optuna_storage_that_cannot_be_used_is_noticed_before_anything_is_stored(refused, tmp_path, place):
    pytest.importorskip("optuna")
    assert "Optuna" in refused("run", "--optuna", place)
    assert files(tmp_path) == set()


def test_places_of_other_copies_are_noticed_before_anything_is_stored(refused, tmp_path):
    optuna = pytest.importorskip("optuna")
    pytest.importorskip("tensorboard")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "mine.txt").touch()
    storage = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(storage=storage, study_name="mine").ask()
    run = ("run", "--run-dir", tmp_path / "run")
    assert "it must be a folder other than the search's own" in refused(
        *run, "--tensorboard", tmp_path / "run"
    )
    assert "logs' holds something else" in refused(*run, "--tensorboard", tmp_path / "logs")
    assert "the study 'mine' holds something else" in refused(*run, "--optuna", storage, "--study", "mine")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_cuda_without_cuda(refused, tmp_path):
    assert "device 'cuda' is not available here; use 'auto' or 'cpu'" in refused("run", "--device", "cuda")
    assert files(tmp_path) == set()


def test_a_data_set_that_is_not_here_says_where_it_was_looked_for(refused, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    line = refused("run", "--dataset", "svhn", "--no-download", "--data-dir", tmp_path / "data")
    assert "'svhn' is not here and downloading is off; its files are looked for in" in line
    assert str(tmp_path / "data") in line
    assert not (tmp_path / "runs").exists()


def test_a_run_folder_cannot_be_a_file(refused, tmp_path):
    (tmp_path / "file").touch()
    assert f"'{tmp_path / 'file'}' cannot be a run folder" in refused(
        "run", "--run-dir", tmp_path / "file", *SEARCH
    )


@pytest.mark.parametrize(("file", "kind"), [("study.json", "tuning"), ("train.json", "training")])
def test_the_folder_of_a_tuning_or_a_training_is_not_a_searchs(refused, tmp_path, file, kind):
    (tmp_path / file).write_text("{}")
    said = refused("run", "--preset", "first-run", "--run-dir", str(tmp_path))
    assert said == f"metaqnn: error: {str(tmp_path)!r} holds a {kind}; give another --run-dir"
    assert [found.name for found in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(("file", "kind"), [("study.json", "tuning"), ("train.json", "training")])
def test_what_another_process_has_begun_while_images_were_read_is_refused(
    refused, tmp_path, monkeypatch, file, kind
):
    def slowly(*arguments):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / file).write_text("{}")
        return prepare(*arguments)

    monkeypatch.setattr("metaqnn.session.start.prepare", slowly)
    said = refused("run", "--run-dir", tmp_path / "run", *SEARCH)
    assert said == f"metaqnn: error: {str(tmp_path / 'run')!r} holds a {kind}; give another --run-dir"
    assert not (tmp_path / "run" / "search.db").exists()


def test_a_search_from_start_to_end(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["run", "--run-dir", str(folder), *SEARCH, "--format", "json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result["networks"] == result["planned"] == 5
    assert result["run"] == str(folder)
    assert result["audit"]["stops"] == result["stopped"] + result["audit"]["in_loop"]
    assert (result["audit"]["tolerance"], result["audit"]["nth_best"]) == (0, 1)
    assert not [value for value in result["audit"].values() if isinstance(value, str)]  # no sentences
    assert "stopping    rank-envelope, this project's own: " in captured.err
    accuracies = [row["final_accuracy"] for row in result["top"]]
    assert len(accuracies) == result["completed"] > 0
    assert accuracies == sorted(accuracies, reverse=True)
    assert f"run folder  {folder}" in captured.err
    assert "5 networks, epsilon 1.0:3,0.1:2" in captured.err


def test_the_same_command_again_goes_on_with_the_same_search(started, capsys):
    assert main(["run", "--run-dir", str(started), *SEARCH]) == 0
    captured = capsys.readouterr()
    assert "5 networks already trained" in captured.err
    assert "5 of 5 networks" in captured.out
    assert main(["run", "--resume", str(started), "--quiet"]) == 0


@pytest.mark.parametrize("how", ["--run-dir", "--resume"])
def test_another_search_in_the_run_folder_is_named(started, refused, how):
    before = started.joinpath("search.db").read_bytes()
    line = refused("run", how, started, *SEARCH, "--seed", "7", "--alpha", "0.5")
    assert f"'{started}' holds another search: " in line
    assert "--seed is 0 there and 7 here" in line
    assert "--alpha is 0.01 there and 0.5 here" in line
    assert "--schedule" not in line
    assert started.joinpath("search.db").read_bytes() == before


def test_leaving_an_option_out_is_a_difference_too(started, refused):
    arguments = [word for word in SEARCH if word not in ("--train-limit", "200")]
    line = refused("run", "--run-dir", started, *arguments)
    assert "--train-limit is 200 there and None here" in line


def test_without_a_schedule_the_search_in_the_folder_goes_on_as_it_is_unless_a_preset_has_another(
    tmp_path, capsys, refused
):
    folder = tmp_path / "run"
    short = ["run", "--run-dir", str(folder), "--epochs", "1", "--stopping", "none", "--quiet"]
    assert main([*short, "--schedule", "1.0:2"]) == 0
    before = networks(folder)
    capsys.readouterr()
    assert main(short) == 0
    assert "2 networks already trained" in capsys.readouterr().err
    line = refused(*short, "--preset", "first-run")
    assert "--schedule is 1.0:2 there and 1.0:40,0.7:5," in line
    assert line.endswith("give the longer --schedule; to continue it, --resume in place of --run-dir")
    assert main(["run", "--resume", str(folder), "--quiet"]) == 0
    assert networks(folder) == before
    assert main([*short, "--schedule", "1.0:3"]) == 0
    assert len(networks(folder)) == 3


def test_a_run_folder_in_use_is_named(started, refused):
    from metaqnn.session.run_folder import RunFolder

    with RunFolder(started).lock():
        for command in (["run", "--resume"], ["audit"]):
            assert f"run folder '{started}' is in use by process " in refused(*command, started)


def test_a_start_that_was_cut_off_can_be_repeated(tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "search.db").touch()
    assert main(["run", "--run-dir", str(folder), *SEARCH]) == 0
    assert "5 of 5 networks" in capsys.readouterr().out


def networks(folder):
    with closing(sqlite3.connect(folder / "search.db")) as connection:
        query = "SELECT number, epsilon, architecture, outcome, epochs, reward FROM networks ORDER BY number"
        return connection.execute(query).fetchall()


def test_a_finished_search_is_extended_as_if_its_schedule_had_been_longer(started, tmp_path, capsys):
    longer = [*SEARCH, "--schedule", "1.0:3,0.1:4"]
    assert main(["run", "--resume", str(started), "--schedule", "1.0:3,0.1:4", "--quiet"]) == 0
    assert "7 of 7 networks" in capsys.readouterr().out
    assert main(["run", "--run-dir", str(tmp_path / "at-once"), *longer]) == 0
    assert networks(started) == networks(tmp_path / "at-once")
    assert main(["run", "--resume", str(started), "--quiet"]) == 0  # the longer schedule is remembered


def test_an_audit_somewhere_else_does_not_change_where_the_search_goes_on(started, tmp_path):
    def environment():
        with closing(sqlite3.connect(started / "search.db")) as connection:
            return connection.execute("SELECT circumstances FROM searches").fetchall()

    before = environment()
    assert main(["audit", str(started), "--data-dir", str(tmp_path), "--quiet"]) == 0
    assert environment() == before


@pytest.mark.parametrize("schedule", ["1.0:2,0.1:9", "1.0:3,0.1:1", "0.9:9"])
def test_a_schedule_with_another_past_is_refused(started, refused, schedule):
    line = refused("run", "--resume", started, "--schedule", schedule)
    assert "--schedule is 1.0:3,0.1:2 there and " in line
    assert line.endswith("; a schedule may only extend the stored one")


@pytest.mark.parametrize(("trouble", "code"), [(KeyboardInterrupt(), 130), (OSError(errno.ENOSPC, ""), 2)])
def test_a_longer_schedule_that_is_interrupted_before_it_is_stored_is_not_forgotten(
    started, capsys, monkeypatch, trouble, code
):
    def interrupted(*_, **__):
        raise trouble

    monkeypatch.setattr("metaqnn.session.start.resume", interrupted)
    assert main(["run", "--resume", str(started), "--schedule", "1.0:3,0.1:9", "--quiet"]) == code
    err = capsys.readouterr().err
    assert f"resume with: metaqnn run --resume {started} --schedule 1.0:3,0.1:9\n" in err


def test_who_resumes_an_interrupted_search_is_told_its_copies_but_no_password(started, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("metaqnn.session.start.resume", interrupted)
    again = ["run", "--resume", str(started), "--tensorboard", "my logs", "--study", "mine", "--optuna"]
    line = f"resume with: metaqnn run --resume {started} --tensorboard 'my logs' --optuna {{}} --study mine\n"
    for given, printed in (
        ("sqlite:///o1.db", "sqlite:///o1.db"),
        ("postgresql://me:secret@there/db", "postgresql://me@there/db"),
        ("mysql://me@there/db?passwd=secret", "mysql://me@there/db"),
    ):
        assert main([*again, given]) == 130
        err = capsys.readouterr().err
        assert err.endswith(line.format(printed))
        assert "secret" not in err


def test_a_search_ends_in_good_order_when_its_time_is_over(tmp_path, capsys):
    folder = tmp_path / "run"
    search = [*SEARCH, "--schedule", "1.0:300", "--layer-limit", "3"]
    assert main(["run", "--run-dir", str(folder), *search, "--max-time", "3s"]) == 0
    captured = capsys.readouterr()
    assert f"the time limit --max-time has passed; resume with: metaqnn run --resume {folder}" in captured.err
    assert "of 300 networks" in captured.out
    assert 0 < len(networks(folder)) < 300


@pytest.mark.parametrize("text", ["soon", "0", "-3", "1x", ""])
def test_a_time_that_is_none_is_quoted(refused, text):
    said = refused("run", f"--max-time={text}")
    assert f"{text!r} is not a duration; write it like 30m, 8h, 1d or 1h30m" in said


@pytest.mark.parametrize(("text", "number"), [("8", 8), ("1h30", 30), (" 90 ", 90)])
def test_a_time_without_a_unit_is_asked_for_it(refused, text, number):
    """Eight hours are meant as often as eight seconds, and a search of eight seconds loses the night."""
    said = refused("run", f"--max-time={text}")
    assert f"{text!r} gives no unit for {number}; write {number}s, {number}m or {number}h" in said


@pytest.mark.parametrize("text", ["10001d", "999999d", "999999d999999h", "999999999"])
def test_a_time_that_no_timer_takes_is_quoted(refused, text):
    said = refused("run", f"--max-time={text}")
    assert f"{text!r} is more than 10,000 days; for no limit, leave it out" in said


def test_latest_is_the_run_that_changed_last(started, tmp_path, capsys, refused):
    assert "there is no folder 'runs/latest'" in refused("top", "latest")
    (tmp_path / "runs").mkdir()
    started.rename(tmp_path / "runs" / "mine")
    assert main(["top", "latest", "-k", "1"]) == 0
    assert main(["run", "--resume", "latest", "--quiet"]) == 0
    assert "everything is in runs/mine" in capsys.readouterr().out
    for command in ("train", "tune"):
        assert "--rank is 9999, but" in refused(command, "latest", "--rank", "9999")


def test_images_that_changed_since_the_start_are_noticed(tmp_path, refused, capsys):
    rng = np.random.default_rng(0)
    images = {
        "x_train": rng.integers(0, 256, (60, 8, 8), dtype=np.uint8),
        "y_train": np.arange(60) % 3,
        "x_test": rng.integers(0, 256, (9, 8, 8), dtype=np.uint8),
        "y_test": np.arange(9) % 3,
    }
    np.savez(tmp_path / "mine.npz", **images)
    search = ["--dataset", tmp_path / "mine.npz", "--preset", "first-run", *SEARCH]
    assert main([str(word) for word in ["run", "--run-dir", tmp_path / "run", *search]]) == 0
    capsys.readouterr()
    np.savez(tmp_path / "mine.npz", **images | {"y_train": images["y_train"][::-1]})
    line = refused("run", "--resume", tmp_path / "run")
    assert (
        "is not the one this search began with: as many images of each class as before, but other ones"
        in line
    )
    fewer = {name: images[name][:-1] for name in ("x_train", "y_train")}
    np.savez(tmp_path / "mine.npz", **images | fewer)
    line = refused("run", "--resume", tmp_path / "run")
    assert line.endswith("is not the one this search began with: 19 train images of '2', not 20")
