"""Which networks are trained for long."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from metaqnn.config.tuned import Tuned
from metaqnn.database.queries import SearchReader, UnknownNetworkError
from metaqnn.finetune import Candidate, FinetuningError, choose
from metaqnn.finetune.candidates import as_tuned, tuned_network, tuned_options
from state_space import Architecture
from trainers.networks import build_network

PARAMETERS = {"lr": 0.01, "lr_decay": 0.5, "batch_size": 32, "weight_decay": 0.001, "dropout": 0.3}
AS_FOUND = {
    "epochs": 7, "learning_rate": 0.01, "lr_decay": 0.5, "batch_size": 32, "weight_decay": 0.001,
    "last_dropout": 0.3, "batch_norm": True,
}  # fmt: skip


def found(network="[C(4,3,1), SM(10)]", **changes):
    """What a tuning of seven epochs has found."""
    return Tuned(network, 7, {**PARAMETERS, "batch_norm": True, **changes})


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


@pytest.mark.parametrize("outcome", ["completed", "stopped"])
def test_the_network_that_was_tuned_is_found_however_it_is_written(reader, outcome):
    row = next(row for row in reader.ended() if row.outcome == outcome)
    tuned = found(row.architecture.replace(" ", ""))
    assert tuned_network(reader, tuned, Path("best.json")) == row.number


def test_what_the_user_gives_overrides_what_was_tuned():
    assert tuned_options(found(), {}) == AS_FOUND
    given = {"epochs": 9, "learning_rate": 0.1, "weight_decay": 0.0, "mirror": True}
    assert tuned_options(found(), given) == {**AS_FOUND, **given}


def test_what_was_tuned_was_tuned_with_adam():
    assert tuned_options(found(), {"optimizer": "adam"}) == {**AS_FOUND, "optimizer": "adam"}
    with pytest.raises(FinetuningError, match="--optimizer is 'sgd', but --parameters are those of Adam"):
        tuned_options(found(), {"optimizer": "sgd"})


def test_networks_get_batch_normalisation_where_that_was_found_best():
    searched = [Candidate(3, "[C(4,3,1), SM(10)]", 2610, 0.9)]
    assert as_tuned(searched, found(batch_norm=False), (1, 8, 8), 10) == searched
    (normalised,) = as_tuned(searched, found(), (1, 8, 8), 10)
    network = build_network(Architecture.parse("[CB(4,3,1), SM(10)]"), (1, 8, 8), 10)
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert normalised == Candidate(3, "[CB(4,3,1), SM(10)]", weights, validation_accuracy=None)
    assert as_tuned([replace(normalised, validation_accuracy=0.8)], found(), (1, 8, 8), 10) == [
        replace(normalised, validation_accuracy=0.8)
    ]
