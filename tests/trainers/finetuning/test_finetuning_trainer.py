"""Long training: what it trains on, how it resumes, and what it tests."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from state_space import Architecture
from trainers import Checkpoint, DatasetError, DeviceError, Outcome, load_dataset
from trainers.finetuning import FinetuningRecipe, FinetuningTrainer
from trainers.weights import TrainedNetwork

TEXT = "[C(16,3,1), D(1,2), P(2,2), C(16,3,1), D(2,2), SM(10)]"
NETWORK = Architecture.parse(TEXT)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def digits():
    whole = load_dataset("digits", limit=300)
    return replace(whole, test_images=whole.test_images[:90], test_labels=whole.test_labels[:90])


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "1.pt")


def trainer(dataset, **options):
    recipe = {"epochs": 6, "batch_size": 16, "translate": 1, "learning_rate": 0.01}
    placed = {"device": "cpu", "threads": 1, "precision": options.pop("precision", "float32")}
    return FinetuningTrainer(dataset, recipe=FinetuningRecipe(**{**recipe, **options}), **placed)


def trained(subject, checkpoint, **options):
    """Train to the end; return the network in the checkpoint."""
    result = subject.train(NETWORK, seed=1, checkpoint=checkpoint, **options)
    assert result.outcome is Outcome.COMPLETED
    saved = checkpoint.load(None)
    place = (TEXT, subject.input_shape, subject.num_classes)
    return result, TrainedNetwork(*place, saved.reports[-1].accuracy, saved.network, subject.normalisation)


@pytest.mark.parametrize(
    ("optimizer", "rate", "precision"),
    [("sgd", 0.025, "float32"), ("sgd", 0.025, "bfloat16"), ("adam", 0.003, "float32")],
)
def test_digits_are_learned(digits, checkpoint, optimizer, rate, precision):
    subject = trainer(digits, epochs=12, optimizer=optimizer, learning_rate=rate, precision=precision)
    _, network = trained(subject, checkpoint)
    found = subject.test_probabilities(network).argmax(1)
    assert (found == digits.test_labels).mean() > 0.5  # chance is 0.1


def test_every_training_image_is_trained_on(digits):
    subject = trainer(digits)
    batches = list(subject._training.shuffled(subject.recipe, torch.Generator().manual_seed(0)))
    labels = np.concatenate([labels.numpy() for _, labels in batches])
    assert np.array_equal(np.sort(labels), np.sort(digits.train_labels))


def test_the_training_does_not_depend_on_the_test_images(digits, checkpoint, tmp_path):
    """Only its identity does: a training does not go on if the test images have been exchanged."""
    other = replace(digits, test_images=255 - digits.test_images, test_labels=digits.test_labels[::-1])
    result, network = trained(trainer(digits), checkpoint)
    again, same = trained(trainer(other), Checkpoint(tmp_path / "2.pt"))
    assert result.curve == again.curve
    assert all(torch.equal(network.weights[name], same.weights[name]) for name in network.weights)


@pytest.mark.parametrize(("optimizer", "epochs"), [("sgd", 1), ("sgd", 5), ("adam", 3)])
def test_a_training_killed_after_any_epoch_ends_with_the_same_weights(digits, tmp_path, optimizer, epochs):
    subject = trainer(digits, optimizer=optimizer, learning_rate=0.003)
    whole, network = trained(subject, Checkpoint(tmp_path / "whole.pt"))

    def die(report):
        if report.epoch == epochs:
            raise Killed
        return False

    with pytest.raises(Killed):
        subject.train(NETWORK, seed=1, on_epoch=die, checkpoint=Checkpoint(tmp_path / "cut.pt"))
    resumed, same = trained(
        trainer(digits, optimizer=optimizer, learning_rate=0.003), Checkpoint(tmp_path / "cut.pt")
    )
    assert resumed.curve == whole.curve
    assert all(torch.equal(network.weights[name], same.weights[name]) for name in network.weights)


def test_rates_follow_the_schedule(digits):
    reports = []
    trainer(digits, learning_rate=0.025).train(NETWORK, seed=0, on_epoch=reports.append)
    assert [report.learning_rate for report in reports] == [0.025, 0.0125, 0.0001, 0.0001, 0.0001, 0.00001]


def test_weights_decay_and_the_momentum_is_that_of_plain_sgd(digits):
    """Two steps against PyTorch's formula by hand: v = momentum v + g + decay w; w = w - rate v."""
    state = trainer(digits, momentum=0.5, weight_decay=0.1, learning_rate=0.025).start(NETWORK, seed=0)
    parameter = next(state.network.parameters())
    before, gradients = (
        parameter.detach().clone(),
        (torch.ones_like(parameter), -2 * torch.ones_like(parameter)),
    )
    expected, velocity = before.clone(), torch.zeros_like(before)
    for gradient in gradients:
        velocity = 0.5 * velocity + gradient + 0.1 * expected
        expected = expected - 0.025 * velocity
        parameter.grad = gradient.clone()
        state.optimizer.step()
    assert torch.allclose(parameter, expected, atol=1e-6)


def test_softmax_outputs_are_those_of_the_network_on_normalised_test_images(digits, checkpoint):
    subject = trainer(digits)
    _, network = trained(subject, checkpoint)
    images = digits.test_images.astype(np.float64)
    images -= images.mean((1, 2, 3), keepdims=True)
    images /= images.std((1, 2, 3), keepdims=True)
    with torch.inference_mode():
        logits = (
            network.build().eval()(torch.from_numpy(images.transpose(0, 3, 1, 2)).float()).double().numpy()
        )
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = subject.test_probabilities(network)
    assert found.shape == (90, 10)
    assert np.allclose(found, expected, atol=1e-4)


def test_a_device_that_fails_while_it_is_asked_about_the_test_images_is_told(digits, checkpoint, monkeypatch):
    subject = trainer(digits)
    _, network = trained(subject, checkpoint)
    monkeypatch.setattr("trainers.device.is_lost", lambda device: True)
    monkeypatch.setattr(TrainedNetwork, "build", lambda network: torch.ones(2) + torch.ones(3))
    with pytest.raises(DeviceError, match="device 'cpu' has failed"):
        subject.test_probabilities(network)


def test_a_network_that_diverges_is_an_outcome(digits, monkeypatch):
    original = nn.functional.cross_entropy
    calls = []

    def exploding(*arguments):
        calls.append(1)
        return original(*arguments) * (float("nan") if len(calls) > 60 else 1)

    monkeypatch.setattr("trainers.steps.cross_entropy", exploding)
    result = trainer(digits, attempts=1).train(NETWORK, seed=0)
    assert result.outcome is Outcome.DIVERGED
    assert "training loss nan in epoch 4" in result.message


def test_a_rate_that_is_too_high_is_lowered_before_the_network_is_given_up(digits):
    reports = []
    result = trainer(digits, learning_rate=1e4, attempts=2).train(NETWORK, seed=0, on_epoch=reports.append)
    assert result.outcome is Outcome.CHANCE
    assert [report.learning_rate for report in reports] == pytest.approx([1e4, 4e3])


def test_without_test_images_there_is_no_trainer(digits):
    bare = replace(digits, test_images=digits.test_images[:0], test_labels=digits.test_labels[:0])
    with pytest.raises(DatasetError, match="data set 'digits' has no test images"):
        trainer(bare)
