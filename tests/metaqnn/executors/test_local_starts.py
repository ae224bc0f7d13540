"""Processes that do not start, or that are killed in the middle of a message."""

import errno
from functools import partial
from multiprocessing import active_children
from multiprocessing.process import BaseProcess

import pytest

from metaqnn.executors import LocalExecutor, Place, SearchStopped
from metaqnn.executors.local import WorkerProcess


@pytest.mark.parametrize(("broken", "reason"), [("broken", "no such device"), ("dying", "exit code 3")])
def test_a_process_that_cannot_be_started_stops_the_search(recorder, fakes, broken, reason):
    with pytest.raises(SearchStopped, match=reason):
        LocalExecutor([Place(getattr(fakes, broken))]).run(recorder([1]))


REFUSALS = {
    BlockingIOError(11, "Resource temporarily unavailable"): "Resource temporarily unavailable$",
    OSError(
        errno.EMFILE, "Too many open files"
    ): "Too many open files; allow this shell more open files: ulimit",
}


@pytest.mark.parametrize(("refusal", "said"), REFUSALS.items(), ids=["processes", "files"])
def test_a_process_that_the_system_refuses_stops_the_search(
    make, recorder, before, monkeypatch, refusal, said
):
    """The second of two; the first one is ended."""
    started, start = [], BaseProcess.start

    def start_one(process):
        started.append(process)
        if len(started) == 2:
            raise refusal
        start(process)

    monkeypatch.setattr(BaseProcess, "start", start_one)
    with pytest.raises(SearchStopped, match=f"^a worker cannot be started: .*{said}"):
        make(2).run(recorder([1, 2]))
    assert len(started) == 2
    assert set(active_children()) <= before


@pytest.mark.timeout(600)  # the worker would take much longer
@pytest.mark.parametrize("options", [{}, {"epoch_timeout": 3600.0}])
def test_a_process_that_hangs_while_it_starts_stops_the_search(recorder, fakes, before, monkeypatch, options):
    monkeypatch.setattr(LocalExecutor, "start_timeout", 0.5)
    executor = LocalExecutor([Place(fakes.slow_to_start)], **options)
    with pytest.raises(SearchStopped, match=r"^a worker cannot be started: it is not ready after 0\.5 s$"):
        executor.run(recorder([1]))
    assert set(active_children()) <= before


def test_the_limit_for_starting_is_not_one_for_epochs(recorder, fakes, monkeypatch):
    def shorten(task, report):  # the worker is ready
        monkeypatch.setattr(LocalExecutor, "start_timeout", 0.2)
        return False

    record = recorder([1], stop=shorten)
    LocalExecutor([Place(partial(fakes.FakeTrainer, epochs=2, seconds=0.5))]).run(record)
    assert record.outcomes() == {1: "completed"}


def test_a_process_that_was_killed_in_the_middle_of_a_message_is_dead(fakes, before):
    worker = WorkerProcess(Place(fakes.long_complaint))
    assert worker.pipe.poll(300)  # the beginning of the message
    (process,) = set(active_children()) - before
    process.kill()
    assert worker.how_it_died() == "by signal 9"
    assert worker.receive() is None
    worker.end()
