import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from state_space import Architecture
from trainers import (
    Checkpoint,
    DatasetError,
    DeviceError,
    ImageDataset,
    Outcome,
)

SMALL = Architecture.parse("[C(8,3,1), C(16,3,1), D(1,2), P(2,2), C(16,3,1), GAP(10), SM(10)]")
LEARNER = Architecture.parse("[C(8,3,1), P(2,2), FC(32), D(2,2), SM(10)]")
NAMES = tuple("0123456789")
EMPTY = np.zeros((0, 8, 8, 1), np.uint8), np.zeros(0, np.int64)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_digits_are_learned(trainer, digits, precision):
    subject = trainer(digits, epochs=6, chance_factor=1.5, validation_size=297, precision=precision)
    result = subject.train(LEARNER, seed=0)
    assert result.outcome is Outcome.COMPLETED
    assert len(result.curve) == 6
    assert result.curve[-1] > 0.9


def test_the_same_seed_gives_the_same_curve_to_the_bit_whatever_ran_before(trainer, noise):
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


def test_random_state_outside_is_left_alone(trainer, noise):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    before = np.random.get_state()[1].copy()
    trainer(noise).train(SMALL, seed=0)
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(np.random.get_state()[1], before)


def test_an_epoch_is_a_function_of_the_state(trainer, noise):
    """What a checkpoint needs: weights, optimizer state, attempt and epoch carry a training on."""
    subject = trainer(noise)
    whole, part, resumed = (subject.start(SMALL, seed=0) for _ in range(3))
    expected = [subject.train_epoch(whole, seed=0).loss for _ in range(3)]
    subject.train_epoch(part, seed=0)
    resumed.network.load_state_dict(part.network.state_dict())
    resumed.optimizer.load_state_dict(part.optimizer.state_dict())
    resumed.epoch = part.epoch
    assert [subject.train_epoch(resumed, seed=0).loss for _ in range(2)] == expected[1:]


def test_every_epoch_is_reported_with_its_rate(trainer, noise):
    reports = []
    subject = trainer(noise, epochs=4, learning_rate=1e-3, decay_every=2)
    result = subject.train(SMALL, seed=0, on_epoch=reports.append)
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert [report.learning_rate for report in reports] == pytest.approx([1e-3, 1e-3, 2e-4, 2e-4])
    assert tuple(report.accuracy for report in reports) == result.curve
    assert (result.outcome, result.attempt, result.learning_rate) == (Outcome.COMPLETED, 1, 1e-3)
    assert 0 < sum(report.seconds for report in reports) <= result.seconds


def test_the_callback_stops_the_training(trainer, noise):
    result = trainer(noise, epochs=9).train(SMALL, seed=0, on_epoch=lambda report: report.epoch == 2)
    assert result.outcome is Outcome.STOPPED
    assert len(result.curve) == 2


def test_a_network_at_chance_is_tried_at_falling_rates_and_then_given_up(trainer, noise):
    reports = []
    options = {"chance": "published", "chance_factor": 10.0}  # nothing beats 10 / 10
    subject = trainer(noise, attempts=3, learning_rate=1e-3, **options)
    result = subject.train(SMALL, seed=0, on_epoch=reports.append)
    assert [(report.attempt, report.epoch) for report in reports] == [(1, 1), (2, 1), (3, 1)]
    assert [report.learning_rate for report in reports] == pytest.approx([1e-3, 4e-4, 1.6e-4])
    assert result.outcome is Outcome.CHANCE
    assert (result.attempt, result.curve) == (3, (reports[-1].accuracy,))
    assert result.learning_rate == pytest.approx(1.6e-4)


def test_few_steps_are_no_reason_to_give_a_network_up(trainer, noise):
    """7 steps an epoch, 21 in all."""
    assert trainer(noise, chance_factor=10.0).train(SMALL, seed=0).outcome is Outcome.COMPLETED


def test_a_rate_that_is_too_high_is_rescued_by_a_restart(trainer, digits):
    subject = trainer(digits, learning_rate=3.0, retry_factor=1e-3, chance_factor=1.5, validation_size=297)
    result = subject.train(SMALL, seed=0)
    assert (result.outcome, result.attempt) == (Outcome.COMPLETED, 2)
    assert result.learning_rate == pytest.approx(3e-3)
    assert result.curve[-1] > 0.5


def test_accuracy_equal_to_the_limit_counts_as_chance(trainer, noise):
    """With 100 validation images an accuracy is a multiple of 1/100; the limit is set to the one reached."""
    reached = trainer(noise, epochs=1).train(SMALL, seed=0).curve[0]
    assert reached > 0
    at, below = (
        trainer(noise, epochs=1, attempts=1, chance="published", chance_factor=10 * limit)
        .train(SMALL, seed=0)
        .outcome
        for limit in (reached, reached - 0.001)
    )
    assert (at, below) == (Outcome.CHANCE, Outcome.COMPLETED)


def test_divergence_in_the_first_epoch_restarts(trainer, noise):
    result = trainer(noise, learning_rate=1e30, attempts=2).train(SMALL, seed=0)
    assert (result.outcome, result.attempt) == (Outcome.CHANCE, 2)


def test_divergence_later_ends_the_training(trainer, noise):
    subject = trainer(noise, epochs=5, decay_factor=1e33, decay_every=1)
    result = subject.train(SMALL, seed=0)
    assert result.outcome is Outcome.DIVERGED
    assert 2 <= len(result.curve) < 5


def test_what_does_not_fit_is_tried_once_more_in_half_batches(trainer, noise, monkeypatch, tmp_path):
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


def test_running_out_of_memory_is_an_outcome(trainer, noise, monkeypatch):
    def fail(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr("trainers.steps.cross_entropy", fail)
    result = trainer(noise).train(SMALL, seed=0)
    assert (result.outcome, result.curve) == (Outcome.OUT_OF_MEMORY, ())
    assert "can't allocate memory" in result.message


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError])
def test_errors_of_the_callback_pass_through(trainer, noise, error):
    def fail(_):
        raise error

    with pytest.raises(error):
        trainer(noise).train(SMALL, seed=0, on_epoch=fail)


def test_test_images_are_never_touched(trainer, noise):
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


def test_bad_arguments_are_refused_at_once(trainer, noise):
    with pytest.raises(DatasetError, match="0"):
        trainer(noise, validation_size=0)
    with pytest.raises(DeviceError, match="-1"):
        trainer(noise, threads=-1)
    with pytest.raises(DeviceError, match="'half'"):
        trainer(noise, precision="half")
