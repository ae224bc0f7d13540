"""Trainers that worker processes can import, and a coordinator that records what it hears."""

import os
import sys
from contextlib import nullcontext
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import pytest

from metaqnn.executors import LocalExecutor, Place, Task
from state_space import Architecture

TRAINERS = '''
"""Trainers of a few milliseconds; what they do depends on the seed."""

import os
import signal
import time
from copy import copy
from pathlib import Path

from trainers import EpochReport, Outcome, TrainingResult

CRASHING, DYING, DYING_ONCE, HANGING, MEETING = 1001, 1002, 1003, 1004, 1005
LOSING, LOSING_ONCE, WEARING, LEAKING, RECORDING, UNRECORDED = 1006, 1007, 1008, 1009, 1010, 1011


class FakeTrainer:
    chance = 0.15
    records = True

    def __init__(self, folder=None, epochs=4, seconds=0.005):
        self.folder, self.epochs, self.seconds = folder, epochs, seconds
        self.wear = []

    @property
    def spent(self):
        return bool(self.wear)

    def train(self, architecture, *, seed, on_epoch, checkpoint=None):
        for epoch in range(1, self.epochs + 1):
            if epoch == 2:
                self._mischief(seed)
            time.sleep(self.seconds)
            accuracy = min((seed % 7 + epoch) / 20, 1.0)
            if on_epoch(EpochReport(1, 1e-3, epoch, accuracy, 1.0, 0.01)):
                return TrainingResult(Outcome.STOPPED, (), 1e-3, 1, 0.1, f"process {os.getpid()}")
        return TrainingResult(Outcome.COMPLETED, (), 1e-3, 1, 0.1, f"process {os.getpid()}")

    def launching(self):
        other = copy(self)
        other.records = False
        return other

    def _mischief(self, seed):
        if seed == RECORDING and self.records:
            self.wear.append(seed)
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        if seed == CRASHING:
            raise RuntimeError("the device caught fire")
        if seed == LEAKING:
            raise BrokenPipeError("the trainer's own pipe has broken")
        if seed == LOSING or (seed == LOSING_ONCE and not (Path(self.folder) / "lost").exists()):
            self.wear.append(seed)
            (Path(self.folder) / "lost").touch()
            raise RuntimeError("CUDA error: device-side assert triggered")
        if seed == WEARING or (seed == UNRECORDED and self.records):
            self.wear.append(seed)
        if seed == MEETING:
            (Path(self.folder) / f"met-{os.getpid()}").touch()
            while len(list(Path(self.folder).glob("met-*"))) < 2:
                time.sleep(0.005)
        if seed == HANGING:
            time.sleep(1000)
        if seed == DYING:
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == DYING_ONCE and not (mark := Path(self.folder) / "died").exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def slow_to_start():
    time.sleep(1000)


def long_complaint():
    """A trainer whose crash fills the pipe to the search."""
    raise OSError("no such device " * 10**6)


def where():
    """A trainer whose crash tells its folder."""
    raise OSError(f"working in {os.getcwd()}")


def broken():
    raise OSError("no such device")


def dying():
    os._exit(3)
'''

MORTAL = '''
import os
import signal
from pathlib import Path

from trainers import ClassifierTrainer, TrainingRecipe, load_dataset


class MortalClassifier(ClassifierTrainer):
    """A real trainer on digits, whose process dies once, after the second epoch was saved and told."""

    def __init__(self, folder):
        digits = load_dataset("digits", limit=400)
        recipe = TrainingRecipe(epochs=4)
        super().__init__(digits, recipe=recipe, validation_size=100, device="cpu", threads=1)
        self.mark = Path(folder) / "died"

    def train(self, architecture, *, seed, on_epoch, checkpoint):
        def on_epoch_or_die(report):
            if report.epoch == 3 and not self.mark.exists():
                self.mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return on_epoch(report)

        return super().train(architecture, seed=seed, on_epoch=on_epoch_or_die, checkpoint=checkpoint)
'''


@pytest.fixture(scope="session")
def fakes(tmp_path_factory):
    """The module with the trainers, in a folder where this process and its workers find modules.

    The real trainer, whose processes have to load torch, is in `mortal_trainers` beside it.
    """
    folder = tmp_path_factory.mktemp("modules")
    (folder / "fake_trainers.py").write_text(TRAINERS)
    (folder / "mortal_trainers.py").write_text(MORTAL)
    sys.path.insert(0, str(folder))
    import fake_trainers

    return fake_trainers


@pytest.fixture(scope="module")
def cluster(fakes):
    """A Ray cluster on this machine: a head of one core and two nodes of two, each with processes of its own.

    Trainings need a `slot`, and the head, which this process is connected to, has none.
    """
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    import ray

    os.environ["PYTHONPATH"] = os.pathsep.join([os.path.dirname(fakes.__file__), *sys.path[1:]])
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(2):
        made.add_node(num_cpus=2, resources={"slot": 2})
    made.wait_for_nodes()
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def make(fakes, folder):
    """Makes an executor of that many processes."""

    def make_(workers=1, **options):
        return LocalExecutor([Place(partial(fakes.FakeTrainer, str(folder)))] * workers, **options)

    return make_


@pytest.fixture
def before():
    """Child processes left by other tests, such as those that joblib keeps."""
    return set(active_children())


class Recorder:
    """Hands out tasks with these seeds and records every event as (kind, number, ...)."""

    def __init__(self, seeds, *, stop=lambda task, report: False):
        self.tasks = [
            Task(number, Architecture.parse("[C(64,1,1), GAP(10), SM(10)]"), seed)
            for number, seed in enumerate(seeds, start=1)
        ]
        self.stop = stop
        self.events = []

    together = nullcontext

    def next_task(self):
        return self.tasks.pop(0) if self.tasks else None

    def on_epoch(self, task, report):
        self.events.append(("epoch", task.number, report.epoch, report.accuracy))
        return self.stop(task, report)

    def on_result(self, task, result):
        self.events.append((str(result.outcome), task.number, result.message))

    def on_failure(self, task, outcome, message):
        self.events.append((outcome, task.number, message))

    def of(self, number):
        return [event for event in self.events if event[1] == number]

    def outcomes(self):
        return {event[1]: event[0] for event in self.events if event[0] != "epoch"}


@pytest.fixture
def recorder():
    return Recorder


@pytest.fixture
def folder(tmp_path):
    return Path(tmp_path)
