"""With two workers: they, or the search that coordinates them, are killed or interrupted."""

import os
import pty
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from metaqnn.database import ReplayDatabase

DEADLINE = 300
WHILE_IT_SAVES = """
import os, signal, sys
if "spawn_main" in " ".join(sys.orig_argv):
    original = os.fsync
    def fsync(handle):
        name = os.readlink(f"/proc/self/fd/{handle}")
        marks = [f"{MARKS}/{n}" for n in (1, 2)]
        free = [mark for mark in marks if not os.path.exists(mark)]
        if name.endswith("network-2.pt.tmp") and free:
            open(free[0], "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        original(handle)
    os.fsync = fsync
"""
"""A `sitecustomize` module: two workers die when they have written, not renamed, network 2's checkpoint."""


def children(pid):
    """The worker processes of a search: those that Python spawned for it."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in found}
    return [child for child, command in commands.items() if b"spawn_main" in command]


def living(group):
    """The living processes of a process group."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            state, _, its_group = file.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(file.parent.name))
    return found


def assert_none_left(group):
    end = time.monotonic() + DEADLINE
    while living(group) and time.monotonic() < end:
        time.sleep(0.05)
    assert not living(group)


def assert_every_network_once(run):
    networks, samples, epochs, _ = run.outcome()
    assert [number for number, *_ in networks] == list(range(1, 9))
    assert sorted(finished for _, _, _, finished, *_ in networks) == list(range(1, 9))
    assert not [outcome for _, _, _, _, outcome, *_ in networks if outcome == "crashed"]
    assert sorted(position for _, _, position in samples) == list(range(len(samples)))
    addresses = [(network, attempt, epoch) for network, attempt, _, epoch, *_ in epochs]
    assert len(addresses) == len(set(addresses))
    for address in {address[:2] for address in addresses}:
        of_attempt = [epoch for *rest, epoch in addresses if tuple(rest) == address]
        assert of_attempt == list(range(1, len(of_attempt) + 1))
    for network, *_, trained, _, _, _, _ in networks:
        assert trained == sum(address[0] == network for address in addresses)
    assert not [*(run.folder / "checkpoints").iterdir()]


def test_a_killed_worker_is_replaced_and_a_killed_coordinator_goes_on(new_run):
    run = new_run()
    process = run.start("--workers", "2")
    run.wait_for(random.randint(1, 4), process)
    os.kill(random.choice(children(process.pid)), signal.SIGKILL)
    run.wait_for(run.epochs() + 3, process)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert run.here("--workers", "1") == 0
    assert_every_network_once(run)


@pytest.mark.slow
def test_a_worker_killed_twice_while_it_saves_the_same_network_is_no_crash(new_run, tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    (tmp_path / "sitecustomize.py").write_text(WHILE_IT_SAVES.replace("{MARKS}", str(marks)))
    run = new_run()
    one_worker = ("--workers", "1", "--epoch-timeout", "600", "--checkpoint-every", "0")
    process = run.start(*one_worker, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, err
    assert len([*marks.iterdir()]) == 2
    assert_every_network_once(run)


def test_a_closed_terminal_ends_all_processes(new_run):
    run = new_run()
    ours, theirs = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = run.start("--workers", "2", **streams, preexec_fn=lambda: os.login_tty(theirs))
    os.close(theirs)
    run.wait_for(2, process)
    assert len(children(process.pid)) == 2
    os.close(ours)  # SIGHUP to all of them
    assert process.wait(DEADLINE) == 130
    assert_none_left(process.pid)
    assert run.here("--workers", "1") == 0
    assert_every_network_once(run)


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_and_other_numbers_of_workers(new_run, monkeypatch):
    """One worker, then two, then one. Ctrl-C reaches the workers, too."""
    run = new_run()
    with monkeypatch.context() as patch:
        patch.setattr(ReplayDatabase, "add_epoch", interrupting(ReplayDatabase.add_epoch, epochs=2))
        assert run.here("--workers", "1") == 130
    process = run.start("--workers", "2", start_new_session=True)
    run.wait_for(5, process)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == f"interrupted; resume with: metaqnn run --resume {run.folder}"
    assert_none_left(process.pid)
    assert run.here("--workers", "1") == 0
    assert_every_network_once(run)


def interrupting(add_epoch, epochs):
    """An `add_epoch` that is interrupted after that many epochs."""
    left = [None] * epochs

    def add(*args, **kwargs):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        add_epoch(*args, **kwargs)

    return add
