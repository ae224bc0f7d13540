"""kill -9 of the commands beside a search: what they leave is whole, and they go on."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
from filelock import FileLock

from metaqnn.cli import main
from metaqnn.database.queries import SearchReader
from metaqnn.figures import FIGURES
from metaqnn.session.run_folder import RunFolder

FINETUNE = (
    *("--top", "2", "--epochs", "6", "--batch-size", "8", "--train-limit", "100"),
    *("--device", "cpu", "--threads", "1", "--quiet"),
)
KILLS = int(os.environ.get("METAQNN_KILLS", "2"))
STOPPING = (
    "--schedule",
    "1.0:6,0.5:4",
    "--epochs",
    "4",
    "--delta",
    "0.1",
    "--batch-size",
    "16",
    "--seed",
    "3",
)
"""Replace the same options of the small search: three networks are stopped."""
WHOLE_ENDS = {".html": b"</html>\n", ".png": b"IEND\xaeB`\x82"}
MADE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
"""When a page was made."""
AUDITS = (
    "SELECT network_id, attempt, learning_rate, epoch, accuracy, loss FROM trainings "
    "JOIN epochs ON training_id = trainings.id WHERE purpose = 'audit' ORDER BY network_id, attempt, epoch"
)


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


@pytest.mark.slow
def test_copies_for_other_programs_catch_up(searched, killed, tmp_path):
    pytest.importorskip("optuna")
    pytest.importorskip("tensorboard")
    study, logs = tmp_path / "study.db", tmp_path / "logs"
    killed("files", KILLS, "mirror", searched, "--tensorboard", logs, "--optuna", f"sqlite:///{study}")
    assert len([*logs.glob("network-*/events*")]) == 8
    with closing(sqlite3.connect(study)) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT number) FROM trials").fetchone() == (8, 8)


def contents(folder):
    """The files of a report by name, the time of its page left out."""
    return {path.name: MADE.sub(b"", path.read_bytes()) for path in folder.iterdir()}


@pytest.mark.slow
def test_a_report_has_whole_files_only_and_the_next_one_is_as_without_kills(searched, killed, tmp_path):
    assert main(["report", str(searched), "--to", str(tmp_path / "whole")]) == 0
    database, report = (searched / "search.db").read_bytes(), searched / "report"
    kills = killed("files", KILLS // 2, "report", searched, watch=report)
    assert kills
    for left in (Path(f"{report}-{turn}") for turn in range(kills)):
        for file in left.iterdir() if left.exists() else ():
            if file.suffix in WHOLE_ENDS:
                assert file.read_bytes().endswith(WHOLE_ENDS[file.suffix])
    assert contents(report) == contents(tmp_path / "whole")
    assert (searched / "search.db").read_bytes() == database


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, run_type):
    """A finished search with networks that were stopped."""
    run = run_type(tmp_path_factory.mktemp("stopped") / "run")
    assert run.here(*STOPPING) == 0
    return run


def test_an_audit_trains_every_network_once_with_the_result_of_one_without_kills(
    stopped, run_type, killed, tmp_path
):
    runs = [run_type(shutil.copytree(stopped.folder, tmp_path / name)) for name in ("whole", "killed")]
    assert main(["audit", str(runs[0].folder), "--share", "1"]) == 0
    assert killed("moments", KILLS - 1, "audit", runs[1].folder, "--share", "1")
    whole, after_kills = (run.rows(AUDITS) for run in runs)
    assert len(whole) >= 12
    assert after_kills == whole
    assert runs[1].outcome() == runs[0].outcome()
    with closing(SearchReader(RunFolder(runs[1].folder).url)) as reader:
        assert (
            len(reader.audits())
            == stopped.rows("SELECT count(*) FROM networks WHERE outcome = 'stopped'")[0][0]
        )


def test_a_second_report_is_refused_while_one_is_written(searched, capsys, monkeypatch):
    monkeypatch.setattr("metaqnn.report.files.FIGURES", FIGURES[:1])
    folder = searched / "report"
    folder.mkdir()
    with FileLock(folder / "report.lock"):
        assert main(["report", str(searched)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"metaqnn: error: another process is writing a report to {str(folder)!r}"
    assert main(["report", str(searched)]) == 0
    assert {path.name for path in folder.iterdir()} == {"index.html", "search.png"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_dashboard_that_ends_leaves_the_run_as_it_was_and_its_port_free(searched, number):
    def files():
        paths = [
            path
            for path in searched.rglob("*")
            if path.is_file() and path.suffix not in (".db-shm", ".db-wal")
        ]
        return {path: path.read_bytes() for path in paths}

    before = files()
    command = [sys.executable, "-m", "metaqnn", "dashboard", str(searched), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = process.stdout.readline().split()[1]
    assert b"run" in urlopen(url).read()
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    code, said = (-9, "") if number == signal.SIGKILL else (0, "dashboard stopped\n")
    assert (process.returncode, out, err) == (code, "", said)
    assert files() == before
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the next dashboard does
        free.bind(("127.0.0.1", int(url.strip("/").rpartition(":")[2])))
