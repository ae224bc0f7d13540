"""Networks of a real search with the weights of their long trainings."""

import json
import os
import shutil
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch

from metaqnn.cli import main
from metaqnn.database.queries import UnknownNetworkError
from metaqnn.export import Exportable, ExportError, ensemble, export_network, finetuned, searched
from metaqnn.export.exported import exported
from metaqnn.export.formats import load_source
from metaqnn.finetune import FinetuningFiles, FinetuningResult
from metaqnn.session.run_folder import RunFolder
from state_space import Architecture
from trainers import load_dataset
from trainers.weights import TrainedNetwork


def finetune(
    run, number, seed, errors, folder="30-epochs-0", shares=None, ended_at=None, tests=359, test_data=None
):
    """What a long training leaves, of the weights that the search has kept.

    Without a time, it is one of an earlier version, which stored none; likewise without `test_data`, the
    fingerprint of the test images, `tests` of them.
    """
    network = TrainedNetwork.read(run.path / "weights" / f"network-{number}.pt")
    with closing(run.reader()) as reader:
        normalisation = searched(run, reader, number).normalisation
    files = FinetuningFiles(run.path / "finetune" / folder)
    files.folder.mkdir(parents=True, exist_ok=True)
    (files.folder / "settings.json").write_text(
        json.dumps({"data": "0" * 64, **({} if test_data is None else {"test_data": test_data})})
    )
    result = FinetuningResult(
        network=number, seed=seed, architecture=network.architecture, outcome="completed", message="",
        attempt=1, learning_rate=0.1, training_accuracies=[0.9] * 30, test_errors=errors, test_images=tests,
        seconds=1.0, device="cpu", precision="float32", ended_at=ended_at,
    )  # fmt: skip
    trained = TrainedNetwork(
        network.architecture, network.input_shape, 10, 0.9, network.weights, normalisation
    )
    if errors is None:
        files.store(result, None, None)
    else:
        files.store(result, trained, np.zeros((tests, 10), np.float32) if shares is None else shares)


def test_finetuned_weights_come_with_their_test_accuracy(run, kept):
    number = kept(run)[0]
    finetune(run, number, 0, 36)
    with closing(run.reader()) as reader:
        exportable = finetuned(run, reader, number)
    assert isinstance(exportable, Exportable)
    assert exportable.evidence.part == "test"
    assert len(exportable.evidence.images) == exportable.card.test_images == 359
    assert exportable.evidence.accuracy == exportable.card.test_accuracy == pytest.approx(1 - 36 / 359)
    assert exportable.card.training == "`metaqnn finetune`, 30 epochs, recipe 30-epochs-0, its seed 0"
    assert exportable.card.data_fingerprint == "0" * 64  # of all images that it was trained on
    np.testing.assert_array_equal(exportable.evidence.images, load_dataset("digits").test_images)


def test_a_network_that_the_search_did_not_train_has_no_validation_accuracy(run, kept):
    """As one that a tuning has given batch normalisation."""
    number = kept(run)[0]
    finetune(run, number, 0, 36)
    file = FinetuningFiles(run.path / "finetune" / "30-epochs-0").weights(number, 0)
    with closing(run.reader()) as reader:
        card = finetuned(run, reader, number).card
        assert card.validation_accuracy == reader.network(number)["final_accuracy"]
        tuned = str(Architecture.parse(card.architecture).normalised())
        replace(TrainedNetwork.read(file), architecture=tuned).save(file)
        card = finetuned(run, reader, number).card
    assert (card.architecture, card.validation_accuracy) == (tuned, None)


def test_the_first_seed_that_did_not_fail_is_taken_and_not_the_best(run, kept):
    number = kept(run)[0]
    for seed, errors in enumerate((None, 40, 10)):
        finetune(run, number, seed, errors)
    with closing(run.reader()) as reader:
        assert finetuned(run, reader, number).card.training.endswith("seed 1")


def test_a_long_training_that_failed_is_not_said_to_be_missing(run, kept):
    number = kept(run)[0]
    finetune(run, number, 0, None)
    with (
        closing(run.reader()) as reader,
        pytest.raises(ExportError, match=r"the long training of network \d+ failed"),
    ):
        finetuned(run, reader, number)


def test_the_newest_recipe_that_has_the_network_is_taken(run, kept):
    first, second = kept(run)
    finetune(run, first, 0, 40, "30-epochs-old")
    finetune(run, first, 0, 10, "30-epochs-new")
    finetune(run, second, 0, 5, "30-epochs-other-network")
    for age, name in enumerate(("old", "new", "other-network")):
        touched(run, f"30-epochs-{name}", 1e9 + age)
    with closing(run.reader()) as reader:
        assert finetuned(run, reader, first).card.test_accuracy == pytest.approx(1 - 10 / 359)


def touched(run, folder, time):
    """The files of a recipe, as if written then."""
    for file in (run.path / "finetune" / folder).iterdir():
        os.utime(file, (time, time))


def test_the_recipe_by_which_a_training_ended_last_is_taken_whatever_was_written_or_copied_later(run, kept):
    first, second = kept(run)
    finetune(run, first, 0, 40, "30-epochs-former", ended_at=1000.0)
    finetune(run, first, 0, 10, "30-epochs-last", ended_at=2000.0)
    finetune(run, second, 0, 5, "30-epochs-former", ended_at=3000.0)
    touched(run, "30-epochs-last", 1e9)  # the other one was copied, or named by a command, later
    with closing(run.reader()) as reader:
        exportable = finetuned(run, reader, first)
        assert finetuned(run, reader, second).card.test_accuracy == pytest.approx(1 - 5 / 359)
    assert exportable.card.test_accuracy == pytest.approx(1 - 10 / 359)


def test_trainings_of_earlier_versions_are_older_than_all_with_a_time_and_ordered_by_their_files(run, kept):
    first, second = kept(run)
    for age, name in enumerate(("b", "c", "a")):
        finetune(run, first, 0, 10 + age, f"30-epochs-{name}")
        touched(run, f"30-epochs-{name}", 1e9 + age)
    (run.path / "finetune" / "30-epochs-b" / "settings.json").touch()  # as every command of them did
    finetune(run, second, 0, 20, "30-epochs-a")
    finetune(run, second, 0, 30, "30-epochs-d", ended_at=1e8)
    with closing(run.reader()) as reader:
        assert finetuned(run, reader, first).card.test_accuracy == pytest.approx(1 - 12 / 359)
        assert finetuned(run, reader, second).card.test_accuracy == pytest.approx(1 - 30 / 359)


def test_another_recipe_can_be_chosen(run, kept):
    number = kept(run)[0]
    finetune(run, number, 0, 40, "30-epochs-former", ended_at=1000.0)
    finetune(run, number, 0, 10, "30-epochs-last", ended_at=2000.0)
    with closing(run.reader()) as reader:
        exportable = finetuned(run, reader, number, recipe="30-epochs-former")
        refusal = pytest.raises(
            ExportError, match=r"no recipe '30-epochs-none'.*30-epochs-last, 30-epochs-for"
        )
        with refusal:
            finetuned(run, reader, number, recipe="30-epochs-none")
    assert exportable.card.test_accuracy == pytest.approx(1 - 40 / 359)
    assert "recipe 30-epochs-former" in exportable.card.training


def test_a_network_that_was_not_finetuned(trained_run, reader):
    with pytest.raises(ExportError) as refusal:
        finetuned(trained_run, reader, 1)
    assert str(refusal.value) == (
        f"network 1 has not been finetuned: metaqnn finetune {trained_run.path} --networks 1 does that; "
        "without --finetuned the weights of the search are exported"
    )


def test_all_finetuned_networks_together_are_exported_as_one(run, kept, reference, in_unit, tmp_path):
    """Two networks, by the softmax outputs that the trainers compute on the test images."""
    dataset, shares = load_dataset("digits"), {}
    for number in kept(run):
        with closing(run.reader()) as reader:
            alone = searched(run, reader, number)
        logits = reference(alone.network, alone.normalisation, dataset.test_images)
        shares[number] = logits.softmax(1).numpy()
        errors = int((shares[number].argmax(1) != dataset.test_labels).sum())
        finetune(run, number, 0, errors, shares=shares[number])
    (run.path / "finetune" / "30-epochs-0" / "network-old-seed-0.json").write_text("somebody's own")
    mean = np.mean(list(shares.values()), axis=0)
    with closing(run.reader()) as reader:
        exportable = ensemble(run, reader)
        rows = [reader.network(number) for number in kept(run)]
    accuracy = float((mean.argmax(1) == dataset.test_labels).mean())
    assert (exportable.card.test_accuracy, exportable.card.test_images) == (accuracy, 359)
    assert exportable.card.members == {str(row["number"]): row["architecture"] for row in rows}
    assert exportable.card.parameters == sum(row["parameters"] for row in rows)
    assert exportable.card.data_fingerprint == "0" * 64
    facts = export_network(exportable, tmp_path / "both", ["pt2", "onnx"])
    assert facts["files"]["model.py"]["correct"] == pytest.approx(359 * accuracy, abs=2)
    with torch.no_grad():
        network = load_source(tmp_path / "both").load()
        np.testing.assert_allclose(network(in_unit(dataset.test_images)).softmax(1), mean, atol=1e-4)
    classifier = exported(tmp_path / "both")
    found = classifier._probabilities(classifier.network.build().eval(), dataset.test_images)
    np.testing.assert_allclose(found, mean, atol=1e-4)
    readme = (tmp_path / "both" / "README.md").read_text()
    assert all(f"| network {row['number']} | `{row['architecture']}` |" in readme for row in rows)
    assert "It is an ensemble of networks of the run" in readme


def test_an_ensemble_of_one_is_refused(run, kept):
    one, other = kept(run)
    finetune(run, one, 0, 40)
    finetune(run, other, 0, None)
    refusal = pytest.raises(ExportError, match="an ensemble needs two finetuned networks: metaqnn finetune ")
    with closing(run.reader()) as reader, refusal:
        ensemble(run, reader)


def test_an_ensemble_may_be_of_chosen_networks_by_the_newest_recipe_that_has_them_all(run, kept):
    first, second = kept(run)
    for number in (first, second):
        finetune(run, number, 0, 40, "30-epochs-both", ended_at=1000.0)
    stranger = run.path / "finetune" / "30-epochs-both" / "network-999-seed-0.json"
    beside = stranger.with_name(f"network-{first}-seed-0.json")
    stranger.write_text(json.dumps({**json.loads(beside.read_text()), "network": 999}))
    finetune(run, first, 0, 40, "30-epochs-one", ended_at=2000.0)
    with closing(run.reader()) as reader:
        card = ensemble(run, reader, networks=[second, first]).card
        third = next(number for number in range(1, 6) if number not in (first, second))
        both = ", ".join(map(str, sorted((first, third))))
        refusal = pytest.raises(ExportError, match=f"no recipe by which all of networks {both} were")
        with refusal:
            ensemble(run, reader, networks=[third, first])
    assert list(card.members) == [str(first), str(second)]
    assert "recipe 30-epochs-both" in card.training


def test_a_member_that_is_no_network_of_the_search_is_said_to_be_none(run, kept):
    for number in kept(run):
        finetune(run, number, 0, 40)
    for networks in ([kept(run)[0], 7777], [7777]):
        with closing(run.reader()) as reader, pytest.raises(UnknownNetworkError, match="no network 7777"):
            ensemble(run, reader, networks=networks)


def test_an_ensemble_that_no_recipe_has_wholly_is_refused_with_what_each_recipe_lacks(run, kept):
    first, second = kept(run)
    finetune(run, first, 0, 40, "30-epochs-older", ended_at=1000.0)
    finetune(run, first, 0, None, "30-epochs-newer", ended_at=2000.0)
    finetune(run, second, 0, 40, "30-epochs-newer", ended_at=3000.0)
    with closing(run.reader()) as reader, pytest.raises(ExportError) as refusal:
        ensemble(run, reader, networks=[second, first])
    assert str(refusal.value) == (
        f"there is no recipe by which all of networks {first}, {second} were finetuned without a failure: "
        f"30-epochs-newer lacks {first} (failed), 30-epochs-older lacks {second}; `metaqnn finetune` with "
        "the options of a recipe and --networks ID... trains those that it lacks"
    )


def test_an_ensemble_of_networks_none_of_which_was_finetuned_is_refused_with_the_command_that_does(run, kept):
    first, second = kept(run)
    with closing(run.reader()) as reader, pytest.raises(ExportError) as refusal:
        ensemble(run, reader, networks=[second, first])
    assert str(refusal.value) == (
        f"none of networks {first}, {second} has been finetuned: "
        f"metaqnn finetune {run.path} --networks {first} {second} does that"
    )


@pytest.mark.parametrize("copies", [1, 2])
def test_an_ensemble_of_one_network_is_refused_also_where_it_is_named_twice(run, kept, copies):
    number = kept(run)[0]
    finetune(run, number, 0, 40)
    with (
        closing(run.reader()) as reader,
        pytest.raises(ExportError, match="an ensemble needs two networks: name "),
    ):
        ensemble(run, reader, networks=[number] * copies)


@pytest.fixture(scope="module")
def without_test(tmp_path_factory):
    """A search of three networks on 300 digits of a file of one's own without test images."""
    folder = tmp_path_factory.mktemp("own")
    own_digits(folder / "mine.npz")
    search = ["--dataset", "mine", "--data-dir", str(folder), "--schedule", "1.0:3"]
    search += ["--epochs", "2", "--image-size", "8"]
    here = ["--device", "cpu", "--threads", "1", "--keep-weights", "2", "--layer-limit", "3", "--quiet"]
    assert main(["run", "--run-dir", str(folder / "run"), *search, *here, "--no-early-stopping"]) == 0
    return folder


def own_digits(file, tests=slice(0)):
    """Write digits, some of the test images among them; returns the data set."""
    digits = load_dataset("digits")
    parts = {"x_test": digits.test_images[tests], "y_test": digits.test_labels[tests]}
    parts = parts if len(parts["y_test"]) else {}
    np.savez(file, x_train=digits.train_images[:300], y_train=digits.train_labels[:300], **parts)
    return load_dataset("mine", data_dir=file.parent)


@pytest.fixture
def own(without_test, tmp_path):
    """A copy of that search, and of the file of its data set."""
    shutil.copytree(without_test, tmp_path / "own")
    run, file = RunFolder(tmp_path / "own" / "run"), tmp_path / "own" / "mine.npz"
    return run, file


def finetune_both(run, kept, dataset, reference, **known):
    """Long trainings of the kept networks, with what these really give on the test images."""
    for number in kept(run):
        network = TrainedNetwork.read(run.path / "weights" / f"network-{number}.pt")
        with closing(run.reader()) as reader:
            normalisation = searched(run, reader, number, run.path.parent).normalisation
        shares = reference(network, normalisation, dataset.test_images).softmax(1).numpy()
        errors = int((shares.argmax(1) != dataset.test_labels).sum())
        tests = len(dataset.test_labels)
        finetune(run, number, 0, errors, shares=shares, tests=tests, **known)


OTHERS = [(slice(0, 80), "60 of them, now 80"), (slice(60, 120), "as many"), (slice(0), "60 of them, now 0")]


@pytest.mark.parametrize("words", [["--finetuned"], ["--ensemble"]])
@pytest.mark.parametrize(("now", "said"), OTHERS)
def test_an_export_is_refused_where_the_test_images_are_no_longer_those_of_the_long_training(
    own, kept, reference, tmp_path, capsys, words, now, said
):
    run, file = own
    then = own_digits(file, slice(60))
    finetune_both(run, kept, then, reference, test_data=then.test_fingerprint)
    own_digits(file, now)
    network = [] if "--ensemble" in words else ["--network", str(kept(run)[0])]
    place = ["--data-dir", str(file.parent), "--to", str(tmp_path / "export")]
    assert main(["export", str(run.path), *words, *network, *place]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "the test images are no longer those of recipe 30-epochs-0" in error
    assert said in error
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("words", [["--finetuned"], ["--ensemble"]])
@pytest.mark.parametrize("stored", [True, False])
def test_an_export_is_written_where_the_test_images_are_those_of_the_long_training_as_far_as_is_known(
    own, kept, reference, tmp_path, words, stored
):
    run, file = own
    dataset = own_digits(file, slice(60))
    known = {"test_data": dataset.test_fingerprint} if stored else {}
    finetune_both(run, kept, dataset, reference, **known)
    network = [] if "--ensemble" in words else ["--network", str(kept(run)[0])]
    place = ["--data-dir", str(file.parent), "--to", str(tmp_path / "export"), "--formats", "torch"]
    assert main(["export", str(run.path), *words, *network, *place]) == 0
    assert json.loads((tmp_path / "export" / "model.json").read_text())["test_images"] == 60


def test_where_no_fingerprint_of_the_test_images_was_stored_their_number_tells(own, kept, reference):
    run, file = own
    finetune_both(run, kept, own_digits(file, slice(60)), reference)
    own_digits(file, slice(80))
    with closing(run.reader()) as reader, pytest.raises(ExportError, match="60 of them, now 80"):
        ensemble(run, reader, str(file.parent))
    with closing(run.reader()) as reader:  # its weights are what they were
        assert finetuned(run, reader, kept(run)[0], str(file.parent)).card.test_images == 60
