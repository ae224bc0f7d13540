"""Signals, closed terminals and pipes: a search stops within an epoch, and goes on later."""

import os
import pty
import signal
import subprocess

import pytest

DEADLINE = 60


def stop(run, *numbers, more=(), **options):
    """Start a search, send it signals after its second epoch. Returns exit code and standard error."""
    process = run.start(*more, **options)
    run.wait_for(2, process)
    for number in numbers:
        process.send_signal(number)
    _, err = process.communicate(timeout=DEADLINE)
    return process.returncode, err


@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGTERM,), (signal.SIGINT, signal.SIGINT), (signal.SIGHUP,)],
    ids=["SIGTERM", "SIGINT twice", "SIGHUP"],
)
def test_a_signal_stops_it_and_it_goes_on(new_run, undisturbed, numbers):
    run = new_run()
    code, err = stop(run, *numbers)
    assert code == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == f"interrupted; go on with: metaqnn run --resume {run.folder}"
    assert not (run.folder / "owner.txt").exists()
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()


def test_under_nohup_a_closed_terminal_is_ignored(new_run, undisturbed):
    run = new_run()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # children inherit it, as those of nohup do
    code, _ = stop(run, signal.SIGHUP)
    assert code == 0
    assert run.outcome() == undisturbed.outcome()


def test_a_closed_terminal_stops_it(new_run, undisturbed):
    """The real thing: its controlling terminal goes away."""
    run = new_run()
    ours, theirs = pty.openpty()
    process = run.start(stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=lambda: os.login_tty(theirs)
                        if hasattr(os, "login_tty") else os.setsid())  # fmt: skip
    os.close(theirs)
    run.wait_for(2, process)
    os.close(ours)
    if not hasattr(os, "login_tty"):
        process.send_signal(signal.SIGHUP)  # what the kernel does where it is the controlling terminal
    process.wait(DEADLINE)
    assert process.returncode == 130
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()


def test_a_closed_pipe_stops_it_and_it_goes_on(new_run, undisturbed):
    """As `metaqnn run 2>&1 | head -1`."""
    run = new_run()
    process = run.start(stderr=subprocess.STDOUT)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(DEADLINE) == 1
    assert run.here() == 0
    assert run.outcome() == undisturbed.outcome()
