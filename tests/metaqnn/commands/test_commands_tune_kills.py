"""`metaqnn tune` is killed and interrupted while it trains members of every family, and goes on."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

import numpy as np
import pytest

from metaqnn.cli import main
from metaqnn.tune import session
from predictor import LearningCurves

NETWORK = "[C(4,3,1), SM(10)]"
IMAGES = (
    *("--dataset", "digits", "--image-size", "8", "--train-limit", "300", "--validation-size", "100"),
    *("--precision", "float32"),
)
# No TPE: with workers side by side, it depends on which trial ends first.
LONG = ("--preset", "laptop", "--device", "cpu", "--stopping", "none", "--sampler", "random", "--quiet")
DEADLINE = 120


def started(*arguments):
    command = [sys.executable, "-m", "metaqnn", "tune", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def epochs_stored(folder):
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"file:{folder / 'study.db'}?mode=ro", uri=True)) as db,
    ):
        return db.execute("SELECT count(*) FROM trial_intermediate_values").fetchone()[0]
    return 0


def wait_for_epochs(process, folder, number):
    deadline = time.monotonic() + DEADLINE
    while epochs_stored(folder) < number:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A folder with a text whose next word follows from the last one."""
    folder = tmp_path_factory.mktemp("text")
    starts = np.random.default_rng(0).integers(0, 8, 300)
    content = "\n".join(" ".join(f"w{(start + i) % 8}" for i in range(6)) for start in starts)
    for part in ("train", "valid", "test"):
        (folder / f"{folder.name}.{part}.txt").write_text(content + "\n")
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """undisturbed(*arguments): the curves of that tuning by one worker that nobody cuts."""
    known = {}

    def curves(*arguments):
        if arguments not in known:
            folder = tmp_path_factory.mktemp("tune") / "whole"
            assert main(["tune", *arguments, "--run-dir", str(folder)]) == 0
            known[arguments] = LearningCurves.read(folder / "curves.csv").values
        return known[arguments]

    return curves


@pytest.mark.parametrize(
    ("family", "trials", "epochs", "workers"),
    [
        (NETWORK, 3, 12, 2),
        ("lstm", 2, 5, 1),
        pytest.param(NETWORK, 3, 12, 1, marks=pytest.mark.slow),
        pytest.param("convnet", 2, 5, 1, marks=pytest.mark.slow),
        pytest.param("resnet", 2, 4, 1, marks=pytest.mark.slow),
        pytest.param("resnet39", 2, 3, 1, marks=pytest.mark.slow),
    ],
)
def test_after_kill_9_it_goes_on_where_it_was(tmp_path, family, trials, epochs, workers, text, undisturbed):
    cut = tmp_path / "cut"
    data = ("--dataset", str(text)) if family == "lstm" else IMAGES
    options = (family, *LONG, *data, "--epochs", str(epochs), "--trials", str(trials))
    process = started(*options, "--workers", workers, "--run-dir", cut)
    wait_for_epochs(process, cut, 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list((cut / "checkpoints").glob("trial-*.pt"))
    again = ("--trials", str(trials), "--workers", str(workers), "--quiet")
    assert main(["tune", "--resume", str(cut), *again]) == 0
    assert np.array_equal(
        LearningCurves.read(cut / "curves.csv").values, undisturbed(*options), equal_nan=True
    )
    assert not list((cut / "checkpoints").glob("trial-*.pt"))


def test_ctrl_c_says_how_to_go_on_and_writes_what_there_is(tmp_path):
    folder = tmp_path / "run"
    process = started(NETWORK, *LONG, *IMAGES, "--epochs", 12, "--trials", 3, "--run-dir", folder)
    wait_for_epochs(process, folder, 14)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert f"interrupted; resume with: metaqnn tune --resume {folder} --trials 3" in errors
    assert len(LearningCurves.read(folder / "curves.csv")) >= 2


def test_ctrl_c_while_the_study_is_made_leaves_what_can_be_resumed(tmp_path, monkeypatch, capsys):
    """With as many trials as were asked for: the study and the file that names it come both, or neither."""
    folder, make = tmp_path / "run", session.open_study

    def interrupted(*arguments, **options):
        study = make(*arguments, **options)
        os.kill(os.getpid(), signal.SIGINT)
        return study

    options = (*LONG, *IMAGES, "--epochs", "1", "--trials", "1")
    with monkeypatch.context() as patch:
        patch.setattr(session, "open_study", interrupted)
        assert main(["tune", NETWORK, *options, "--run-dir", str(folder)]) == 130
    capsys.readouterr()
    assert main(["tune", "--resume", str(folder), "--quiet"]) == 0
    assert capsys.readouterr().out.strip().startswith("1 trial: 1 completed")
