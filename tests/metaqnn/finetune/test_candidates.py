"""Which networks are trained for long."""

import sqlite3
from contextlib import closing

import pytest

from metaqnn.database.queries import SearchReader, UnknownNetworkError
from metaqnn.finetune import FinetuningError, choose


@pytest.fixture
def reader(run_copy):
    reader = SearchReader(run_copy.url)
    yield reader
    reader.close()


def test_the_best_are_those_with_the_highest_observed_accuracy(reader):
    observed = [row.final_accuracy for row in reader.ended() if row.final_accuracy is not None]
    found = choose(reader, 4)
    assert [one.validation_accuracy for one in found] == sorted(observed, reverse=True)[:4]


def test_a_prediction_is_never_taken_for_a_validation_accuracy(reader):
    stopped = next(row for row in reader.ended() if row.outcome == "stopped")
    assert stopped.number not in [one.number for one in choose(reader, 1000)]
    (chosen,) = choose(reader, 5, [stopped.number])
    assert (chosen.architecture, chosen.validation_accuracy) == (stopped.architecture, None)


def test_networks_by_number_come_in_the_order_given(reader):
    assert [one.number for one in choose(reader, 5, [9, 4])] == [9, 4]


def test_there_may_be_fewer_networks_than_asked_for(reader):
    completed = sum(row.outcome == "completed" for row in reader.ended())
    assert len(choose(reader, 1000)) == completed


def test_numbers_that_make_no_sense_are_quoted(reader):
    with pytest.raises(UnknownNetworkError, match="no network 777"):
        choose(reader, 5, [1, 777])
    with pytest.raises(FinetuningError, match="network 3 more than once"):
        choose(reader, 5, [3, 1, 3])


def test_without_a_trained_network_there_is_nothing_to_do(run_copy, reader):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET outcome = NULL")
    with pytest.raises(FinetuningError, match="no network has been trained to the end yet"):
        choose(reader, 5)
