"""The power fails: what was not flushed to the disk is gone. A real file system loses it (disk.py)."""

import os
import signal

import pytest
import torch

from metaqnn.export.exporting import new_folder
from predictor.integrations.recorded import CurveStore
from trainers import Checkpoint, EpochReport
from trainers.checkpoint import SavedTraining
from trainers.files import write_whole
from trainers.weights import TrainedNetwork

CUTS = int(os.environ.get("METAQNN_KILLS", "2"))


@pytest.mark.parametrize("how", ["files", pytest.param("moments", marks=pytest.mark.slow)])
def test_the_search_ends_as_if_the_power_had_not_failed(disk, new_run, undisturbed, killed, how):
    """METAQNN_KILLS cuts, each process going on from what was on the disk; then the next search."""
    cuts = 0
    while cuts < CUTS:
        run = new_run(f"disk/run-{cuts}")
        command = ("run", "--run-dir", run.folder, "--quiet", *run.options)
        cuts += killed(how, CUTS - cuts, *command, disk=disk.folder)
        run.assert_same(undisturbed)


@pytest.mark.parametrize("cuts", [(4,), pytest.param((4, 8), marks=pytest.mark.slow)])
def test_with_two_workers_what_others_have_seen_is_not_lost(disk, new_run, cuts):
    run = new_run("disk/run")
    for epochs in cuts:
        process = run.start("--workers", "2", "--quiet", start_new_session=True)
        run.wait_for(epochs, process)
        seen = run.epochs()
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        disk.cut_power()
        assert run.epochs() >= seen >= epochs
    assert run.here("--workers", "2") == 0
    ended = run.rows("SELECT number, outcome IN ('completed', 'stopped', 'chance') FROM networks")
    assert ended == [(number, True) for number in range(1, 9)]


def a_network(accuracy: float) -> TrainedNetwork:
    return TrainedNetwork("[SM(2)]", (1, 2, 2), 2, accuracy, {"0.weight": torch.full((2, 4), accuracy)})


def a_training(accuracy: float) -> SavedTraining:
    return SavedTraining((EpochReport(1, 0.1, 1, accuracy, 1.0, 0.0),), 0.0, {}, {})


def fill_a_folder(folder, value):
    with new_folder(folder / str(value)) as place:
        (place / "x").write_text(str(value))


def add_to_a_store(folder, value):
    CurveStore(folder / "x.npz", T=1, metric="accuracy").add([value])


WRITERS = {
    "a text": (
        lambda folder, value: write_whole(folder / "x", str(value)),
        lambda folder: float((folder / "x").read_text()),
    ),
    "a checkpoint": (
        lambda folder, value: Checkpoint(folder / "x").save(a_training(value), {}),
        lambda folder: Checkpoint(folder / "x").load({}).reports[0].accuracy,
    ),
    "weights": (
        lambda folder, value: a_network(value).save(folder / "x"),
        lambda folder: TrainedNetwork.read(folder / "x").accuracy,
    ),
    "an exported folder": (
        fill_a_folder,
        lambda folder: max(float(path.read_text()) for path in folder.glob("0*/x")),
    ),
    "curves": (
        add_to_a_store,
        lambda folder: CurveStore(folder / "x.npz", T=1, metric="accuracy").history().values[-1, 0],
    ),
}


@pytest.mark.parametrize("what", WRITERS)
def test_what_is_written_is_on_the_disk(disk, what):
    """Also the second time, when something is there already."""
    write, read = WRITERS[what]
    for value in (0.25, 0.5):
        write(disk.folder, value)
        disk.cut_power()
        assert read(disk.folder) == value
