import logging
from threading import Event, Thread

import pytest
import torch

from trainers import Checkpoint, EpochReport
from trainers.checkpoint import SavedTraining
from trainers.saving import Saver

IDENTITY = {"name": "made"}


def training(value, epochs=1):
    """A training whose only weight has that value."""
    reports = tuple(EpochReport(1, 1e-3, epoch, 0.5, 1.0, 0.1) for epoch in range(1, epochs + 1))
    return SavedTraining(reports, 1.0, {"weight": torch.full((2,), value)}, {0: {"step": torch.ones(())}})


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "1.checkpoint")


class SlowDisk(Checkpoint):
    """Writes only once it is allowed to."""

    def __init__(self, path):
        super().__init__(path)
        self.asked, self.allowed, self.written = Event(), Event(), []

    def save(self, training, identity):
        self.asked.set()
        assert self.allowed.wait(30)
        super().save(training, identity)
        self.written.append(len(training.reports))


@pytest.mark.parametrize(
    ("every", "expected"), [(0.0, [1, 2, 3, 4, 5]), (20.0, [2, 4]), (25.0, [3]), (1e9, [])]
)
def test_a_save_is_due_so_many_seconds_after_the_one_before(tmp_path, monkeypatch, every, expected):
    """Epochs of 10 s by this clock."""
    now, saved = [0.0], []
    monkeypatch.setattr("trainers.saving.perf_counter", lambda: now[0])
    with Saver(Checkpoint(tmp_path / "1", every), IDENTITY) as saver:
        for epoch in range(1, 6):
            now[0] += 10
            if saver.due:
                saver.save(training(1.0, epoch))
                saved.append(epoch)
    assert saved == expected


def test_a_training_changes_its_weights_while_they_are_written_as_they_were(tmp_path):
    disk = SlowDisk(tmp_path / "1")
    subject = training(1.0)
    with Saver(disk, IDENTITY) as saver:
        saver.save(subject)
        assert disk.asked.wait(30)
        subject.network["weight"].fill_(2.0)
        subject.optimizer[0]["step"] += 1
        disk.allowed.set()
    saved = disk.load(IDENTITY)
    assert saved.network["weight"].tolist() == [1.0, 1.0]
    assert saved.optimizer[0]["step"] == 1


def test_epochs_are_written_in_their_order_and_leaving_waits_for_the_last(tmp_path):
    disk = SlowDisk(tmp_path / "1")
    disk.allowed.set()
    with Saver(disk, IDENTITY) as saver:
        for epochs in range(1, 6):
            saver.save(training(1.0, epochs))
    assert disk.written == [1, 2, 3, 4, 5]
    assert len(disk.load(IDENTITY).reports) == 5


def test_leaving_by_an_error_waits_too(tmp_path):
    disk = SlowDisk(tmp_path / "1")
    disk.allowed.set()
    saver = Saver(disk, IDENTITY)
    with pytest.raises(ZeroDivisionError), saver:
        saver.save(training(1.0)) or 1 / 0
    assert disk.written == [1]


def test_what_cannot_be_written_is_a_warning_and_a_defect_is_an_error(checkpoint, caplog, monkeypatch):
    caplog.set_level(logging.WARNING)
    with Saver(Checkpoint(checkpoint.path / "missing"), IDENTITY) as saver:
        saver.save(training(1.0, 3))
    said = "epoch 3 is not saved; after a kill it is trained again: No such file or directory"
    assert f"{said}: {str(checkpoint.path / 'missing')!r}\n" in caplog.text

    def fail(*_):
        raise KeyError("weight")

    monkeypatch.setattr(checkpoint, "save", fail)
    with pytest.raises(KeyError), Saver(checkpoint, IDENTITY) as saver:
        saver.save(training(1.0))


def test_too_little_memory_for_the_copy_costs_a_warning(checkpoint, caplog):
    endless = torch.zeros(1).expand(2**50)
    with Saver(checkpoint, IDENTITY) as saver:
        saver.save(SavedTraining(training(1.0).reports, 1.0, {"weight": endless}, {}))
    assert "epoch 1 is not saved; after a kill it is trained again: out of memory: " in caplog.text
    assert checkpoint.load(IDENTITY) is None


ALLOCATOR = "[enforce fail at alloc_cpu.cpp:125] DefaultCPUAllocator: can't allocate memory"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError(ALLOCATOR)])
def test_too_little_memory_to_write_costs_a_warning(checkpoint, caplog, monkeypatch, error):
    def fail(*_):
        raise error

    with Saver(checkpoint, IDENTITY) as saver:
        with monkeypatch.context() as little_memory:
            little_memory.setattr("torch.save", fail)
            saver.save(training(1.0, 1))
            saver.wait()
        assert "epoch 1 is not saved; after a kill it is trained again: out of memory: " in caplog.text
        saver.save(training(1.0, 2))
    assert len(checkpoint.load(IDENTITY).reports) == 2
    assert len(caplog.records) == 1


def test_where_no_thread_can_be_started_an_epoch_is_not_saved_and_the_next_one_may_be(
    checkpoint, caplog, monkeypatch
):
    def fail(self):
        raise RuntimeError("can't start new thread")

    with Saver(checkpoint, IDENTITY) as saver:
        with monkeypatch.context() as full:
            full.setattr(Thread, "start", fail)
            saver.save(training(1.0, 1))
            saver.wait()
        said = "epoch 1 is not saved; after a kill it is trained again: can't start new thread"
        assert caplog.messages == [said]
        assert checkpoint.load(IDENTITY) is None
        saver.save(training(1.0, 2))
    assert len(checkpoint.load(IDENTITY).reports) == 2
