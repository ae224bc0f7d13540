"""Files of long trainings."""

import json
import os
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from metaqnn.finetune import Candidate, Finetuning, FinetuningError, FinetuningFiles, FinetuningResult
from metaqnn.session.run_folder import RunFolder, RunFolderError
from state_space import Architecture
from trainers import load_dataset
from trainers.finetuning import FinetuningTrainer
from trainers.networks import build_network
from trainers.normalisation import Normalisation
from trainers.weights import TrainedNetwork

TEXT = "[C(8,3,1), SM(10)]"
RESULT = FinetuningResult(
    network=17,
    seed=2,
    architecture=TEXT,
    outcome="completed",
    message="trained 6 epochs",
    attempt=1,
    learning_rate=0.025,
    training_accuracies=[0.5, 0.75],
    test_errors=1,
    test_images=4,
    seconds=1.5,
    device="cpu",
    precision="float32",
)
PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(10), 4).astype(np.float32)


@pytest.fixture
def files(new_files, new_trainer):
    return new_files(new_trainer())


@pytest.fixture
def network():
    module = build_network(Architecture.parse(TEXT), (1, 8, 8), 10, torch.Generator().manual_seed(0))
    return TrainedNetwork(TEXT, (1, 8, 8), 10, 0.75, module.state_dict(), Normalisation.global_contrast())


def test_what_is_stored_is_what_is_found(files, network):
    assert files.result(17, 2) is None
    files.store(RESULT, network, PROBABILITIES)
    assert files.result(17, 2) == RESULT
    assert np.array_equal(files.probabilities(17, 2), PROBABILITIES)
    assert TrainedNetwork.read(files.weights(17, 2)).normalisation == Normalisation.global_contrast()
    assert files.result(17, 1) is files.result(2, 17) is None


def test_a_failed_training_leaves_a_result_and_no_network(files):
    failed = replace(RESULT, outcome="diverged", test_errors=None)
    files.store(failed, None, None)
    assert files.result(17, 2) == failed
    assert not files.weights(17, 2).exists()


def test_another_recipe_has_another_folder_and_the_same_one_the_same(
    run_copy, new_trainer, new_files, digits
):
    first = new_files(new_trainer()).folder
    assert first == new_files(new_trainer()).folder
    others = [{"epochs": 7}, {"optimizer": "adam"}, {"weight_decay": 0.0}, {"learning_rate": 0.02}]
    folders = {new_files(new_trainer(**change)).folder for change in others}
    folders.add(FinetuningFiles.of(run_copy, new_trainer(), "other images").folder)
    assert len({first, *folders}) == 6
    settings = json.loads((first / "settings.json").read_text())
    assert (settings["recipe"]["epochs"], settings["data"]) == (6, digits.fingerprint)


def test_the_test_images_are_stored_and_the_folder_is_named_as_by_versions_that_did_not(
    new_trainer, new_files, digits
):
    files = new_files(new_trainer())
    assert files.folder.name == "6-epochs-68da553b"
    fewer = load_dataset("digits", limit=100)
    assert files.test_data() == fewer.test_fingerprint != digits.fingerprint != fewer.fingerprint
    others = replace(digits, test_labels=digits.test_labels[::-1])
    assert others.test_fingerprint != files.test_data()
    for text in ('{"data": "0"}', "[]", "{", '{"test_data": 1}'):
        (files.folder / "settings.json").write_text(text)
        assert files.test_data() is None


def test_while_another_process_trains_its_folder_stays_as_it_is(new_trainer, new_files):
    """Two processes that begin together would write the same file at the same time."""
    settings = new_files(new_trainer()).folder / "settings.json"
    settings.unlink()
    with RunFolder(settings.parent).lock(), pytest.raises(RunFolderError, match="is in use by process"):
        new_files(new_trainer())
    assert not settings.exists()
    assert new_files(new_trainer()).folder == settings.parent
    assert settings.exists()


def test_a_command_that_finds_the_settings_leaves_them_as_they_are(new_trainer, new_files):
    settings = new_files(new_trainer()).folder / "settings.json"
    os.utime(settings, (1e9, 1e9))
    new_files(new_trainer())
    assert settings.stat().st_mtime == 1e9


def test_a_result_of_an_earlier_version_has_no_time_and_a_new_one_has(files, new_trainer, run_copy):
    content = {name: value for name, value in asdict(RESULT).items() if name != "ended_at"}
    (files.folder / "network-17-seed-2.json").write_text(json.dumps(content))
    assert files.result(17, 2).ended_at is None
    candidate = Candidate(3, TEXT, 1, None)
    before = time.time()
    Finetuning(new_trainer(), files, [candidate], 1, 0).run(lambda *report: None)
    assert before <= files.result(3, 0).ended_at <= time.time()


OF_OTHER_TYPES = [
    json.dumps({**asdict(RESULT), name: value})
    for name, value in (
        ("test_errors", "1"),
        ("test_errors", True),
        ("test_images", None),
        ("training_accuracies", None),
        ("training_accuracies", ["0.5"]),
        ("outcome", 3),
        ("ended_at", "yesterday"),
    )
]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "null", '{"network": 17}', '{"network": 1', '{"other": 1}', "[" * 100_000, *OF_OTHER_TYPES],
)
def test_a_damaged_result_is_named_in_one_line(files, content):
    path = files.folder / "network-17-seed-2.json"
    path.write_text(content)
    with pytest.raises(FinetuningError, match="holds no result") as caught:
        files.result(17, 2)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"x" * 200])
def test_damaged_softmax_outputs_are_named_in_one_line(files, network, content):
    files.store(RESULT, network, PROBABILITIES)
    path = files.folder / "network-17-seed-2-test.pt"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FinetuningError, match="holds no softmax outputs"):
        files.probabilities(17, 2)


def test_a_folder_that_cannot_be_written_is_one_line(run_copy, new_trainer, new_files):
    (run_copy.path / "finetune").write_text("in the way")
    with pytest.raises(FinetuningError, match=r"cannot write to .*finetune"):
        new_files(new_trainer())


def test_on_a_full_disk_nothing_counts_as_done(small_disk, fill, new_trainer, network):
    files = FinetuningFiles.of(RunFolder(small_disk), new_trainer(), "data")
    fill(8192)
    large = np.zeros((50000, 10), dtype=np.float32)
    with pytest.raises(FinetuningError, match="No space left on device"):
        files.store(RESULT, network, large)
    assert files.result(17, 2) is None
    (small_disk / "filler").unlink()
    files.store(RESULT, network, large)
    assert files.result(17, 2) == RESULT


def test_results_are_those_of_one_seed_in_the_order_of_the_networks(files):
    for number, seed in ((17, 2), (9, 2), (101, 2), (9, 20), (4, 0)):
        files.store(replace(RESULT, network=number, seed=seed), None, None)
    assert [result.network for result in files.results(2)] == [9, 17, 101]


def test_the_recipe_by_which_a_training_ended_last_comes_first(tmp_path):
    """Files of earlier versions have no time."""
    ended = {"a": {1: 50.0, 2: 10.0}, "b": {1: 30.0}, "c": {1: 20.0, 2: 60.0, 3: 5.0}, "old": {1: None}}
    for name, times in ended.items():
        (tmp_path / "finetune" / name).mkdir(parents=True)
        for number, time_ in times.items():
            result = replace(RESULT, network=number, ended_at=time_)
            FinetuningFiles(tmp_path / "finetune" / name).store(result, None, None)
    orders = {
        number: [found.folder.name for found in FinetuningFiles.newest_first(tmp_path, number)]
        for number in (None, 1, 2, 3, 4)
    }
    assert orders == {None: ["c", "a", "b", "old"], 1: ["a", "b", "c", "old"], 2: ["c", "a"], 3: ["c"], 4: []}


def test_another_metric_than_accuracy_has_another_folder(digits, new_files, new_trainer):
    accuracy = new_trainer()
    balanced = FinetuningTrainer(
        digits, recipe=accuracy.recipe, device="cpu", threads=1, metric="balanced-accuracy"
    )
    folder = new_files(balanced).folder
    assert folder != new_files(accuracy).folder
    assert json.loads((folder / "settings.json").read_text())["metric"] == "balanced-accuracy"


def test_networks_in_training_are_saved_as_often_as_asked_for(run_copy, new_trainer, digits):
    for every in (0.0, 7.5):
        files = FinetuningFiles.of(run_copy, new_trainer(), digits.fingerprint, every)
        assert files.checkpoint(17, 2).every == every
