import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn.functional import cross_entropy

from state_space import Architecture
from trainers import (
    Checkpoint,
    ClassifierTrainer,
    DatasetError,
    DeviceError,
    ImageDataset,
    Outcome,
    TrainingRecipe,
)

SMALL = Architecture.parse("[C(8,3,1), C(16,3,1), D(1,2), P(2,2), C(16,3,1), GAP(10), SM(10)]")
LEARNER = Architecture.parse("[C(16,3,1), C(32,3,1), D(1,2), P(2,2), FC(64), D(2,2), SM(10)]")
NAMES = tuple("0123456789")
PLACE = ("device", "precision", "threads", "cuda_graphs")
EMPTY = np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, np.int64)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    images = (data.images * 15).astype(np.uint8)[..., None]
    return ImageDataset("digits", images, data.target.astype(np.int64), *EMPTY, NAMES)


@pytest.fixture(scope="module")
def noise():
    """Labels that have nothing to do with the images."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 8, 8, 1), dtype=np.uint8)
    return ImageDataset("noise", images, np.arange(300) % 10, *EMPTY, NAMES)


def trainer(dataset, **options):
    recipe = {"epochs": 3, "batch_size": 32, "learning_rate": 3e-3, "chance_factor": 0.0}
    size = options.pop("validation_size", 100)
    placed = {name: options.pop(name) for name in PLACE if name in options}
    placed = {"device": "cpu", "threads": 1, **placed}
    return ClassifierTrainer(
        dataset, recipe=TrainingRecipe(**{**recipe, **options}), validation_size=size, **placed
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_digits_are_learned(digits, precision):
    subject = trainer(digits, epochs=6, chance_factor=1.5, validation_size=297, precision=precision)
    result = subject.train(LEARNER, seed=0)
    assert result.outcome is Outcome.COMPLETED
    assert len(result.curve) == 6
    assert result.curve[-1] > 0.9


def test_the_same_seed_gives_the_same_curve_to_the_bit_whatever_ran_before(noise):
    subject = trainer(noise, mirror=True, translate=1)
    first, losses = subject.train(SMALL, seed=3), []
    torch.manual_seed(99)
    subject.train(SMALL, seed=4)
    again = trainer(noise, mirror=True, translate=1).train(SMALL, seed=3)
    assert again.curve == first.curve
    for seed in (3, 3, 4):
        subject.train(SMALL, seed=seed, on_epoch=lambda report: losses.append(report.loss))
    assert losses[:3] == losses[3:6]
    assert not set(losses[:3]) & set(losses[6:])


def test_random_state_outside_is_left_alone(noise):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    before = np.random.get_state()[1].copy()
    trainer(noise).train(SMALL, seed=0)
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(np.random.get_state()[1], before)


def test_an_epoch_is_a_function_of_the_state(noise):
    """What a checkpoint needs: weights, optimizer state, attempt and epoch carry a training on."""
    subject = trainer(noise)
    whole, part, resumed = (subject.start(SMALL, seed=0) for _ in range(3))
    expected = [subject.train_epoch(whole, seed=0).loss for _ in range(3)]
    subject.train_epoch(part, seed=0)
    resumed.network.load_state_dict(part.network.state_dict())
    resumed.optimizer.load_state_dict(part.optimizer.state_dict())
    resumed.epoch = part.epoch
    assert [subject.train_epoch(resumed, seed=0).loss for _ in range(2)] == expected[1:]


def test_every_epoch_is_reported_with_its_rate(noise):
    reports = []
    subject = trainer(noise, epochs=4, learning_rate=1e-3, decay_every=2)
    result = subject.train(SMALL, seed=0, on_epoch=reports.append)
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert [report.learning_rate for report in reports] == pytest.approx([1e-3, 1e-3, 2e-4, 2e-4])
    assert tuple(report.accuracy for report in reports) == result.curve
    assert (result.outcome, result.attempt, result.learning_rate) == (Outcome.COMPLETED, 1, 1e-3)
    assert 0 < sum(report.seconds for report in reports) <= result.seconds


def test_the_callback_stops_the_training(noise):
    result = trainer(noise, epochs=9).train(SMALL, seed=0, on_epoch=lambda report: report.epoch == 2)
    assert result.outcome is Outcome.STOPPED
    assert len(result.curve) == 2


def test_a_network_at_chance_is_tried_at_falling_rates_and_then_given_up(noise):
    reports = []
    subject = trainer(noise, chance_factor=10.0, attempts=3, learning_rate=1e-3)  # nothing beats 10 / 10
    result = subject.train(SMALL, seed=0, on_epoch=reports.append)
    assert [(report.attempt, report.epoch) for report in reports] == [(1, 1), (2, 1), (3, 1)]
    assert [report.learning_rate for report in reports] == pytest.approx([1e-3, 4e-4, 1.6e-4])
    assert result.outcome is Outcome.CHANCE
    assert (result.attempt, result.curve) == (3, (reports[-1].accuracy,))
    assert result.learning_rate == pytest.approx(1.6e-4)


def test_a_rate_that_is_too_high_is_rescued_by_a_restart(digits):
    subject = trainer(digits, learning_rate=3.0, retry_factor=1e-3, chance_factor=1.5, validation_size=297)
    result = subject.train(SMALL, seed=0)
    assert (result.outcome, result.attempt) == (Outcome.COMPLETED, 2)
    assert result.learning_rate == pytest.approx(3e-3)
    assert result.curve[-1] > 0.5


def test_accuracy_equal_to_the_limit_counts_as_chance(noise):
    """With 100 validation images an accuracy is a multiple of 1/100; the limit is set to the one reached."""
    reached = trainer(noise, epochs=1).train(SMALL, seed=0).curve[0]
    assert reached > 0
    at, below = (
        trainer(noise, epochs=1, attempts=1, chance_factor=10 * limit).train(SMALL, seed=0).outcome
        for limit in (reached, reached - 0.001)
    )
    assert (at, below) == (Outcome.CHANCE, Outcome.COMPLETED)


def test_divergence_in_the_first_epoch_restarts(noise):
    result = trainer(noise, learning_rate=1e30, attempts=2).train(SMALL, seed=0)
    assert (result.outcome, result.attempt) == (Outcome.CHANCE, 2)


def test_divergence_later_ends_the_training(noise):
    subject = trainer(noise, epochs=5, decay_factor=1e33, decay_every=1)
    result = subject.train(SMALL, seed=0)
    assert result.outcome is Outcome.DIVERGED
    assert 2 <= len(result.curve) < 5


def test_what_does_not_fit_is_tried_once_more_in_half_batches(noise, monkeypatch, tmp_path):
    sizes = []

    def fail_above_32(logits, labels):
        sizes.append(len(labels))
        if len(labels) > 32:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return cross_entropy(logits, labels)

    whole = trainer(noise, batch_size=32, epochs=2).train(SMALL, seed=0)
    monkeypatch.setattr("trainers.steps.cross_entropy", fail_above_32)
    result = trainer(noise, batch_size=64, epochs=2).train(
        SMALL, seed=0, checkpoint=Checkpoint(tmp_path / "1")
    )
    assert sizes[:2] == [64, 32]
    assert (result.outcome, result.curve) == (Outcome.COMPLETED, whole.curve)
    assert result.message == "trained 2 epochs, in batches of 32, as 64 did not fit"


def test_running_out_of_memory_is_an_outcome(noise, monkeypatch):
    def fail(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr("trainers.steps.cross_entropy", fail)
    result = trainer(noise).train(SMALL, seed=0)
    assert (result.outcome, result.curve) == (Outcome.OUT_OF_MEMORY, ())
    assert "can't allocate memory" in result.message


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError])
def test_errors_of_the_callback_pass_through(noise, error):
    def fail(_):
        raise error

    with pytest.raises(error):
        trainer(noise).train(SMALL, seed=0, on_epoch=fail)


def test_test_images_are_never_touched(noise):
    class Untouchable(ImageDataset):
        sealed = False

        def __getattribute__(self, name):
            if name.startswith("test_") and Untouchable.sealed:
                raise AssertionError(f"{name} was read")
            return super().__getattribute__(name)

    images, labels = noise.train_images, noise.train_labels
    dataset = Untouchable("noise", images, labels, images, labels, NAMES)
    Untouchable.sealed = True
    assert trainer(dataset, epochs=1).train(SMALL, seed=0).curve


def test_bad_arguments_are_refused_at_once(noise):
    with pytest.raises(DatasetError, match="0"):
        trainer(noise, validation_size=0)
    with pytest.raises(DeviceError, match="-1"):
        trainer(noise, threads=-1)
    with pytest.raises(DeviceError, match="'half'"):
        trainer(noise, precision="half")


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
def test_a_training_that_was_killed_goes_on_to_the_bit(noise, tmp_path, epochs, precision):
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


def test_a_checkpoint_does_not_change_the_training(noise, tmp_path):
    with_one = trainer(noise).train(SMALL, seed=1, checkpoint=Checkpoint(tmp_path / "1"))
    assert with_one.curve == trainer(noise).train(SMALL, seed=1).curve


def test_a_checkpoint_of_anything_else_is_ignored(noise, digits, tmp_path, caplog):
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
    }
    for difference, train in others.items():
        checkpoint.path.write_bytes(mine)
        caplog.clear()
        train()
        assert f"its {difference} is" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_gpu_learns_and_goes_on_after_a_kill(digits, tmp_path, precision):
    """With a CUDA graph, as the network is small; kernels may sum in any order, so not to the bit."""
    options = {"epochs": 6, "validation_size": 297, "device": "cuda", "precision": precision}
    checkpoint = Checkpoint(tmp_path / "1")
    with pytest.raises(Killed):
        trainer(digits, **options).train(LEARNER, seed=0, on_epoch=kill_after(3), checkpoint=checkpoint)
    result = trainer(digits, **options).train(LEARNER, seed=0, checkpoint=checkpoint)
    assert result.curve[-1] > 0.9
    assert result.curve == pytest.approx(trainer(digits, **options).train(LEARNER, seed=0).curve, abs=0.05)


LARGE = Architecture.parse("[C(512,5,1), C(512,5,1), C(512,5,1), C(512,5,1), GAP(10), SM(10)]")


@pytest.mark.parametrize(
    ("device", "choice", "small", "large"),
    [("cuda", None, True, False), ("cuda", True, True, True), ("cuda", False, False, False)]
    + [("cpu", choice, False, False) for choice in (None, True, False)],
)
def test_steps_are_recorded_on_cuda_for_small_networks_or_as_told(noise, device, choice, small, large):
    subject = trainer(noise, batch_size=128, cuda_graphs=choice)
    subject.device = torch.device(device)  # there need not be one to decide
    assert (subject._graphed(SMALL), subject._graphed(LARGE)) == (small, large)


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


def test_a_process_that_is_killed_loses_no_finished_epoch(noise, tmp_path):
    """kill -9 at a moment the training knows nothing about; twice, the second time after a resumption."""
    path, heard, resumed, whole = tmp_path / "1.checkpoint", 0, [], []
    for wait in (2, 5):
        command = [sys.executable, "-c", ENDLESS, str(LEARNER), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            heard = [int(process.stdout.readline()) for _ in range(wait)][-1]
            os.kill(process.pid, signal.SIGKILL)
    subject = trainer(noise, epochs=60)
    saved = Checkpoint(path).load(subject.identity(LEARNER, seed=5)).reports
    assert heard <= len(saved) < 60

    def three_more(report):
        resumed.append(report)
        return report.epoch == len(saved) + 3

    subject.train(LEARNER, seed=5, on_epoch=three_more, checkpoint=Checkpoint(path))
    assert tuple(resumed[: len(saved)]) == saved  # seconds included: nothing was trained again
    subject.train(LEARNER, seed=5, on_epoch=lambda report: whole.append(report) or len(whole) == len(resumed))
    assert numbers(resumed) == numbers(whole)
