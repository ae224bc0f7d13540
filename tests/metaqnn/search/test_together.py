"""A search whose events are stored together: nobody hears of an event that a power cut could still undo."""

from contextlib import closing

import pytest

from metaqnn.database import ReplayDatabase
from metaqnn.database.queries import SearchReader
from metaqnn.executors import SearchStopped, SerialExecutor
from metaqnn.search.events import SearchListener
from metaqnn.search.loop import CONSECUTIVE_FAULTS
from metaqnn.search.network_files import FolderGoneError
from trainers import EpochReport, Outcome, TrainingResult


class Ears(SearchListener):
    def __init__(self, url):
        self.url, self.heard = url, []

    def started(self, job):
        self.note("started", job)

    def epoch(self, job, report, decision):
        self.note("epoch", job)

    def finished(self, job, result):
        self.note("finished", job)

    def note(self, what, job):
        """Check that what is heard is already in the database."""
        with closing(SearchReader(self.url)) as reader:
            network = reader.network(job.number)
        assert what != "epoch" or network["trainings"]
        assert what != "finished" or network["outcome"]
        self.heard.append((what, job.number))


class Nothing:
    """An executor that does nothing."""

    workers = 2

    def run(self, coordinator):
        pass


def report(epoch=1):
    return EpochReport(1, 1e-3, epoch, 0.5, 1.0, 0.1)


def result(outcome):
    return TrainingResult(outcome, (), 1e-3, 1, 0.1, "")


@pytest.fixture
def opened(new_database, open_search):
    """A search with a listener, and the address of its database."""
    url, database = new_database()
    search, ears = open_search(database), Ears(url)
    search.run(Nothing(), ears)
    return url, search, ears


def stored(url):
    """Outcomes of the networks that a reader finds."""
    with closing(ReplayDatabase.open(url)) as database:
        return [row.outcome for row in database.stored_networks()]


def test_what_happens_in_a_block_is_stored_and_heard_of_at_its_end(opened):
    url, search, ears = opened
    with search.together():
        first, second = search.next_task(), search.next_task()
        search.on_epoch(first, report())
        search.on_epoch(second, report())
        search.on_result(first, result(Outcome.COMPLETED))
        search.next_task()
        assert stored(url) == []
        assert ears.heard == []
    assert stored(url) == ["completed", None, None]
    events = [("started", 1), ("started", 2), ("epoch", 1), ("epoch", 2), ("finished", 1), ("started", 3)]
    assert ears.heard == events
    search.on_epoch(second, report(2))  # outside a block, at once
    assert ears.heard == [*events, ("epoch", 2)]


def test_a_block_that_is_interrupted_leaves_nothing(opened):
    url, search, ears = opened
    with search.together():
        search.next_task()

    def block():
        with search.together():
            search.next_task()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        block()
    assert stored(url) == [None]
    assert ears.heard == [("started", 1)]


def test_what_has_been_heard_is_not_heard_again_after_the_next_block(opened):
    _, search, ears = opened
    for _ in range(2):
        with search.together():
            search.next_task()
    assert ears.heard == [("started", 1), ("started", 2)]


def test_what_was_trained_until_the_folder_was_gone_is_stored_and_heard(opened):
    url, search, ears = opened

    def block():
        with search.together():
            search.next_task()
            raise FolderGoneError("run folder 'run' was removed")

    with pytest.raises(FolderGoneError, match="was removed"):
        block()
    assert stored(url) == [None]
    assert ears.heard == [("started", 1)]


def test_all_that_led_to_the_end_of_the_search_is_stored(opened):
    url, search, ears = opened

    def block():
        with search.together():
            while True:
                search.on_failure(search.next_task(), "crashed", "no such device")

    with pytest.raises(SearchStopped, match="10 networks in a row failed"):
        block()
    assert stored(url) == ["crashed"] * CONSECUTIVE_FAULTS
    assert ears.heard[-1] == ("finished", CONSECUTIVE_FAULTS)


def test_a_checkpoint_goes_only_when_the_result_is_stored(new_database, open_search):
    url, database = new_database()
    search, ended = open_search(database), []

    class Files:
        require_folder = checkpoint = staticmethod(lambda *_: None)

        def ended(self, number, finalists):
            ended.append((number, stored(url)))

    search._files = Files()
    with search.together():
        task = search.next_task()
        search.on_epoch(task, report())
        search.on_result(task, result(Outcome.COMPLETED))
        assert ended == []
    assert ended == [(1, ["completed"])]


def test_a_search_in_blocks_ends_as_one_without(new_database, open_search, formula_trainer):
    class Blocks(SerialExecutor):
        """The same events, in two blocks for each network: its choice, and its training."""

        def run(self, coordinator):
            while True:
                with coordinator.together():
                    task = coordinator.next_task()
                if task is None:
                    return
                with coordinator.together():
                    self._train(task, coordinator)

    ends = []
    for executor in (SerialExecutor, Blocks):
        url, database = new_database(executor.__name__)
        search = open_search(database)
        search.run(executor(formula_trainer(search.config.epochs)))
        ends.append((stored(url), search.known.agent.q_table()))
    assert ends[0] == ends[1]
