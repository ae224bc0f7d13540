"""Worker processes on a GPU: replaced when they lose their device, and training side by side."""

import re
import subprocess
import sys
from contextlib import nullcontext
from functools import partial

import pytest

from metaqnn.executors import LocalExecutor, Place, Task
from state_space import Architecture

pytestmark = pytest.mark.gpu

MODULE = '''
"""A trainer that loses its device, or runs out of memory while it records, with certain seeds."""

import os
from dataclasses import replace

import numpy as np
import torch

from trainers import ClassifierTrainer, ImageDataset, TrainingRecipe
from trainers.steps import CudaRecorder

LOSING, STARVING = 1001, 1002


class Starved(CudaRecorder):
    def record(self, step):
        def hungry():
            huge = torch.empty(2**50, dtype=torch.uint8, device="cuda")
            return huge.sum() + step()

        return super().record(hungry)


class Poisoned(ClassifierTrainer):
    def train(self, architecture, *, seed, **more):
        if seed == LOSING:  # an index out of range: an assertion on the device
            torch.zeros(3, device="cuda")[torch.tensor([99], device="cuda")].sum().item()
        if seed == STARVING:
            self._recorder = Starved(self.device)
        result = super().train(architecture, seed=seed, **more)
        return replace(result, message=f"{result.message}; process {os.getpid()}")


def make(device, deterministic=True):
    pixels = np.random.default_rng(0).integers(0, 256, (1000, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(1000) % 10
    dataset = ImageDataset("made", pixels, labels, pixels[:0], labels[:0], tuple("0123456789"))
    return Poisoned(
        dataset,
        recipe=TrainingRecipe(epochs=2, chance_factor=0.0),
        validation_size=200,
        device=device,
        threads=1,
        deterministic=deterministic,
    )
'''
SEARCH = """
import sys
import torch
from metaqnn.config.environment import Environment
from metaqnn.config.search import SearchConfig
from metaqnn.session.start import prepare
from metaqnn.session.workers import make_executor

device, config = sys.argv[1], SearchConfig.of(train_limit=60, validation_size=20, epochs=1)
executor = make_executor(prepare(config, Environment(device=device, workers="auto", workers_per_gpu="auto")))
on_it = device != "cpu" and torch._C._cuda_hasPrimaryContext(torch.device(device).index or 0)
print(type(executor).__name__, "on the device:", on_it)
"""
NETWORK = "[C(64,3,1), D(1,2), P(2,2), C(64,3,1), GAP(10), SM(10)]"


@pytest.fixture(scope="module")
def trainers_module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    (folder / "poisoned_trainers.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    import poisoned_trainers

    return poisoned_trainers


class Recorder:
    """Hands out tasks with these seeds; records their curves, and how and in which process they ended."""

    def __init__(self, seeds, network):
        self.tasks = [Task(number, Architecture.parse(network), seed) for number, seed in enumerate(seeds)]
        self.curves, self.ends, self.messages, self.processes = {}, {}, {}, {}

    together = nullcontext

    def next_task(self):
        return self.tasks.pop(0) if self.tasks else None

    def on_epoch(self, task, report):
        return False

    def on_result(self, task, result):
        self.curves[task.number], self.ends[task.number] = result.curve, str(result.outcome)
        self.messages[task.number], _, self.processes[task.number] = result.message.rpartition("; process ")

    def on_failure(self, task, outcome, message):
        self.ends[task.number] = outcome


@pytest.fixture
def run(gpu, trainers_module):
    """run(seeds, workers): how trainings with these seeds end, side by side."""

    def run_(seeds, workers=1):
        small = gpu == "cpu"
        recorder = Recorder(seeds, NETWORK.replace("64", "4") if small else NETWORK)
        places = [Place(partial(trainers_module.make, gpu), gpu)] * workers
        LocalExecutor(places).run(recorder)
        return recorder

    return run_


@pytest.fixture
def cuda(gpu):
    if gpu == "cpu":
        pytest.skip("a CPU is not lost")


def test_the_process_of_a_search_has_nothing_on_the_device(gpu):
    """Not even a context, which takes hundreds of MB: its workers are other processes."""
    done = subprocess.run([sys.executable, "-c", SEARCH, gpu], capture_output=True, text=True, check=True)
    workers = "LocalExecutor" if gpu != "cpu" else ".*Executor"
    assert re.fullmatch(f"{workers} on the device: False", done.stdout.strip())


def test_a_worker_whose_device_is_lost_is_replaced(cuda, run, trainers_module):
    assert run([trainers_module.LOSING, 1, 2]).ends == {0: "crashed", 1: "completed", 2: "completed"}


def test_a_worker_whose_recording_ran_out_of_memory_is_replaced(cuda, run, trainers_module, fact):
    """The network itself is then trained in whole batches, without recording."""
    found = run([trainers_module.STARVING, 1])
    fact("ends", (found.ends, found.messages))
    assert found.ends == {0: "completed", 1: "completed"}
    assert "did not fit" not in found.messages[0] + found.messages[1]
    assert found.processes[0] != found.processes[1]


def test_two_networks_side_by_side_train_as_one_after_the_other(run, fact):
    alone, together = run([1, 2]), run([1, 2], workers=2)
    fact("curves alone and side by side", (alone.curves, together.curves))
    assert together.ends == alone.ends == {0: "completed", 1: "completed"}
    for number, curve in alone.curves.items():
        assert together.curves[number] == pytest.approx(curve, abs=0.05)
