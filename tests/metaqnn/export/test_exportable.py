"""What is exported from a real search, and what is said if that is not possible."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch

from metaqnn.cli import main
from metaqnn.export import ExportError, ranked, searched
from metaqnn.export.check import Evidence
from metaqnn.session.preparation import OtherImagesError
from trainers import Checkpoint, EpochReport, load_dataset
from trainers.checkpoint import SavedTraining
from trainers.weights import TrainedNetwork, WeightsError


def test_ranks_are_those_of_top(reader):
    best = [row["number"] for row in reader.top(3)]
    assert [ranked(reader, rank) for rank in (1, 2, 3)] == best
    with pytest.raises(ExportError, match=r"--rank is 99, but the search has trained \d+ networks"):
        ranked(reader, 99)


def test_a_network_of_the_search_with_its_facts(trained_run, reader):
    number = ranked(reader, 1)
    exportable, row = searched(trained_run, reader, number), reader.network(number)
    card = exportable.card
    assert (card.network, card.architecture, card.parameters) == (
        number,
        row["architecture"],
        row["parameters"],
    )
    assert (card.macs, card.validation_accuracy) == (row["macs"], row["final_accuracy"])
    assert (card.dataset, card.classes, card.input_shape) == ("digits", tuple("0123456789"), (1, 8, 8))
    assert (card.weights_from, card.test_accuracy) == ("search", None)
    assert exportable.evidence.accuracy == row["final_accuracy"]
    assert len(exportable.evidence.images) == card.validation_images == 100


def test_the_evidence_is_what_the_search_validated_on(trained_run, reader):
    """The trained network reaches on it, to the image, what the search saw, which other images would not."""
    exportable = searched(trained_run, reader, ranked(reader, 1))
    images = torch.from_numpy(exportable.evidence.images).float()
    normalise = exportable.normalisation.prepared(exportable.evidence.images.shape[1:], torch.device("cpu"))
    with torch.no_grad():
        found = exportable.network.build().eval()(normalise(images).permute(0, 3, 1, 2)).argmax(1).numpy()
    correct = (found == exportable.evidence.labels).sum()
    assert abs(correct - 100 * exportable.evidence.accuracy) <= 1
    training = load_dataset("digits").train_images[:300]
    assert exportable.normalisation.mean[0] == pytest.approx(training.mean(), rel=0.05)


def test_weights_that_were_not_kept(trained_run, reader, kept):
    number = next(row["number"] for row in reader.top(100) if row["number"] not in kept(trained_run))
    with pytest.raises(ExportError) as refusal:
        searched(trained_run, reader, number)
    assert str(refusal.value) == (
        f"the weights of network {number} were not kept; there are weights of "
        f"{', '.join(map(str, kept(trained_run)))} (run --keep-weights K keeps more); or train it again: "
        f"metaqnn finetune {trained_run.path} --networks {number}, then export it with --finetuned"
    )


@pytest.fixture
def waiting(run, kept):
    """A network of three epochs whose weights are in its checkpoint only: its number, and the file.

    As a full disk leaves them, or a kill between a network's result and its weights.
    """
    number = kept(run)[0]
    weights = run.path / "weights" / f"network-{number}.pt"
    network = TrainedNetwork.read(weights)
    weights.unlink()
    reports = tuple(EpochReport(1, 1e-3, epoch, network.accuracy, 1.0, 0.1) for epoch in (1, 2, 3))
    checkpoint = run.path / "checkpoints" / weights.name
    Checkpoint(checkpoint).save(SavedTraining(reports, 1.0, network.weights, {}), {})
    return number, checkpoint


def test_weights_that_wait_in_a_checkpoint_are_saved_by_a_resume(run, waiting):
    number, _ = waiting
    with closing(run.reader()) as reader, pytest.raises(ExportError) as refusal:
        searched(run, reader, number)
    assert str(refusal.value) == (
        f"the weights of network {number} are still in its checkpoint; "
        f"metaqnn run --resume {run.path} saves them"
    )
    assert main(["run", "--resume", str(run.path), "--quiet"]) == 0
    with closing(run.reader()) as reader:
        assert searched(run, reader, number).card.network == number


@pytest.mark.parametrize("damage", ["cut", "begun", "earlier"])
def test_a_checkpoint_without_the_last_epoch_is_no_weights(run, waiting, damage):
    number, file = waiting
    saved = Checkpoint(file).load(None)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    elif damage == "begun":
        Checkpoint(file).begin({})
    else:
        Checkpoint(file).save(replace(saved, reports=saved.reports[:2]), {})
    with closing(run.reader()) as reader, pytest.raises(ExportError) as refusal:
        searched(run, reader, number)
    assert str(refusal.value).startswith(f"the weights of network {number} were not kept; there are weights")
    assert f"train it again: metaqnn finetune {run.path} --networks {number}, then" in str(refusal.value)


def test_a_network_that_was_stopped_or_none_kept(run, kept):
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute("UPDATE networks SET outcome = 'stopped' WHERE number = 1")
    shutil.rmtree(run.path / "weights")
    refusal = pytest.raises(
        ExportError, match=r"network 1 was not trained to the end \(stopped\); no weights are kept"
    )
    with closing(run.reader()) as reader, refusal:
        searched(run, reader, 1)


def test_the_weights_of_another_network(run, kept):
    numbers = kept(run)
    first, second = (run.path / "weights" / f"network-{number}.pt" for number in numbers[:2])
    shutil.copy(second, first)
    with closing(run.reader()) as reader, pytest.raises(ExportError, match="holds the weights of"):
        searched(run, reader, numbers[0])


def test_a_damaged_file_of_weights(run, kept):
    number = kept(run)[0]
    (run.path / "weights" / f"network-{number}.pt").write_bytes(b"x" * 100)
    refusal = pytest.raises(WeightsError, match="holds no trained network")
    with closing(run.reader()) as reader, refusal:
        searched(run, reader, number)


def test_other_images_than_those_of_the_search(run, kept):
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute("UPDATE searches SET data_fingerprint = ?", ("f" * 64,))
    refusal = pytest.raises(OtherImagesError, match=r"'digits' is not the one .* not ffffff")
    with closing(run.reader()) as reader, refusal:
        searched(run, reader, kept(run)[0])


@pytest.mark.parametrize(
    ("errors", "trained_for", "warning"),
    [
        (3, "accuracy", ""),
        (4, "accuracy", ": network 7 is NOT clearly better than that"),
        (40, "balanced-accuracy", ""),
    ],
)
def test_accuracies_are_compared_with_a_constant_guess(make_random, errors, trained_for, warning):
    """By hand: 0.75 + 2.326 sqrt(0.75 * 0.25 / 40) = 0.909, which 36 of 40 test images do not pass."""
    known = make_random()
    labels = np.array([0] * 30 + [1, 2] * 5)
    evidence = Evidence("test", known.evidence.images, labels, 1 - errors / 40)
    candidate = replace(known, evidence=evidence, card=replace(known.card, metric=trained_for))
    assert candidate.guess_text == f"always guessing the commonest class: 75.00%{warning}"
