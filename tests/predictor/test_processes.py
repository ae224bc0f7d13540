"""Work in processes of one thread each, and its end by Ctrl-C."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from joblib import delayed

from predictor.processes import in_processes

WORK = """
import time
from joblib import delayed
from predictor.output import run_program
from predictor.processes import in_processes

calls = (delayed(time.sleep)(100) for _ in range(4))
raise SystemExit(run_program("test", lambda: in_processes(calls, 4, 2) and 1, lambda error: None))
"""


def test_results_come_in_the_order_of_the_calls_and_pass_through_the_progress():
    def doubled(results, n):
        assert n == 3
        return (2 * result for result in results)

    calls = (delayed(abs)(number) for number in (-3, 1, -2))
    assert in_processes(calls, 3, 2, doubled) == [6, 2, 4]


@pytest.fixture
def working():
    """A program whose two processes, and the one that tidies up after them, are just starting; and these."""
    program = subprocess.Popen(
        [sys.executable, "-c", WORK], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while len(others := psutil.Process(program.pid).children()) < 3:
        assert program.poll() is None
        time.sleep(0.01)
    return program, others


def ctrl_c(program):
    """What a terminal does: all processes get it."""
    os.killpg(program.pid, signal.SIGINT)


def test_ctrl_c_is_one_line_and_leaves_no_process(working):
    program, others = working
    ctrl_c(program)
    assert program.communicate(timeout=60)[1] == "\ninterrupted\n"
    assert program.returncode == 130
    assert not psutil.wait_procs(others, timeout=20)[1]


def test_a_second_ctrl_c_leaves_no_process_either(working):
    """It comes while joblib ends the processes."""
    program, others = working
    ctrl_c(program)
    time.sleep(0.005)
    ctrl_c(program)
    assert "interrupted" in program.communicate(timeout=60)[1]
    assert not psutil.wait_procs(others, timeout=20)[1]
