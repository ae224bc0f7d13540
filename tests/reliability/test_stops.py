"""Signals, closed terminals and pipes: a search stops within an epoch, and goes on later; so do commands."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metaqnn.commands.common import disk_errors
from metaqnn.database import ReplayDatabase
from metaqnn.session.run_folder import RunFolder

DEADLINE = 300


def stop(run, *numbers, more=(), **options):
    """Start a search, and send it signals after its second epoch. Returns exit code and standard error."""
    process = run.start(*more, **options)
    run.wait_for(2, process)
    for number in numbers:
        process.send_signal(number)
    _, err = process.communicate(timeout=DEADLINE)
    return process.returncode, err


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((signal.SIGINT,), id="SIGINT"),
        pytest.param((signal.SIGTERM,), id="SIGTERM"),
        pytest.param((signal.SIGINT, signal.SIGINT), id="SIGINT twice", marks=pytest.mark.slow),
        pytest.param((signal.SIGHUP,), id="SIGHUP", marks=pytest.mark.slow),
    ],
)
def test_a_signal_stops_it_and_it_goes_on(new_run, undisturbed, numbers):
    run = new_run()
    code, err = stop(run, *numbers)
    assert code == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == f"interrupted; resume with: metaqnn run --resume {run.folder}"
    assert not (run.folder / "owner.txt").exists()
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()


def test_under_nohup_a_closed_terminal_is_ignored(new_run, undisturbed):
    run = new_run()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # children inherit it, as those of nohup do
    code, _ = stop(run, signal.SIGHUP)
    assert code == 0
    assert run.outcome() == undisturbed.outcome()


def test_a_closed_pipe_stops_it_and_it_goes_on(new_run, undisturbed):
    """As in `metaqnn run 2>&1 | head -1`."""
    run = new_run()
    process = run.start(stderr=subprocess.STDOUT)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(DEADLINE) == 1
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()


def test_a_closed_pipe_is_no_place_that_cannot_be_written_in_the_run_folder_either():
    """As in `cd RUN; metaqnn run --resume . 2>&1 | head -1`."""
    with pytest.raises(BrokenPipeError), disk_errors(RunFolder(Path(".")), lambda: "go on"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_run_folder_that_is_moved_away_stops_it_and_it_goes_on_there(
    new_run, undisturbed, monkeypatch, capsys
):
    run, moved = new_run(), new_run("moved")
    original = ReplayDatabase.finish

    def finish(self, *args):
        original(self, *args)
        if run.folder.exists():
            run.folder.rename(moved.folder)

    monkeypatch.setattr(ReplayDatabase, "finish", finish)
    assert run.here() == 2
    said = f"metaqnn: error: run folder {str(run.folder)!r} was removed or moved under the search"
    assert capsys.readouterr().err.splitlines()[-1].startswith(said)
    assert not run.folder.exists()
    assert moved.here() == 0
    assert moved.outcome() == undisturbed.outcome()


def metaqnn(*arguments, redirected="", **options):
    """A command as a process of its own, its streams redirected as a shell does it."""
    shell = ["sh", "-c", f'exec "$@" {redirected}', "sh"]
    command = [*shell, sys.executable, "-m", "metaqnn", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **pipes, **options)


@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [
        (">&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
        (">/dev/full", 2, "metaqnn: error: the results cannot be written: No space left on device\n"),
    ],
)
def test_results_that_nobody_can_get_are_no_traceback(undisturbed, redirected, code, said):
    process = metaqnn("top", undisturbed.folder, redirected=redirected)
    assert process.communicate(timeout=DEADLINE) == ("", said)
    assert process.returncode == code


def test_a_search_needs_no_standard_error(undisturbed, tmp_path):
    folder = shutil.copytree(undisturbed.folder, tmp_path / "run")
    process = metaqnn("run", "--resume", folder, "--format", "json", redirected="2>&-")
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert json.loads(out)["run"] == str(folder)


@pytest.mark.parametrize("command", [("show", "1"), ("report",)], ids=lambda command: command[0])
def test_a_reader_that_reads_nothing_is_no_error(undisturbed, tmp_path, command):
    """As in `metaqnn show RUN 1 | head -0`."""
    more = ("--to", tmp_path) if command[0] == "report" else ()
    process = metaqnn(command[0], undisturbed.folder, *command[1:], *more)
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(DEADLINE) == 0


@pytest.mark.parametrize("command", [("run", "--resume"), ("audit",)], ids=lambda command: command[0])
def test_results_of_long_work_that_nobody_reads_are_no_error_without_a_buffer_either(
    undisturbed, tmp_path, command, monkeypatch
):
    """As in `metaqnn run | head -0` in a container, where Python often has no buffer."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    folder = shutil.copytree(undisturbed.folder, tmp_path / "run")
    process = metaqnn(*command, folder)
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert "Traceback" not in said
    assert process.wait(DEADLINE) == 0


@pytest.mark.parametrize("name", ["run", "report", "audit"])
def test_ctrl_c_of_a_command_is_a_line_and_exit_code_130(undisturbed, tmp_path, name):
    """At a random moment after the libraries began to be loaded, mostly in the middle of the work."""
    place = ("--run-dir", tmp_path / "run") if name == "run" else (undisturbed.folder,)
    more = ("--to", tmp_path) if name == "report" else ()
    process = metaqnn(name, *place, *more)
    wait_until_loaded("vl_convert" if name == "report" else "libtorch_cpu", process)
    time.sleep(random.random())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode in (130, -signal.SIGINT)  # the same for a shell
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("interrupted")


def wait_until_loaded(library, process):
    """Wait until a process has loaded a library."""
    maps, end = Path(f"/proc/{process.pid}/maps"), time.monotonic() + DEADLINE
    while library not in maps.read_text():
        assert time.monotonic() < end
        time.sleep(0.01)
