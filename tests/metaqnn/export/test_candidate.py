"""What is exported of a real search, and what is said where that is not possible."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import torch

from metaqnn.export import Candidate, ExportError, finetuned, ranked, searched
from metaqnn.finetune import FinetuningFiles, FinetuningResult
from metaqnn.session.prepare import OtherImagesError
from metaqnn.session.run_folder import RunFolder
from trainers import load_dataset
from trainers.weights import TrainedNetwork, WeightsError


@pytest.fixture
def run(trained_run, tmp_path):
    """A copy, to be changed at will."""
    return RunFolder(shutil.copytree(trained_run.path, tmp_path / "run"))


@pytest.fixture
def reader(trained_run):
    with closing(trained_run.reader()) as reader:
        yield reader


def kept(run):
    return sorted(int(file.stem.rpartition("-")[2]) for file in (run.path / "weights").iterdir())


def test_ranks_are_those_of_top(reader):
    best = [row["number"] for row in reader.top(3)]
    assert [ranked(reader, rank) for rank in (1, 2, 3)] == best
    with pytest.raises(ExportError, match=r"--rank is 99, but \d+ networks have been trained to the end"):
        ranked(reader, 99)


def test_a_network_of_the_search_with_its_facts(trained_run, reader):
    number = ranked(reader, 1)
    candidate, row = searched(trained_run, reader, number), reader.network(number)
    card = candidate.card
    assert (card.network, card.architecture, card.parameters) == (
        number,
        row["architecture"],
        row["parameters"],
    )
    assert (card.macs, card.validation_accuracy) == (row["macs"], row["final_accuracy"])
    assert (card.dataset, card.classes, card.input_shape) == ("digits", tuple("0123456789"), (1, 8, 8))
    assert (card.weights_from, card.test_accuracy) == ("search", None)
    assert candidate.evidence.accuracy == row["final_accuracy"]
    assert len(candidate.evidence.images) == card.validation_images == 100


def test_the_evidence_is_what_the_search_validated_on(trained_run, reader):
    """The trained network reaches on it, to the image, what the search saw, which other images would not."""
    candidate = searched(trained_run, reader, ranked(reader, 1))
    images = torch.from_numpy(candidate.evidence.images).float()
    normalise = candidate.normalisation.prepared(candidate.evidence.images.shape[1:], torch.device("cpu"))
    with torch.no_grad():
        found = candidate.network.build().eval()(normalise(images).permute(0, 3, 1, 2)).argmax(1).numpy()
    correct = (found == candidate.evidence.labels).sum()
    assert abs(correct - 100 * candidate.evidence.accuracy) <= 1
    training = load_dataset("digits").train_images[:300]
    assert candidate.normalisation.mean[0] == pytest.approx(training.mean(), rel=0.05)


def test_weights_that_were_not_kept(trained_run, reader):
    number = next(row["number"] for row in reader.top(100) if row["number"] not in kept(trained_run))
    with pytest.raises(ExportError) as refusal:
        searched(trained_run, reader, number)
    assert str(refusal.value) == (
        f"the weights of network {number} were not among those of the best that were kept; kept are those of "
        f"{', '.join(map(str, kept(trained_run)))} (run --keep-weights K keeps more); or train it again: "
        f"metaqnn finetune {trained_run.path} --networks {number}, then export it with --finetuned"
    )


def test_a_network_that_was_stopped_or_none_kept(run):
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute("UPDATE networks SET outcome = 'stopped' WHERE number = 1")
    shutil.rmtree(run.path / "weights")
    refusal = pytest.raises(
        ExportError, match=r"network 1 was not trained to the end \(stopped\); none are kept"
    )
    with closing(run.reader()) as reader, refusal:
        searched(run, reader, 1)


def test_a_damaged_file_of_weights(run):
    number = kept(run)[0]
    (run.path / "weights" / f"network-{number}.pt").write_bytes(b"x" * 100)
    refusal = pytest.raises(WeightsError, match="holds no trained network")
    with closing(run.reader()) as reader, refusal:
        searched(run, reader, number)


def test_other_images_than_those_of_the_search(run):
    with closing(sqlite3.connect(run.database)) as connection, connection:
        connection.execute("UPDATE searches SET data_fingerprint = ?", ("f" * 64,))
    refusal = pytest.raises(OtherImagesError, match=r"'digits' is not the one .* it was ffffff")
    with closing(run.reader()) as reader, refusal:
        searched(run, reader, kept(run)[0])


def finetune(run, number, seed, errors, folder="30-epochs-0"):
    """What a long training leaves, of the weights that the search has kept."""
    network = TrainedNetwork.read(run.path / "weights" / f"network-{number}.pt")
    with closing(run.reader()) as reader:
        normalisation = searched(run, reader, number).normalisation
    files = FinetuningFiles(run.path / "finetune" / folder)
    files.folder.mkdir(parents=True, exist_ok=True)
    (files.folder / "settings.json").write_text(json.dumps({"data": "0" * 64}))
    result = FinetuningResult(
        network=number, seed=seed, architecture=network.architecture, outcome="completed", message="",
        attempt=1, learning_rate=0.1, training_accuracies=[0.9] * 30, test_errors=errors, test_images=359,
        seconds=1.0, device="cpu", precision="float32",
    )  # fmt: skip
    trained = TrainedNetwork(
        network.architecture, network.input_shape, 10, 0.9, network.weights, normalisation
    )
    if errors is None:
        files.store(result, None, None)
    else:
        files.store(result, trained, np.zeros((359, 10), np.float32))


def test_finetuned_weights_come_with_their_test_accuracy(run):
    number = kept(run)[0]
    finetune(run, number, 0, 36)
    with closing(run.reader()) as reader:
        candidate = finetuned(run, reader, number)
    assert isinstance(candidate, Candidate)
    assert candidate.evidence.part == "test"
    assert len(candidate.evidence.images) == candidate.card.test_images == 359
    assert candidate.evidence.accuracy == candidate.card.test_accuracy == pytest.approx(1 - 36 / 359)
    assert candidate.card.training == "`metaqnn finetune`, 30 epochs, its seed 0"
    np.testing.assert_array_equal(candidate.evidence.images, load_dataset("digits").test_images)


def test_the_first_seed_that_did_not_fail_is_taken_and_not_the_best(run):
    number = kept(run)[0]
    for seed, errors in enumerate((None, 40, 10)):
        finetune(run, number, seed, errors)
    with closing(run.reader()) as reader:
        assert finetuned(run, reader, number).card.training.endswith("seed 1")


def test_the_newest_recipe_that_has_the_network_is_taken(run):
    first, second = kept(run)
    finetune(run, first, 0, 40, "30-epochs-old")
    finetune(run, first, 0, 10, "30-epochs-new")
    finetune(run, second, 0, 5, "30-epochs-other-network")
    for age, name in enumerate(("old", "new", "other-network")):
        os.utime(run.path / "finetune" / f"30-epochs-{name}" / "settings.json", (1e9 + age, 1e9 + age))
    with closing(run.reader()) as reader:
        assert finetuned(run, reader, first).card.test_accuracy == pytest.approx(1 - 10 / 359)


def test_a_network_that_was_not_finetuned(trained_run, reader):
    with pytest.raises(ExportError) as refusal:
        finetuned(trained_run, reader, 1)
    assert str(refusal.value) == (
        f"network 1 has not been finetuned: metaqnn finetune {trained_run.path} --networks 1 does that; "
        "without --finetuned the weights of the search are exported"
    )
