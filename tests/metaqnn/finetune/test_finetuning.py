"""The order of long trainings, what survives an interruption, and that failures do not end them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from metaqnn.finetune import Candidate, Finetuning, FinetuningError, FinetuningFiles
from trainers import Checkpoint, Outcome, TrainingResult
from trainers.chance import Chance
from trainers.weights import TrainedNetwork

SMALL = Candidate(4, "[C(16,3,1), P(2,2), SM(10)]", 1000, 0.9)
OTHER = Candidate(2, "[C(16,3,1), SM(10)]", 1000, 0.8)


class Killed(BaseException):
    """Stands for the end of the process."""


def nothing(*_):
    """Hear epochs and do nothing."""


@pytest.fixture
def new_finetuning(new_trainer, new_files):
    def make(candidates=(SMALL, OTHER), seeds=1, **recipe):
        trainer = new_trainer(**recipe)
        return Finetuning(trainer, new_files(trainer), candidates, seeds, search_seed=3)

    return make


def outcome(finetuning, candidate, seed=0):
    """Everything that must not depend on interruptions."""
    result = finetuning.files.result(candidate.number, seed)
    weights = TrainedNetwork.read(finetuning.files.weights(candidate.number, seed)).weights
    return (
        replace(result, seconds=0.0, ended_at=None),
        weights,
        finetuning.files.probabilities(candidate.number, seed),
    )


def same(first, second):
    (result, weights, probabilities), (other_result, other_weights, other_probabilities) = first, second
    assert result == other_result
    assert all(torch.equal(weights[name], other_weights[name]) for name in weights)
    assert np.array_equal(probabilities, other_probabilities)


def test_the_first_training_of_each_network_comes_before_the_second_of_any(new_finetuning):
    order = []
    finetuning = new_finetuning(seeds=2)
    finetuning.run(lambda candidate, seed, report: order.append((seed, candidate.number, report.epoch)))
    assert order == [(seed, number, epoch) for seed in (0, 1) for number in (4, 2) for epoch in range(1, 7)]


def test_a_result_is_what_the_stored_network_answers(new_finetuning, digits):
    finetuning = new_finetuning([SMALL])
    finetuning.run(nothing)
    result = finetuning.files.result(4, 0)
    network = TrainedNetwork.read(finetuning.files.weights(4, 0))
    images = digits.test_images.astype(np.float64)
    images -= images.mean((1, 2, 3), keepdims=True)
    images /= images.std((1, 2, 3), keepdims=True)
    with torch.inference_mode():
        found = (
            network.build().eval()(torch.from_numpy(images.transpose(0, 3, 1, 2)).float()).argmax(1).numpy()
        )
    assert result.test_errors == (found != digits.test_labels).sum()
    assert result.test_images == len(digits.test_labels)
    assert len(result.training_accuracies) == 6
    assert network.accuracy == result.training_accuracies[-1]


def test_what_has_ended_is_not_trained_again(new_finetuning):
    new_finetuning([SMALL]).run(nothing)
    heard = []
    more = new_finetuning([SMALL, OTHER])
    assert more.missing() == [(OTHER, 0)]
    more.run(lambda candidate, seed, report: heard.append(candidate))
    assert set(heard) == {OTHER}
    assert more.missing() == []


@pytest.mark.parametrize("epoch", [1, 4, 6])
def test_killed_after_any_epoch_it_ends_as_if_nothing_had_happened(new_finetuning, epoch):
    finetuning = new_finetuning([SMALL])

    def die(candidate, seed, report):
        if report.epoch == epoch:
            raise Killed

    with pytest.raises(Killed):
        finetuning.run(die)
    assert finetuning.files.result(4, 0) is None
    saved = finetuning.files.checkpoint(4, 0).load(None)
    assert saved.reports[-1].epoch == epoch
    finetuning.run(nothing)
    resumed = outcome(finetuning, SMALL)
    for file in finetuning.files.folder.glob("network-*"):
        file.unlink()
    finetuning.run(nothing)
    same(resumed, outcome(finetuning, SMALL))
    assert not list((finetuning.files.folder / "checkpoints").iterdir())


def test_killed_before_its_result_is_written_it_needs_no_further_epoch(new_finetuning, monkeypatch):
    finetuning = new_finetuning([SMALL])

    def die(*_):
        raise Killed

    monkeypatch.setattr("metaqnn.finetune.files.write_whole", die)
    with pytest.raises(Killed):
        finetuning.run(nothing)
    monkeypatch.undo()
    monkeypatch.setattr(type(finetuning.trainer), "train_epoch", die)
    finetuning.run(nothing)
    assert finetuning.files.result(4, 0).outcome == "completed"


def test_trainings_of_a_network_differ_and_do_not_depend_on_the_others(new_finetuning):
    both = new_finetuning(seeds=2)
    both.run(nothing)
    first, second = (both.files.result(2, seed).training_accuracies for seed in (0, 1))
    assert first != second
    kept = outcome(both, OTHER, 1)
    for file in both.files.folder.glob("network-*"):
        file.unlink()
    alone = new_finetuning([OTHER], seeds=2)
    alone.run(nothing)
    same(kept, outcome(alone, OTHER, 1))


def test_a_failed_training_is_a_result_and_the_next_network_is_trained(new_finetuning, monkeypatch):
    from trainers.steps import cross_entropy

    steps = []

    def exploding(*arguments):
        steps.append(1)
        return cross_entropy(*arguments) * (float("nan") if 30 < len(steps) <= 50 else 1)

    monkeypatch.setattr("trainers.steps.cross_entropy", exploding)  # in the second epoch, of 25 steps each
    finetuning = new_finetuning()
    finetuning.run(nothing)
    failed, other = finetuning.files.result(4, 0), finetuning.files.result(2, 0)
    assert (failed.outcome, failed.test_errors) == ("diverged", None)
    assert other.outcome == "completed"
    assert other.test_errors is not None
    assert finetuning.missing() == []


def test_a_network_that_collapsed_on_the_way_is_a_failure(new_finetuning, monkeypatch):
    """Its loss stays finite, so that the training goes on to the end."""
    finetuning = new_finetuning([SMALL], learning_rate=0.025)
    train_epoch = type(finetuning.trainer).train_epoch

    def collapsing(self, state, *, seed):
        if state.epoch == 2:
            for parameter in state.network.parameters():
                parameter.data.zero_()
        return train_epoch(self, state, seed=seed)

    monkeypatch.setattr(type(finetuning.trainer), "train_epoch", collapsing)
    finetuning.run(nothing)
    result = finetuning.files.result(4, 0)
    assert (result.outcome, result.test_errors, len(result.training_accuracies)) == ("chance", None, 6)
    assert ", is no better than chance, 0.1500" in result.message
    assert not finetuning.files.weights(4, 0).exists()


def test_outputs_that_are_no_numbers_are_a_failure(new_finetuning, monkeypatch):
    finetuning = new_finetuning([SMALL])
    rows = len(finetuning.trainer.test_labels)
    answer = np.full((rows, 10), np.nan, dtype=np.float32)
    monkeypatch.setattr(type(finetuning.trainer), "test_probabilities", lambda *_: answer)
    finetuning.run(nothing)
    result = finetuning.files.result(4, 0)
    assert (result.outcome, result.test_errors) == ("diverged", None)
    assert "not finite" in result.message
    assert not finetuning.files.weights(4, 0).exists()


def test_a_last_epoch_that_could_not_be_saved_is_one_line(new_finetuning, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoint, "save", full)
    with pytest.raises(FinetuningError, match="last epochs of network 4 could not be saved"):
        new_finetuning([SMALL]).run(nothing)


@pytest.fixture
def ended_as(tmp_path):
    """ended_as(outcome, curve, attempt, precision): a finetuning whose network 4 ended so, untrained."""
    (tmp_path / "checkpoints").mkdir()

    def make(outcome, curve, attempt=1, precision="float32", seed=0):
        trainer = SimpleNamespace(
            chance=Chance(0.1, 0.15), test_labels=np.zeros(9), device="cpu", precision_name=precision,
            train=lambda *_, **__: TrainingResult(outcome, curve, 0.02, attempt, 1.0, "said why"),
        )  # fmt: skip
        finetuning = Finetuning(trainer, FinetuningFiles(tmp_path), [SMALL], seed + 1, search_seed=3)
        finetuning.run(nothing)
        return finetuning

    return make


def test_an_accuracy_that_is_just_that_of_chance_is_a_failure(ended_as):
    result = ended_as(Outcome.COMPLETED, (0.5, 0.15)).files.result(4, 0)
    assert (result.outcome, result.training_accuracies) == ("chance", [0.5, 0.15])


def test_a_failure_is_told_with_the_attempt_and_its_rate(ended_as):
    result = ended_as(Outcome.DIVERGED, (0.5,), attempt=3).files.result(4, 0)
    assert (result.outcome, result.message) == ("diverged", "said why")
    assert (result.attempt, result.learning_rate, result.test_images) == (3, 0.02, 9)


def test_results_of_another_precision_are_told_apart(ended_as):
    ended_as(Outcome.DIVERGED, (0.5,), precision="bfloat16")
    both = ended_as(Outcome.DIVERGED, (0.5,), precision="float32", seed=1)
    assert [result.seed for result in both.of_other_precision()] == [0]


def test_what_a_kill_after_the_result_left_is_removed(ended_as):
    finetuning = ended_as(Outcome.DIVERGED, (0.5,))
    left = finetuning.files.checkpoint(4, 0).path
    left.write_bytes(b"of the last epoch")
    finetuning.run(nothing)
    assert not left.exists()


def test_a_training_of_another_network_with_that_number_is_not_taken_for_it(ended_as):
    finetuning = ended_as(Outcome.DIVERGED, (0.5,))
    again = replace(finetuning, candidates=[replace(SMALL, architecture="[SM(10)]")])
    for ask in (again.missing, again.of_other_precision, lambda: again.run(nothing)):
        with pytest.raises(FinetuningError, match="which is not network 4 of the search"):
            ask()
