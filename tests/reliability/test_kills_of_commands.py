"""kill -9 of the commands that write files beside a search: what they leave is whole, and they go on."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from metaqnn.cli import main

FINETUNE = (
    *("--top", "2", "--epochs", "6", "--batch-size", "8", "--train-limit", "100"),
    *("--device", "cpu", "--threads", "1", "--quiet"),
)
KILLS = 4


@pytest.fixture
def searched(undisturbed, tmp_path):
    """A copy of the finished search."""
    return shutil.copytree(undisturbed.folder, tmp_path / "run")


@pytest.fixture
def asked(capsys):
    """What a command prints, as JSON."""

    def ask(*command):
        capsys.readouterr()
        assert main([*map(str, command), "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


def test_a_finetuning_comes_to_what_it_comes_to_without_kills(searched, killed, asked):
    whole = asked("finetune", searched, *FINETUNE)
    shutil.rmtree(searched / "finetune")
    assert killed("files", KILLS, "finetune", searched, *FINETUNE) >= 2
    assert asked("finetune", searched, *FINETUNE) == whole
    (folder,) = (searched / "finetune").iterdir()
    assert not [path for path in folder.rglob("*") if path.suffix in (".tmp", ".new")]
    assert not [*(folder / "checkpoints").iterdir()]


def test_an_export_is_there_wholly_or_not_at_all(searched, killed, tmp_path):
    target = tmp_path / "best"
    killed("moments", KILLS, "export", searched, "--to", target, "--formats", "torch,safetensors")
    facts = json.loads((target / "model.json").read_text())
    assert {*facts["files"], "README.md", "model.json"} == {path.name for path in target.iterdir()}


def test_copies_for_other_programs_catch_up(searched, killed, tmp_path):
    pytest.importorskip("optuna")
    pytest.importorskip("tensorboard")
    study, logs = tmp_path / "study.db", tmp_path / "logs"
    killed("files", KILLS, "mirror", searched, "--tensorboard", logs, "--optuna", f"sqlite:///{study}")
    assert len([*logs.glob("network-*/events*")]) == 8
    with closing(sqlite3.connect(study)) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT number) FROM trials").fetchone() == (8, 8)
