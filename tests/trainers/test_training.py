"""The training loop: trainings that were killed go on from their checkpoint."""

import gc
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from weakref import ref

import pytest
import torch

from state_space import Architecture
from trainers import Checkpoint, Outcome, build_network
from trainers.chance import Chance
from trainers.memory import OutOfMemory
from trainers.optimizers import Adam
from trainers.training import NetworkTrainer

SMALL = Architecture.parse("[C(8,3,1), C(16,3,1), D(1,2), P(2,2), C(16,3,1), GAP(10), SM(10)]")
LEARNER = Architecture.parse("[C(16,3,1), C(32,3,1), D(1,2), P(2,2), FC(64), D(2,2), SM(10)]")


class Killed(BaseException):
    """Stands for the end of the process."""


def kill_after(epochs):
    def on_epoch(report):
        if report.epoch == epochs:
            raise Killed

    return on_epoch


def numbers(reports):
    return [replace(report, seconds=0.0) for report in reports]


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_that_was_killed_goes_on_to_the_bit(trainer, noise, tmp_path, epochs, precision):
    options = {"mirror": True, "translate": 1, "decay_every": 2, "precision": precision}
    whole, resumed = [], []
    last = Checkpoint(tmp_path / "whole")
    expected = trainer(noise, **options).train(LEARNER, seed=3, on_epoch=whole.append, checkpoint=last)
    checkpoint = Checkpoint(tmp_path / "killed")
    with pytest.raises(Killed):
        trainer(noise, **options).train(LEARNER, seed=3, on_epoch=kill_after(epochs), checkpoint=checkpoint)
    torch.manual_seed(99)
    result = trainer(noise, **options).train(
        LEARNER, seed=3, on_epoch=resumed.append, checkpoint=Checkpoint(checkpoint.path)
    )
    assert numbers(resumed) == numbers(whole)
    assert replace(result, seconds=0.0) == replace(expected, seconds=0.0)
    subject = trainer(noise, **options)
    identity = subject.identity(LEARNER, seed=3)
    ours, theirs = checkpoint.load(identity).network, last.load(identity).network
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_recipe_of_whole_numbers_resumes_as_any_other(trainer, noise, tmp_path, caplog):
    options = {"learning_rate": 1, "retry_factor": 1, "decay_factor": 1}
    checkpoint, heard = Checkpoint(tmp_path / "1"), []
    with pytest.raises(Killed):
        trainer(noise, **options).train(SMALL, seed=1, on_epoch=kill_after(1), checkpoint=checkpoint)
    saved = checkpoint.load(None)
    trainer(noise, **options).train(SMALL, seed=1, on_epoch=heard.append, checkpoint=checkpoint)
    assert heard[:1] == list(saved.reports)
    assert not caplog.text


def test_a_checkpoint_does_not_change_the_training(trainer, noise, tmp_path):
    with_one = trainer(noise).train(SMALL, seed=1, checkpoint=Checkpoint(tmp_path / "1"))
    assert with_one.curve == trainer(noise).train(SMALL, seed=1).curve


def test_a_training_records_gradients_whatever_the_caller_does(trainer, noise):
    expected = trainer(noise).train(SMALL, seed=3)
    with torch.no_grad():
        found = trainer(noise).train(SMALL, seed=3)
        assert not torch.is_grad_enabled()
    assert replace(found, seconds=0.0) == replace(expected, seconds=0.0)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_is_the_same_to_the_bit_inside_of_autocast(trainer, noise, precision):
    """Autocast keeps rounded weights until its outermost block ends, and also rounds what has no block."""
    alone, inside = [], []
    trainer(noise, precision=precision).train(LEARNER, seed=3, on_epoch=alone.append)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        trainer(noise, precision=precision).train(LEARNER, seed=3, on_epoch=inside.append)
        assert torch.is_autocast_enabled("cpu")
    assert numbers(inside) == numbers(alone)
    assert alone[-1].loss < alone[0].loss - 0.05  # it hardly falls where rounded weights are kept


def test_an_interrupted_step_leaves_no_later_training_without_gradients(trainer, noise):
    def interrupt(report):
        torch.set_grad_enabled(False)  # as an optimizer's step does if it is interrupted before its end
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer(noise).train(SMALL, seed=3, on_epoch=interrupt)
    assert torch.is_grad_enabled()


def test_a_checkpoint_of_anything_else_is_ignored(trainer, noise, digits, tmp_path, caplog):
    checkpoint = Checkpoint(tmp_path / "1")
    trained = trainer(noise, epochs=1)
    trained.train(SMALL, seed=1, checkpoint=checkpoint)
    mine = checkpoint.path.read_bytes()
    others = {
        "architecture": lambda: trainer(noise, epochs=1).train(LEARNER, seed=1, checkpoint=checkpoint),
        "seed": lambda: trainer(noise, epochs=1).train(SMALL, seed=2, checkpoint=checkpoint),
        "recipe": lambda: trainer(noise, epochs=2).train(SMALL, seed=1, checkpoint=checkpoint),
        "data": lambda: trainer(digits, epochs=1).train(SMALL, seed=1, checkpoint=checkpoint),
        "validation": lambda: trainer(noise, epochs=1, validation_size=50).train(
            SMALL, seed=1, checkpoint=checkpoint
        ),
        "metric": lambda: trainer(noise, epochs=1, metric="balanced-accuracy").train(
            SMALL, seed=1, checkpoint=checkpoint
        ),
    }
    for difference, train in others.items():
        checkpoint.path.write_bytes(mine)
        caplog.clear()
        train()
        assert f"its {difference} is" in caplog.text


def test_a_network_that_memory_cannot_hold_is_tried_in_half_batches_and_then_an_outcome(trainer, noise):
    """4 PB of weights are more than a process can address."""
    huge = Architecture.parse("[C(99999,99999,1), SM(10)]")
    result = trainer(noise).train(huge, seed=0)
    assert (result.outcome, result.curve) == (Outcome.OUT_OF_MEMORY, ())
    assert "memory" in result.message
    assert result.message.endswith("in batches of 16, as 32 did not fit")


START = NetworkTrainer.start


def start_half(self, architecture, *, seed, attempt=1):
    """There is memory for batches of 16, and not for those of 32."""
    if self.recipe.batch_size == 32:
        raise OutOfMemory("9 bytes")
    return START(self, architecture, seed=seed, attempt=attempt)


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_a_training_in_half_batches_goes_on_in_them_when_there_is_memory_again(
    trainer, noise, monkeypatch, tmp_path, every, caplog
):
    """More trainings on a GPU leave less of it: the epochs that were heard are not those of whole batches."""
    checkpoint, whole, resumed = Checkpoint(tmp_path / "1", every), [], []
    with monkeypatch.context() as little_memory:
        little_memory.setattr(NetworkTrainer, "start", start_half)
        expected = trainer(noise).train(SMALL, seed=0, on_epoch=whole.append)
        with pytest.raises(Killed):
            trainer(noise).train(SMALL, seed=0, on_epoch=kill_after(2), checkpoint=checkpoint)
    result = trainer(noise).train(SMALL, seed=0, on_epoch=resumed.append, checkpoint=checkpoint)
    assert numbers(resumed) == numbers(whole)
    assert replace(result, seconds=0.0) == replace(expected, seconds=0.0)
    assert not caplog.text


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_a_training_in_whole_batches_is_out_of_memory_rather_than_to_go_on_in_half_ones(
    trainer, noise, monkeypatch, tmp_path, every, caplog
):
    checkpoint, heard = Checkpoint(tmp_path / "1", every), []
    with pytest.raises(Killed):
        trainer(noise).train(SMALL, seed=0, on_epoch=kill_after(2), checkpoint=checkpoint)
    monkeypatch.setattr(NetworkTrainer, "start", start_half)
    result = trainer(noise).train(SMALL, seed=0, on_epoch=heard.append, checkpoint=checkpoint)
    assert (result.outcome, len(result.curve)) == (Outcome.OUT_OF_MEMORY, len(heard))
    assert "did not fit" not in result.message
    assert not caplog.text


def test_too_little_memory_to_read_a_checkpoint_is_no_reason_for_half_batches(
    trainer, noise, monkeypatch, tmp_path
):
    checkpoint = Checkpoint(tmp_path / "1")
    with pytest.raises(Killed):
        trainer(noise).train(SMALL, seed=0, on_epoch=kill_after(2), checkpoint=checkpoint)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("trainers.checkpoint.read_content", fail)
    result = trainer(noise).train(SMALL, seed=0, checkpoint=checkpoint)
    assert (result.outcome, result.curve) == (Outcome.OUT_OF_MEMORY, ())
    assert "did not fit" not in result.message


def test_no_epoch_is_trained_again_in_half_batches(trainer, noise, monkeypatch):
    """Whoever has heard the epochs of the first attempt would hear different ones with the same numbers."""
    subject, heard = trainer(noise), []
    start = NetworkTrainer.start

    def fail(self, architecture, *, seed, attempt=1):
        if attempt == 2 and self.recipe.batch_size == 32:
            raise OutOfMemory("9 bytes")
        return start(self, architecture, seed=seed, attempt=attempt)

    monkeypatch.setattr(NetworkTrainer, "start", fail)
    subject.chance = Chance(0.1, 1.0)
    result = subject.train(SMALL, seed=0, on_epoch=heard.append)
    assert [(report.attempt, report.epoch) for report in heard] == [(1, 1)]
    assert (result.outcome, result.attempt, result.curve) == (Outcome.OUT_OF_MEMORY, 2, ())


def test_too_little_memory_to_go_on_is_an_outcome(trainer, noise, monkeypatch, tmp_path):
    def fail(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    checkpoint = Checkpoint(tmp_path / "1")
    with pytest.raises(Killed):
        trainer(noise).train(SMALL, seed=1, on_epoch=kill_after(2), checkpoint=checkpoint)
    monkeypatch.setattr(Adam, "load_state_dict", fail)
    result = trainer(noise).train(SMALL, seed=1, checkpoint=checkpoint)
    assert (result.outcome, len(result.curve)) == (Outcome.OUT_OF_MEMORY, 2)


@pytest.mark.parametrize("fails", [False, True])
def test_memory_is_given_back_when_the_network_is_gone(trainer, noise, monkeypatch, fails):
    networks, alive = [], []

    def keep(report):
        if fails:
            raise Killed

    def build(*args):
        network = build_network(*args)
        networks.append(ref(network))
        return network

    monkeypatch.setattr("trainers.image_training.build_network", build)
    monkeypatch.setattr(
        "trainers.training.give_back", lambda device: alive.append(networks[-1]() is not None)
    )
    with pytest.raises(Killed) if fails else nullcontext():
        trainer(noise, epochs=1).train(SMALL, seed=0, on_epoch=keep)
    assert alive == [fails]  # a traceback keeps what failed alive


def test_a_network_that_ran_out_of_memory_is_gone_before_half_batches_are_tried(trainer, noise, monkeypatch):
    """Without the garbage collector, which may come too late: no frame of the error keeps it."""
    networks, before = [], []

    def build(*args):
        before.append([network() is not None for network in networks])
        networks.append(ref(network := build_network(*args)))
        return network

    def fail(*args):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr("trainers.image_training.build_network", build)
    monkeypatch.setattr("trainers.steps.cross_entropy", fail)
    gc.disable()
    try:
        result = trainer(noise).train(SMALL, seed=0)
    finally:
        gc.enable()
    assert (result.outcome, before) == (Outcome.OUT_OF_MEMORY, [[], [False]])


def test_the_rate_is_a_number_on_a_cpu_and_a_tensor_elsewhere(trainer, noise, monkeypatch):
    subject = trainer(noise)
    assert subject._learning_rate(1e-3) == 1e-3
    assert isinstance(subject._learning_rate(1e-3), float)
    subject.device = torch.device("cuda")
    monkeypatch.setattr(torch, "tensor", lambda value, device: (value, device.type))
    assert subject._learning_rate(1e-3) == (1e-3, "cuda")


def test_the_tensor_of_a_rate_that_is_a_whole_number_can_hold_fractions(trainer, noise, monkeypatch):
    subject, tensor = trainer(noise), torch.tensor
    subject.device = torch.device("cuda")
    monkeypatch.setattr(torch, "tensor", lambda value, device: tensor(value))
    assert subject._learning_rate(1).is_floating_point()


ENDLESS = """
import sys
import numpy as np
from state_space import Architecture
from trainers import Checkpoint, ClassifierTrainer, ImageDataset, TrainingRecipe

images = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), dtype=np.uint8)
empty = np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, np.int64)
dataset = ImageDataset("noise", images, np.arange(300) % 10, *empty, tuple("0123456789"))
recipe = TrainingRecipe(epochs=60, batch_size=32, learning_rate=3e-3, chance_factor=0.0)
trainer = ClassifierTrainer(dataset, recipe=recipe, validation_size=100, device="cpu", threads=1)
trainer.train(
    Architecture.parse(sys.argv[1]),
    seed=5,
    on_epoch=lambda report: print(report.epoch, flush=True),
    checkpoint=Checkpoint(sys.argv[2]),
)
"""


def test_a_process_that_is_killed_loses_no_epoch_but_the_last(trainer, noise, tmp_path):
    """kill -9 at a moment the training knows nothing about; twice, the second time after a resumption."""
    path, heard, resumed, whole = tmp_path / "1.checkpoint", 0, [], []
    for wait in (2, 5):
        command = [sys.executable, "-c", ENDLESS, str(LEARNER), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            heard = [int(process.stdout.readline()) for _ in range(wait)][-1]
            os.kill(process.pid, signal.SIGKILL)
    subject = trainer(noise, epochs=60)
    saved = Checkpoint(path).load(subject.identity(LEARNER, seed=5)).reports
    assert heard - 1 <= len(saved) < 60  # the last one may have been heard while it was written

    def three_more(report):
        resumed.append(report)
        return report.epoch == len(saved) + 3

    subject.train(LEARNER, seed=5, on_epoch=three_more, checkpoint=Checkpoint(path))
    assert tuple(resumed[: len(saved)]) == saved  # seconds included: nothing was trained again
    subject.train(LEARNER, seed=5, on_epoch=lambda report: whole.append(report) or len(whole) == len(resumed))
    assert numbers(resumed) == numbers(whole)


def test_every_attempt_has_its_own_weights_and_every_epoch_its_own_rate_order_and_dropout(trainer, noise):
    subject, weights, rates, orders, draws = trainer(noise, decay_every=1), set(), [], set(), set()
    for attempt, epoch in ((1, 1), (1, 2), (2, 1)):
        state = subject.start(SMALL, seed=0, attempt=attempt)
        state.epoch, order = epoch - 1, []

        def step(images, labels, state=state, order=order):
            order.extend(labels.tolist())
            draws.add(torch.rand(()).item())
            rates.append(state.optimizer.param_groups[0]["lr"])
            return torch.zeros(())

        state.step = step
        weights.add(next(state.network.parameters()).sum().item())
        assert subject.train_epoch(state, seed=0).learning_rate == rates[-1]
        orders.add(tuple(order))
    assert len(weights) == 2
    assert len(orders) == len(set(rates)) == 3
    assert len(draws) == len(rates)
