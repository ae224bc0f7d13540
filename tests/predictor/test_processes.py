"""Work in processes of one thread each, and its end by Ctrl-C."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from joblib import delayed

from predictor.errors import PredictorError
from predictor.processes import in_processes

WORK = """
import time
from joblib import delayed
from predictor.output import run_program
from predictor.processes import in_processes

def told(running, n):
    print("started", flush=True)
    return running

def work():
    return len(in_processes((delayed(time.sleep)(100) for _ in range(4)), 4, 2, told))

raise SystemExit(run_program("test", work, lambda error: None))
"""


def test_results_come_in_the_order_of_the_calls_and_pass_through_the_progress():
    def doubled(results, n):
        assert n == 3
        return (2 * result for result in results)

    calls = (delayed(abs)(number) for number in (-3, 1, -2))
    assert in_processes(calls, 3, 2, doubled) == [6, 2, 4]


@pytest.fixture
def working():
    """A program that has just started two processes, which still import what they need; and its processes."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, also by those we start
    program = subprocess.Popen([sys.executable, "-c", WORK], start_new_session=True, **pipes)
    signal.signal(signal.SIGHUP, before)
    assert program.stdout.readline() == "started\n"
    time.sleep(0.1)  # joblib gives out the work
    return program, psutil.Process(program.pid).children()


def has_ended(process):
    """Who has ended may stay a zombie: in some containers nobody asks after orphans."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_end(processes):
    """Wait for them, at most 20 seconds."""
    deadline = time.monotonic() + 20
    while not (ended := all(map(has_ended, processes))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_terminals_signals_are_one_line_and_leave_no_process(working, number):
    """All processes get them."""
    program, others = working
    assert len(others) > 2
    os.killpg(program.pid, number)
    assert program.communicate(timeout=60)[1] == "\ninterrupted\n"
    assert program.returncode == 130
    assert all_end(others)


def test_a_second_ctrl_c_leaves_no_process_either(working):
    """It comes while joblib ends the processes."""
    program, others = working
    for pause in (0.005, 0):
        os.killpg(program.pid, signal.SIGINT)
        time.sleep(pause)
    program.communicate(timeout=60)
    assert all_end(others)


def test_a_process_that_is_killed_is_one_line():
    calls = (delayed(signal.raise_signal)(signal.SIGKILL) for _ in range(2))
    with pytest.raises(PredictorError, match=r"^one of 2 processes was killed, .*: fewer jobs need less$"):
        in_processes(calls, 2, 2)
