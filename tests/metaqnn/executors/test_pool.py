"""What an executor of many workers does with messages that arrive together. No process is started."""

from contextlib import contextmanager

import pytest

from metaqnn.executors import SearchStopped, pool
from metaqnn.executors.base import Ended, EpochDone, Ready
from metaqnn.executors.pool import PoolExecutor
from metaqnn.executors.worker import Place, Worker
from trainers import EpochReport, Outcome, TrainingResult

RESULT = TrainingResult(Outcome.COMPLETED, (), 1e-3, 1, 0.1, "")


class Puppet(Worker):
    """Has its next message ready as soon as it has been told something."""

    def __init__(self, place, told):
        super().__init__(place)
        self.told, self.messages = told, [Ready()]

    def say(self, what):
        self.told.append(what)
        if what is not True and what is not False:
            self.messages += [EpochDone(EpochReport(1, 1e-3, epoch, 0.5, 1.0, 0.1)) for epoch in (1, 2)]
            self.messages.append(Ended(RESULT))

    def receive(self):
        return self.messages.pop(0)

    def how_it_died(self):
        raise AssertionError

    def end(self):
        self.messages.clear()


class Puppets(PoolExecutor):
    def __init__(self, workers, told):
        super().__init__([Place(None)] * workers)
        self.told = told

    def start(self, place):
        return Puppet(place, self.told)

    def wait(self, workers, seconds):
        return [worker for worker in workers if worker.messages]


@pytest.fixture
def log(recorder):
    """A coordinator that also records where blocks begin and end."""

    class Log(recorder):
        @contextmanager
        def together(self):
            self.events.append("begin")
            yield
            self.events.append("stored")

    return Log


def blocks(events):
    """What was heard in each block."""
    found = []
    for event in events:
        if event == "begin":
            found.append([])
        elif isinstance(event, tuple):
            found[-1].append(event)
    return found


def test_events_that_come_together_are_stored_together_and_then_answered(log):
    record = log(range(6))
    Puppets(3, record.events).run(record)
    inside = False
    for event in record.events:
        assert not inside or event == "stored" or isinstance(event, tuple)  # workers are told nothing then
        inside = event == "begin" or (inside and event != "stored")
    heard = [[event[0] for event in block] for block in blocks(record.events)]
    of_a_network = [["epoch"] * 3, ["epoch"] * 3, ["completed"] * 3]
    assert heard == [[], [], *of_a_network, *of_a_network]


def test_what_there_is_no_time_for_comes_first_the_next_time(log, monkeypatch):
    """The clock passes the limit with every second message."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(pool, "monotonic", lambda: next(ticks) * 0.6 * pool.TOGETHER)
    record = log(range(5), stop=lambda task, report: False)
    Puppets(5, record.events).run(record)
    assert max(map(len, blocks(record.events))) < 5
    heard = [number for block in blocks(record.events) for _, number, *_ in block]
    assert heard == [1, 2, 3, 4, 5] * 3  # nobody is heard twice before everybody was heard once


def test_why_the_search_stops_passes_through_the_block(log):
    class Stopping(log):
        def on_epoch(self, task, report):
            raise SearchStopped("enough")

    with pytest.raises(SearchStopped, match="enough"):
        Puppets(2, []).run(Stopping(range(3)))


def test_while_a_task_waits_for_memory_the_demand_is_summed_up_once_for_each_device(recorder):
    """Two networks that do not fit together, and six more workers on the same device."""
    asked, rounds = [], []
    executor = Puppets(8, [])
    executor._demand = lambda architecture: asked.append(architecture) or 0.6
    executor.wait = lambda workers, seconds: rounds.append(workers) or workers
    record = recorder([1, 2])
    executor.run(record)
    assert record.outcomes() == {1: "completed", 2: "completed"}
    assert len(asked) <= 2 * len(rounds) + 1
