"""Training on images: metrics of the answers, batches that are filled up, and which steps are recorded."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from torch.utils._python_dispatch import TorchDispatchMode

from state_space import Architecture
from trainers import Checkpoint, DeviceError, ImageDataset, Outcome
from trainers.chance import Chance
from trainers.datasets import training_and_validation

SMALL = Architecture.parse("[C(8,3,1), C(16,3,1), D(1,2), P(2,2), C(16,3,1), GAP(10), SM(10)]")
LARGE = Architecture.parse("[C(512,5,1), C(512,5,1), C(512,5,1), C(512,5,1), GAP(10), SM(10)]")
EMPTY = np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, np.int64)


def test_balanced_accuracy_is_that_of_the_answers(trainer, digits):
    """Eights against all others; the answers are those of the network, asked image by image."""
    labels = (digits.train_labels == 8).astype(np.int64)
    eights = ImageDataset("eights", digits.train_images, labels, *EMPTY, ("other", "eight"))
    subject = trainer(eights, validation_size=297, metric="balanced-accuracy")
    state = subject.start(Architecture.parse("[C(8,3,1), SM(2)]"), seed=0)
    report = [subject.train_epoch(state, seed=0) for _ in range(3)][-1]
    _, (images, labels) = training_and_validation(eights, 297, 0)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    mean, std = (
        torch.tensor(x).view(1, -1, 1, 1) for x in (subject.normalisation.mean, subject.normalisation.std)
    )
    with torch.no_grad():
        found = state.network.eval()((pixels - mean) / std).argmax(1).numpy()
    assert report.accuracy == pytest.approx(balanced_accuracy_score(labels, found), abs=1e-9)
    assert 0.5 < report.accuracy != accuracy_score(labels, found)


def test_the_loss_is_the_mean_over_the_images_that_are_trained_on(trainer, noise):
    subject = trainer(noise)
    state = subject.start(SMALL, seed=0)
    state.step = lambda images, labels: torch.tensor(2.0 * len(labels))  # summed over a batch
    assert subject.train_epoch(state, seed=0).loss == 2


def test_batches_filled_up_train_alike(trainer, noise):
    """As on CUDA: the last batch of 32 has 8 images, which are the only ones that count in it."""
    plain, filled = (trainer(noise, mirror=True, precision="float32") for _ in range(2))
    for loader in (filled._training, filled._watched):
        loader._equal = True
    without_dropout = Architecture.parse("[C(8,3,1), P(2,2), C(16,3,1), GAP(10), SM(10)]")
    curves = [[], []]
    for subject, heard in zip((plain, filled), curves, strict=True):
        subject.train(without_dropout, seed=2, on_epoch=heard.append)
    for ours, theirs in zip(*curves, strict=True):
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-3)
        assert ours.accuracy == pytest.approx(theirs.accuracy, abs=0.03)


WAIT = ("_local_scalar_dense", "nonzero", "masked_select")
"""Operations whose results depend on values: on a GPU, the program waits for the device there."""


class Waits(TorchDispatchMode):
    """Counts the operations in WAIT."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.count += any(name in str(operation) for name in WAIT)
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize("metric", ["accuracy", "balanced-accuracy"])
@pytest.mark.parametrize("layers", ["C(8,3,1), D(1,2), FC(16)", "CB(8,3,1), P(2,2), C(8,3,1)"])
@pytest.mark.parametrize("batch_size", [128, 16])
def test_an_epoch_waits_for_its_loss_alone_however_many_batches(trainer, digits, metric, layers, batch_size):
    """And for the counts of hits, which the CPU lists without an operation. A recorded step may not wait."""
    subject = trainer(digits, batch_size=batch_size, mirror=True, translate=2, metric=metric)
    state = subject.start(Architecture.parse(f"[{layers}, SM(10)]"), seed=0)
    with Waits() as waits:
        subject.train_epoch(state, seed=0)
    assert waits.count == 1


@pytest.mark.parametrize(
    ("device", "choice", "small", "large"),
    [("cuda", None, True, False), ("cuda", True, True, True), ("cuda", False, False, False)]
    + [("cpu", choice, False, False) for choice in (None, True, False)],
)
def test_steps_are_recorded_on_cuda_for_small_networks_or_as_told(
    trainer, noise, device, choice, small, large
):
    subject = trainer(noise, batch_size=128, cuda_graphs=choice)
    subject.device = torch.device(device)  # there need not be one to decide
    assert (subject._graphed(SMALL), subject._graphed(LARGE)) == (small, large)


def test_a_trainer_that_launches_records_nothing_and_shares_its_images_and_its_failures(trainer, noise):
    subject = trainer(noise, cuda_graphs=True)
    subject.device = torch.device("cuda")  # there need not be one to decide
    launching = subject.launching()
    assert not launching._graphed(SMALL)
    assert launching._training is subject._training
    launching._recorder.failed = True
    assert subject.spent


def test_after_a_failed_recording_nothing_is_recorded_and_the_process_is_spent(trainer, noise):
    subject = trainer(noise, cuda_graphs=True)
    subject.device = torch.device("cuda")  # there need not be one to decide
    assert subject._graphed(SMALL)
    subject._recorder.failed = True
    assert not subject._following(replace(subject.recipe, batch_size=16))._graphed(SMALL)
    assert subject.spent


def test_a_device_that_fails_in_a_training_is_no_defect_of_the_network(trainer, noise, monkeypatch):
    subject = trainer(noise)
    monkeypatch.setattr("trainers.device.is_lost", lambda device: True)
    monkeypatch.setattr(subject, "_pass", lambda *_: torch.ones(2) + torch.ones(3))  # a RuntimeError
    with pytest.raises(DeviceError, match="device 'cpu' has failed"):
        subject.train(SMALL, seed=0)


class Starving:
    """A recorder for whose recordings, after the first few, there is no memory."""

    failed = False

    def __init__(self, fit=0):
        self.fit = fit

    def warm_up(self, step):
        return step()

    def record(self, step):
        self.fit -= 1
        if self.fit >= 0:
            return step
        self.failed = True
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 MiB")


def test_where_only_a_recording_does_not_fit_whole_batches_are_launched(trainer, noise, monkeypatch):
    """A recording has memory of its own, beside that of the steps before it, which fitted."""
    expected = trainer(noise, epochs=2).train(SMALL, seed=0)
    subject = trainer(noise, epochs=2)
    subject._recorder = Starving()
    monkeypatch.setattr(subject, "_graphed", lambda architecture: not subject._recorder.failed)
    result = subject.train(SMALL, seed=0)
    assert replace(result, seconds=0.0) == replace(expected, seconds=0.0)
    assert subject.spent


@pytest.fixture
def starving(trainer, noise, monkeypatch):
    """starving(fit, **options): its trainer records, but only the first `fit` recordings have memory."""

    def make(fit, **options):
        subject = trainer(noise, **options)
        subject._recorder = Starving(fit)
        monkeypatch.setattr(subject, "_graphed", lambda architecture: not subject._recorder.failed)
        return subject

    return make


def numbers(reports):
    return [replace(report, seconds=0.0) for report in reports]


def test_where_a_recording_does_not_fit_after_a_kill_the_training_goes_on_launched(
    trainer, noise, starving, tmp_path
):
    expected, heard, checkpoint = [], [], Checkpoint(tmp_path / "1")
    trainer(noise).train(SMALL, seed=0, on_epoch=expected.append)

    def die(report):
        if report.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        starving(1).train(SMALL, seed=0, on_epoch=die, checkpoint=checkpoint)
    result = starving(0).train(SMALL, seed=0, on_epoch=heard.append, checkpoint=checkpoint)
    assert result.outcome is Outcome.COMPLETED
    assert numbers(heard) == numbers(expected)


def test_where_the_recording_of_a_later_attempt_does_not_fit_it_is_launched(trainer, noise, starving):
    told = [[], []]
    for subject, heard in zip((trainer(noise, attempts=2), starving(1, attempts=2)), told, strict=True):
        subject.chance = Chance(0.1, 1.0)  # every accuracy counts as chance
        result = subject.train(SMALL, seed=0, on_epoch=heard.append)
        assert result.outcome is Outcome.CHANCE
    assert numbers(told[1]) == numbers(told[0])
    assert [report.attempt for report in told[1]] == [1, 2]
    assert subject.spent
