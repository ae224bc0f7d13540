"""Weights of the best networks stay, everything else goes."""

import pytest
import torch

from metaqnn.search.network_files import Finalist, NetworkFiles
from state_space import Architecture
from trainers import EpochReport
from trainers.checkpoint import SavedTraining
from trainers.networks import build_network
from trainers.weights import TrainedNetwork, WeightsError

NETWORK = "[C(8,3,1), SM(10)]"
EPOCHS = 3


@pytest.fixture
def files(tmp_path):
    def open_(keep):
        made = NetworkFiles(tmp_path, keep, epochs=EPOCHS, input_shape=(1, 8, 8), num_classes=10)
        for folder in ("checkpoints", "weights"):
            (tmp_path / folder).mkdir(exist_ok=True)
        return made

    return open_


def finalist(number, accuracy, parameters=100):
    return Finalist(number, NETWORK, parameters, accuracy)


def train(files, number, accuracy, epochs=EPOCHS):
    """What a trainer leaves of a network."""
    weights = build_network(Architecture.parse(NETWORK), (1, 8, 8), 10, torch.Generator().manual_seed(number))
    reports = tuple(EpochReport(1, 1e-3, epoch, accuracy, 1.0, 0.1) for epoch in range(1, epochs + 1))
    files.checkpoint(number).save(
        SavedTraining(reports, 1.0, weights.state_dict(), {}), {"number": str(number)}
    )
    return weights


def kept(folder, what="weights"):
    return sorted(file.name for file in (folder / what).iterdir())


def test_the_best_k_are_kept_and_pushed_out_by_better_ones(files, tmp_path):
    made = files(2)
    for number, accuracy in enumerate((0.5, 0.3, 0.6, 0.2, 0.55), start=1):
        train(made, number, accuracy)
        made.ended(number, [finalist(number, accuracy)])
    assert kept(tmp_path) == ["network-3.pt", "network-5.pt"]
    assert kept(tmp_path, "checkpoints") == []


def test_of_equal_accuracy_the_smaller_network_is_kept(files, tmp_path):
    made = files(1)
    for number, parameters in ((1, 300), (2, 100), (3, 200)):
        train(made, number, 0.5)
        made.ended(number, [finalist(number, 0.5, parameters)])
    assert kept(tmp_path) == ["network-2.pt"]


def test_what_is_kept_is_the_trained_network(files):
    made = files(1)
    weights = train(made, 1, 0.5)
    made.ended(1, [finalist(1, 0.5)])
    read = TrainedNetwork.read(made.weights(1))
    assert (read.architecture, read.accuracy, read.num_classes) == (NETWORK, 0.5, 10)
    images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(read.build().eval()(images), weights.eval()(images))


def test_a_network_that_was_stopped_leaves_nothing(files, tmp_path):
    made = files(3)
    train(made, 1, 0.5, epochs=2)
    made.ended(1, [])
    assert kept(tmp_path) == kept(tmp_path, "checkpoints") == []


def test_after_a_kill_what_was_left_undone_is_done(files, tmp_path):
    made = files(2)
    for number in (1, 2, 3, 4):
        train(made, number, 0.1 * number)
    (tmp_path / "checkpoints" / "network-9.pt.tmp").write_bytes(b"torn")
    (tmp_path / "checkpoints" / "mine.txt").write_text("not ours")
    files(2).tidy([4], [finalist(number, 0.1 * number) for number in (1, 2, 3)])
    assert kept(tmp_path) == ["network-2.pt", "network-3.pt"]
    assert kept(tmp_path, "checkpoints") == ["mine.txt", "network-4.pt"]


def test_fewer_may_be_kept_later(files, tmp_path):
    made = files(3)
    for number in (1, 2, 3):
        train(made, number, 0.1 * number)
        made.ended(number, [finalist(number, 0.1 * number)])
    files(1).tidy([], [finalist(number, 0.1 * number) for number in (1, 2, 3)])
    assert kept(tmp_path) == ["network-3.pt"]


def test_weights_of_the_best_that_are_missing_are_named(files, tmp_path, caplog):
    """In a copy of a run folder whose search went on elsewhere, or if more are to be kept than before."""
    made = files(3)
    for number in (1, 2, 3):
        train(made, number, 0.1 * number)
    made.ended(3, [finalist(3, 0.3)])
    everyone = [finalist(number, 0.1 * number) for number in range(1, 6)]
    files(4).tidy([], everyone)
    place = str(tmp_path / "weights")
    assert f"weights of networks 5, 4, among the best 4, are not in {place!r}: " in caplog.text
    assert ": removed or not kept while --keep-weights was lower, lost, or in another copy of" in caplog.text
    assert f"; to train these anew: metaqnn finetune {tmp_path} --networks 5 4\n" in caplog.text
    caplog.clear()
    files(2).tidy([], everyone[:3])
    assert not caplog.text


def test_a_last_epoch_that_was_not_saved_is_not_passed_off_as_the_trained_network(files, tmp_path, caplog):
    made = files(1)
    train(made, 1, 0.5, epochs=EPOCHS - 1)
    made.ended(1, [finalist(1, 0.5)])
    assert kept(tmp_path) == []
    assert "weights of network 1 are not kept" in caplog.text


def test_a_training_of_which_no_epoch_was_saved_leaves_nothing_and_its_weights_are_missing(
    files, tmp_path, caplog
):
    made = files(1)
    made.checkpoint(1).begin({"number": "1"})
    made.ended(1, [finalist(1, 0.5)])
    assert "weights of network 1 are not kept: its last epoch was not saved" in caplog.text
    assert kept(tmp_path) == kept(tmp_path, "checkpoints") == []
    files(1).tidy([], [finalist(1, 0.5)])
    assert f"to train it anew: metaqnn finetune {tmp_path} --networks 1" in caplog.text
    assert "is ignored" not in caplog.text


def test_a_checkpoint_that_cannot_be_read_is_no_weights_and_stays(files, tmp_path, caplog):
    made = files(1)
    train(made, 1, 0.5)
    path = made.checkpoint(1).path
    path.write_bytes(path.read_bytes()[:-100])
    files(1).tidy([], [finalist(1, 0.5)])
    assert "network-1.pt is ignored: it is incomplete or damaged" in caplog.text
    assert f"to train it anew: metaqnn finetune {tmp_path} --networks 1" in caplog.text
    assert kept(tmp_path, "checkpoints") == ["network-1.pt"]


def test_too_little_memory_for_weights_costs_a_line_and_they_wait(files, tmp_path, monkeypatch, caplog):
    made = files(1)
    train(made, 1, 0.5)
    monkeypatch.setattr(torch, "load", lambda *_, **__: torch.empty(2**46))
    made.ended(1, [finalist(1, 0.5)])
    assert "weights of network 1 are not kept for now: out of memory: " in caplog.text
    monkeypatch.undo()
    files(1).tidy([], [finalist(1, 0.5)])
    assert (kept(tmp_path), kept(tmp_path, "checkpoints")) == (["network-1.pt"], [])


def test_weights_that_cannot_be_written_cost_a_line_with_their_place_and_wait_in_the_checkpoint(
    files, tmp_path, caplog
):
    made = files(1)
    train(made, 1, 0.5)
    (tmp_path / "weights").rmdir()
    made.ended(1, [finalist(1, 0.5)])
    place = str(tmp_path / "weights" / "network-1.pt")
    said = "weights of network 1 are not kept for now: No such file or directory"
    go_on = f"metaqnn run --resume {tmp_path} saves them"
    assert f"{said}: {place!r}; once that is changed, {go_on}\n" in caplog.text
    assert made.checkpoint(1).path.exists()


@pytest.mark.parametrize("content", [None, b"", b"x" * 100])
def test_a_file_without_a_network_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "network-1.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="holds no trained network"):
        TrainedNetwork.read(path)
