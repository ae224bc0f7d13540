"""Every event is stored completely or not at all, and read back as it was."""

import time
from contextlib import closing, contextmanager, nullcontext
from math import inf, isnan, nan

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.database import NetworkResult, ReplayDatabase
from metaqnn.database.migrate import NoSearchError
from metaqnn.database.replay import SearchRecord
from predictor import Decision
from trainers import EpochReport


def network(number):
    counts = {"num_params": 10 * number, "depth": 2, "parameters": 20 * number, "macs": 2**40}
    return {"number": number, "architecture": f"[C({number},1,1), SM(10)]", **counts}


def epoch(number, *, attempt=1, accuracy=0.25, loss=2.0):
    return EpochReport(attempt, 0.001 * 0.4 ** (attempt - 1), number, accuracy, loss, 0.5)


DECISION = Decision(True, "hopeless", 0.995, 0.31, 0.02, 0.6)
STOPPED = NetworkResult("stopped", 0.31, 1, 2, 0.3, None, 0.31, 1.0, "stopped after epoch 2")


class DiskError(Exception):
    """Stands for anything that may go wrong in a write."""


@contextmanager
def failing_at(database, statement):
    """The statement-th SQL statement fails."""
    count = 0

    def fail(*_):
        nonlocal count
        count += 1
        if count == statement:
            raise DiskError

    event.listen(database.engine, "after_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(database.engine, "after_cursor_execute", fail)


@pytest.fixture
def stored(new_database):
    """A search with network 1 in training, proposed twice, after two epochs of its first attempt."""
    url, database = new_database()
    database.propose(0, 1.0, network(1))
    database.repeat(1, 1.0, 1, None)
    database.add_epoch(1, epoch(1))
    database.add_epoch(1, epoch(2), DECISION)
    return url, database


EVENTS = {
    "propose": lambda database: database.propose(2, 0.5, network(2)),
    "repeat": lambda database: database.repeat(2, 0.5, 1, None),
    "add_epoch": lambda database: database.add_epoch(1, epoch(1, attempt=2), DECISION),
    "finish": lambda database: database.finish(1, STOPPED, 1, {0: 0, 1: 1}),
    "forget_training": lambda database: database.forget_training(1, "search"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_write_that_fails_anywhere_leaves_nothing(stored, name, dump):
    url, database = stored
    before = dump(url)
    failures = 0
    while True:
        try:
            with failing_at(database, failures + 1):
                EVENTS[name](database)
            break
        except DiskError:
            failures += 1
            assert dump(url) == before
    assert failures >= 2  # BEGIN, and at least one statement
    assert dump(url) != before


def test_events_of_a_block_are_one_transaction_and_the_same_in_the_end(new_database, ask, dump, monkeypatch):
    """More networks than the ids that a server assigns at once."""
    monkeypatch.setattr(time, "time", lambda: 1e9)
    ends, statements = [], []
    for name in ("alone", "together"):
        url, database = new_database(name)
        event.listen(database.engine, "after_cursor_execute", lambda *_: statements.append(1))
        before = len(statements)
        with database.together() if name == "together" else nullcontext():
            for number in range(1, 251):
                network_id = database.propose(number - 1, 1.0, network(number))
                database.add_epoch(network_id, epoch(1))
                database.add_epoch(network_id, epoch(2), DECISION)
                database.finish(network_id, STOPPED, number, {number - 1: number - 1})
            written = ask(url, "SELECT count(*) FROM networks")
        ends.append((written, len(statements) - before, dump(url)))
    (alone, many, rows), (together, few, same) = ends
    assert (alone, together) == ([(250,)], [(0,)])
    assert few < 30 < 2000 < many
    assert {**rows, "searches": []} == {**same, "searches": []}


def test_a_block_that_raises_leaves_nothing_and_the_next_event_is_stored(stored, dump):
    url, database = stored
    before = dump(url)

    def block():
        with database.together():
            database.propose(2, 0.5, network(2))
            raise DiskError

    with pytest.raises(DiskError):
        block()
    assert dump(url) == before
    second = database.propose(2, 0.5, network(3))
    assert [row.id for row in database.stored_networks()] == [1, second]


@pytest.mark.parametrize("statement", [1, 3, 5])
def test_a_block_whose_transaction_fails_leaves_nothing(stored, dump, statement):
    url, database = stored
    before = dump(url)

    def block():
        with failing_at(database, statement), database.together():
            for name in ("propose", "add_epoch", "finish"):
                EVENTS[name](database)

    with pytest.raises(DiskError):
        block()
    assert dump(url) == before


def test_what_a_search_began_with_is_read_back(new_database, config):
    url, first = new_database()
    first.close()
    record = SearchRecord(config, (3, 32, 32), 100, "f" * 64, {"torch": "2.4"}, {"device": "cuda:1"})
    ReplayDatabase.create(url, record).close()
    with closing(ReplayDatabase.open(url)) as newest, closing(ReplayDatabase.open(url, 1)) as other:
        assert newest.record() == record
        assert other.record().input_shape == (1, 8, 8)
    with pytest.raises(NoSearchError, match=r"holds no search 3$"):
        ReplayDatabase.open(url, 3)


def test_a_search_is_changed_and_the_others_of_its_database_stay(new_database):
    url, first = new_database()
    record = first.record()
    longer = EpsilonSchedule.parse("1.0:12,0.5:6,0.1:60")
    with closing(ReplayDatabase.create(url, record)) as second:
        second.set_environment({"device": "cuda:1"})
        second.extend(longer)
        assert (second.record().config.schedule, second.record().environment) == (
            longer,
            {"device": "cuda:1"},
        )
    assert first.record() == record
    first.close()


def test_epochs_and_decisions_are_read_back(stored):
    _, database = stored
    database.add_epoch(1, epoch(1), DECISION, purpose="audit")
    database.add_epoch(1, epoch(1, attempt=2))
    assert database.stored_epochs(1) == [
        (epoch(1), None),
        (epoch(2), DECISION),
        (epoch(1, attempt=2), None),
    ]


def test_networks_and_samples_come_in_order_of_proposal(new_database):
    _, database = new_database()
    first = database.propose(0, 1.0, network(1))
    second = database.propose(1, 0.5, network(2))
    database.repeat(2, 0.5, first, None)
    rows = database.stored_networks()
    assert [(row.id, row.number, row.epsilon, row.reward) for row in rows] == [
        (first, 1, 1.0, None),
        (second, 2, 0.5, None),
    ]
    assert rows[0].macs == 2**40
    assert [tuple(row) for row in database.stored_samples()] == [
        (0, first, None),
        (1, second, None),
        (2, first, None),
    ]


def test_a_result_gives_all_waiting_samples_their_places(stored):
    _, database = stored
    database.finish(1, STOPPED, 1, {0: 0, 1: 1})
    row = database.stored_networks()[0]
    assert {name: getattr(row, name) for name in vars(STOPPED)} == vars(STOPPED)
    assert (row.finished_position, row.epochs_trained) == (1, 2)
    assert [row.position for row in database.stored_samples()] == [0, 1]


def test_a_result_gives_no_sample_of_another_search_a_place(stored):
    url, database = stored
    with closing(ReplayDatabase.create(url, database.record())) as other:
        other.finish(other.propose(0, 1.0, network(1)), STOPPED, 1, {0: 0})
    assert [row.position for row in database.stored_samples()] == [None, None]


def test_epochs_of_all_attempts_are_counted_but_the_curve_is_the_last_ones(new_database):
    _, database = new_database()
    for number in (1, 2, 3):
        database.propose(number - 1, 1.0, network(number))
    database.add_epoch(1, epoch(1, accuracy=0.1))
    database.add_epoch(1, epoch(1, attempt=2, accuracy=0.3))
    database.add_epoch(1, epoch(2, attempt=2, accuracy=0.4))
    database.add_epoch(2, epoch(1, accuracy=0.7))
    database.add_epoch(3, epoch(1, accuracy=0.1))
    database.finish(2, NetworkResult("stopped", 0.7, 1, 1, 0.7), 1, {1: 0})
    database.finish(1, NetworkResult("completed", 0.4, 2, 2, 0.4, 0.4), 2, {0: 1})
    database.finish(3, NetworkResult("chance", 0.1, 1, 1, 0.1), 3, {2: 2})
    assert database.stored_networks()[0].epochs_trained == 3
    curves = database.curves()
    assert list(curves) == [2, 1]
    assert curves == {2: (0.001, [0.7]), 1: (0.001 * 0.4, [0.3, 0.4])}


@pytest.mark.parametrize("loss", [nan, inf])
def test_a_loss_that_is_no_number_is_stored_as_none(new_database, ask, loss):
    url, database = new_database()
    database.propose(0, 1.0, network(1))
    database.add_epoch(1, epoch(1, loss=loss))
    assert ask(url, "SELECT loss FROM epochs") == [(None,)]
    ((report, _),) = database.stored_epochs(1)
    assert isnan(report.loss)


def test_an_interrupted_training_is_forgotten_with_its_decisions_but_no_other(stored, ask):
    url, database = stored
    database.add_epoch(1, epoch(1), purpose="audit")
    database.forget_training(1, "search")
    assert ask(url, "SELECT purpose FROM trainings") == [("audit",)]
    assert ask(url, "SELECT count(*) FROM epochs") == [(1,)]
    assert ask(url, "SELECT count(*) FROM decisions") == [(0,)]


def test_trained_to_the_end_means_all_epochs(new_database):
    _, database = new_database(epochs=2)
    for number in (1, 2):
        database.propose(number - 1, 1.0, network(number))
        database.add_epoch(number, epoch(1), purpose="audit")
    database.add_epoch(2, epoch(2), purpose="audit")
    assert database.trained_to_end("audit") == {2}
    assert database.trained_to_end("search") == set()


@pytest.mark.parametrize(
    "twice",
    [
        lambda database: database.propose(2, 1.0, network(1)),
        lambda database: database.repeat(0, 1.0, 1, None),
        lambda database: database.add_epoch(1, epoch(2)),
        lambda database: database.repeat(2, 1.0, 99, None),
    ],
    ids=["the same network", "the same proposal", "the same epoch", "an unknown network"],
)
def test_what_cannot_be_is_refused(stored, twice, dump):
    url, database = stored
    before = dump(url)
    with pytest.raises(IntegrityError):
        twice(database)
    assert dump(url) == before


def test_wall_time_adds_up_over_sessions(stored, ask):
    url, database = stored
    database.finish(1, STOPPED, 1, {})
    database.close()
    ((first,),) = ask(url, "SELECT seconds FROM searches")
    with closing(ReplayDatabase.open(url)) as again:
        again.finish(1, STOPPED, 1, {})
    assert ask(url, "SELECT seconds FROM searches")[0][0] > first > 0


def test_wall_time_of_an_interrupted_training_counts_and_that_of_an_audit_does_not(stored, ask):
    url, database = stored
    database._began -= 100
    database.add_epoch(1, epoch(3))
    database._began -= 100
    database.add_epoch(1, epoch(1), purpose="audit")
    assert 100 < ask(url, "SELECT seconds FROM searches")[0][0] < 150


def test_a_message_that_no_database_could_hold_is_escaped(new_database, ask):
    """Names of files need not be UTF-8, and PostgreSQL takes no NUL."""
    url, database = new_database()
    network = {
        "number": 1,
        "architecture": "[SM(10)]",
        "num_params": 0,
        "depth": 1,
        "parameters": 9,
        "macs": 9,
    }
    network_id = database.propose(0, 1.0, network)
    database.finish(
        network_id, NetworkResult("crashed", 0.1, message="no photo\udcff\0\n\tfor\xfc"), 1, {0: 0}
    )
    ((message,),) = ask(url, "SELECT message FROM networks")
    assert message == "no photo\\udcff\\x00\n\tfor\xfc"
