"""Questions to a finished search, checked against plain SQL."""

from functools import partial

import numpy as np
import pytest

from metaqnn.database.queries import UnknownNetworkError
from predictor import LearningCurves


@pytest.fixture
def reader(run_of_backend):
    reader = run_of_backend.reader()
    yield reader
    reader.close()


@pytest.fixture
def ask_run(run_of_backend, ask):
    return partial(ask, run_of_backend.url)


def test_top_is_ordered_by_observed_accuracy(reader, ask_run):
    found = reader.top(4)
    assert len(found) == 4
    assert [network["final_accuracy"] for network in found] == sorted(
        (y for (y,) in ask_run("SELECT final_accuracy FROM networks WHERE final_accuracy IS NOT NULL")),
        reverse=True,
    )[:4]


def test_top_has_at_most_what_was_completed(reader, ask_run):
    ((completed,),) = ask_run("SELECT count(*) FROM networks WHERE outcome = 'completed'")
    assert len(reader.top(10**6)) == completed


def test_with_stopped_ones_predictions_compete(reader, ask_run):
    found = reader.top(10**6, stopped=True)
    expected = ask_run(
        "SELECT number FROM networks WHERE outcome IN ('completed', 'stopped') ORDER BY CASE "
        "WHEN final_accuracy IS NOT NULL THEN final_accuracy WHEN predicted_accuracy < 0 THEN 0 "
        "WHEN predicted_accuracy > 1 THEN 1 ELSE predicted_accuracy END DESC, parameters, number"
    )
    assert [network["number"] for network in found] == [number for (number,) in expected]
    assert any(network["outcome"] == "stopped" for network in found)


def test_ended_networks_come_in_order_of_finishing(reader, config):
    assert [row.finished_position for row in reader.ended()] == list(range(1, config.schedule.total + 1))


def test_a_network_comes_with_its_epochs_and_decisions(reader, config):
    number = next(row.number for row in reader.ended() if row.outcome == "stopped")
    network = reader.network(number)
    search, audit = (
        [t for t in network["trainings"] if t["purpose"] == purpose][-1] for purpose in ("search", "audit")
    )
    assert [e["epoch"] for e in search["epochs"]] == list(range(1, network["epochs"] + 1))
    assert [e["stop"] for e in search["epochs"]][-1] is True
    assert len(audit["epochs"]) == config.epochs
    assert [e["stop"] for e in audit["epochs"]] == [None] * config.epochs
    assert network["samples"] >= 1


@pytest.mark.parametrize("number", [0, -1, 25, 10**9])
def test_an_unknown_number_is_answered_with_those_that_there_are(reader, number):
    with pytest.raises(UnknownNetworkError, match=f"no network {number}; this search has 1 to 24$"):
        reader.network(number)


def test_an_audit_has_both_what_was_predicted_and_what_became_of_it(reader, ask_run):
    audits = reader.audits()
    assert [row["number"] for row in audits] == [
        number
        for (number,) in ask_run("SELECT number FROM networks WHERE outcome = 'stopped' ORDER BY number")
    ]
    for row in audits:
        network = reader.network(row["number"])
        stopped_after = [t for t in network["trainings"] if t["purpose"] == "search"][-1]["epochs"]
        audited = [t for t in network["trainings"] if t["purpose"] == "audit"][-1]["epochs"]
        # The same random numbers: the audit repeats what the search saw, and then goes on.
        assert [e["accuracy"] for e in audited][: len(stopped_after)] == [
            e["accuracy"] for e in stopped_after
        ]
        assert row["final_accuracy"] == audited[-1]["accuracy"]
        assert row["predicted_accuracy"] == stopped_after[-1]["predicted_accuracy"]
        assert row["best_accuracy"] == stopped_after[-1]["best_accuracy"]
        earlier = [
            e.final_accuracy for e in reader.ended() if e.finished_position < network["finished_position"]
        ]
        assert row["best_accuracy"] == max(y for y in earlier if y is not None)


def test_the_predictor_reads_the_curves_of_a_search(reader, run_of_backend, config):
    curves = LearningCurves.read(run_of_backend.path)
    ended = {row.number: row for row in reader.ended() if row.outcome in ("completed", "stopped")}
    assert len(curves) == len(ended) > 0
    for place, number in enumerate(sorted(ended)):
        network = reader.network(number)
        training = [t for t in network["trainings"] if t["purpose"] == "search"][-1]
        accuracies = [e["accuracy"] for e in training["epochs"]]
        assert curves.observed[place] == len(accuracies)
        np.testing.assert_array_equal(curves.values[place, : len(accuracies)], accuracies)
        assert curves.names[place] == network["architecture"]
        assert curves.architecture["parameters"][place] == network["parameters"]
        assert curves.architecture["depth"][place] == network["depth"]
        assert curves.hyperparameters["learning_rate"][place] == training["learning_rate"]
    assert config.epochs == curves.T


def test_the_configuration_is_read_back(reader, config):
    assert reader.config() == config
    assert reader.search()["seconds"] > 0
