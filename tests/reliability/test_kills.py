"""kill -9 at any moment: what is found in the end is what the undisturbed search found."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from metaqnn.database import ReplayDatabase
from trainers.weights import TrainedNetwork

KILLS = int(os.environ.get("METAQNN_KILLS", "12"))


class Killed(BaseException):
    """Stands for kill -9: nothing in the program may catch it."""


def weights(run):
    """The networks whose weights are kept, and these."""
    networks = {file.name: TrainedNetwork.read(file) for file in (run.folder / "weights").iterdir()}
    return {name: (network.accuracy, network.weights) for name, network in networks.items()}


def assert_same(run, undisturbed):
    assert run.outcome() == undisturbed.outcome()
    kept, expected = weights(run), weights(undisturbed)
    assert kept.keys() == expected.keys()
    for name, (accuracy, tensors) in kept.items():
        assert accuracy == expected[name][0]
        assert all(tensors[key].equal(tensor) for key, tensor in expected[name][1].items())
    assert not [*(run.folder / "checkpoints").iterdir()]


def test_there_is_something_to_compare(undisturbed):
    networks, samples, epochs, decisions = undisturbed.outcome()
    assert len(networks) == 8
    assert len(samples) >= 8
    assert len(epochs) > 15
    assert decisions
    assert len(weights(undisturbed)) == 2


def test_killed_at_random_moments(new_run, undisturbed):
    """Real processes, each killed somewhere between its start and its end."""
    run, rng, kills = new_run(), random.Random(), 0
    while kills < KILLS:
        child = run.fork()
        time.sleep(rng.uniform(0, 0.15))
        os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, -signal.SIGKILL)
        kills += 1
        if code == 0:  # it was faster: the next one begins anew
            assert_same(run, undisturbed)
            run = new_run(f"run-{kills}")
    assert run.here() == 0
    assert_same(run, undisturbed)


def test_killed_at_every_write_of_the_search(new_run, undisturbed, monkeypatch):
    """Every process gets one write further than the one before, and dies just after it."""
    run, kills = new_run(), 0

    def wrap(name):
        original = getattr(ReplayDatabase, name)

        def write(*args, **kwargs):
            original(*args, **kwargs)
            raise Killed

        monkeypatch.setattr(ReplayDatabase, name, write)

    for name in ("propose", "repeat", "add_epoch", "finish"):
        wrap(name)
    while True:
        try:
            assert run.here() == 0
            break
        except Killed:
            kills += 1
    assert kills > 30
    assert_same(run, undisturbed)


FILE_STEPS = ("os.fsync", "os.replace", "pathlib.Path.unlink")


@pytest.mark.skipif(
    "METAQNN_KILLS" not in os.environ,
    reason="forks, which may hang after other tests: METAQNN_KILLS=12 pytest tests/reliability/test_kills.py",
)
@pytest.mark.parametrize("step", FILE_STEPS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_step_of_the_files(new_run, undisturbed, monkeypatch, step, after):
    """Checkpoints and weights: processes that die at their second to fifth call, one after the other."""
    run, finished = new_run(), False
    call = 0
    while not finished:
        call += 1
        child = os.fork()
        if child == 0:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 1)
                os.dup2(nowhere.fileno(), 2)
            die_at(step, 2 + call % 4, after)  # else each might die while it makes good the same kill
            os._exit(run.here())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, -signal.SIGKILL)
        finished = code == 0
        assert call < 200
    assert call > 4
    assert_same(run, undisturbed)


def die_at(step, call, after):
    """Let this process kill itself at the call-th use of a function."""
    module = os if step.startswith("os.") else Path
    name = step.rpartition(".")[2]
    original, count = getattr(module, name), 0

    def fatal(*args, **kwargs):
        nonlocal count
        count += 1
        if count == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if count == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, fatal)
