"""Questions to a finished search, checked against plain SQL."""

from contextlib import closing
from functools import partial

import numpy as np
import pytest

from metaqnn.dashboard import Dashboard
from metaqnn.dashboard.table import SORTS, TableQuery, table_page
from metaqnn.database import DatabaseError, NetworkResult, ReplayDatabase
from metaqnn.database.queries import SearchReader, UnknownNetworkError
from metaqnn.database.schema import networks
from metaqnn.results.audits import audited_after
from predictor import Decision, LearningCurves
from trainers import EpochReport


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


@pytest.mark.parametrize("limits", [("parameters",), ("macs",), ("parameters", "macs")])
def test_networks_may_be_limited_in_size(reader, limits):
    everything = reader.top(10**6, stopped=True)
    bounds = {column: sorted(row[column] for row in everything)[len(everything) // 2] for column in limits}
    found = reader.top(None, stopped=True, **{f"max_{column}": bound for column, bound in bounds.items()})
    assert found == [row for row in everything if all(row[c] <= bound for c, bound in bounds.items())]
    assert 0 < len(found) < len(everything)


def fill(database, results):
    """Networks number 1, 2, ... with these (parameters, outcome, reward)."""
    for place, (parameters, outcome, reward) in enumerate(results):
        counts = {"num_params": 1, "depth": 2, "parameters": parameters, "macs": 1}
        network = {"number": place + 1, "architecture": f"[C({place + 1},3,1), SM(10)]", **counts}
        result = NetworkResult(outcome, reward, final_accuracy=reward if outcome == "completed" else None)
        database.finish(database.propose(place, 1.0, network), result, place + 1, {place: place})
    database.close()


def test_top_is_of_one_search_without_failures_and_of_equals_the_smaller_is_first(new_database):
    url, database = new_database()
    record = database.record()
    fill(database, [(5, "completed", 0.99)])
    second = ReplayDatabase.create(url, record)
    fill(second, [(7, "completed", 0.6), (3, "completed", 0.6), (1, "diverged", 0.1)])
    with closing(SearchReader(url)) as reader:
        for stopped in (False, True):
            assert [row["number"] for row in reader.top(None, stopped=stopped)] == [2, 1]


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


def test_networks_are_filtered_ordered_and_counted(reader, ask_run):
    small = networks.c.parameters < 20_000
    rows, total = reader.networks(small, order_by=[networks.c.macs.desc()], limit=3, offset=1)
    expected = ask_run("SELECT number FROM networks WHERE parameters < 20000 ORDER BY macs DESC, number")
    assert [row["number"] for row in rows] == [number for (number,) in expected[1:4]]
    assert total == len(expected) > 4


@pytest.mark.parametrize("number", [0, -1, 25, 10**9])
def test_an_unknown_number_is_answered_with_those_that_there_are(reader, number):
    with pytest.raises(UnknownNetworkError, match=f"no network {number}; this search has 1 to 24$"):
        reader.network(number)


@pytest.mark.parametrize("sort", SORTS)
def test_a_table_can_be_sorted_by_every_column_with_missing_values_last(reader, sort):
    rows = table_page(reader, TableQuery(sort=sort, order="ascending")).rows
    values = [row[SORTS[sort].name] for row in rows]
    known = [value for value in values if value is not None]
    assert values == known + [None] * (len(values) - len(known))
    assert len(values) == 24
    assert sort in ("outcome", "architecture") or known == sorted(known)  # texts: as the database collates


def test_a_table_can_be_filtered_by_every_column(reader):
    query = TableQuery(
        text="c(8, 3", outcome="completed", epsilon=1.0, accuracy=10, parameters=100_000, sort="number"
    )
    expected = [
        row.number
        for row in reader.ended()
        if "C(8,3" in row.architecture
        and (row.outcome, row.epsilon) == ("completed", 1.0)
        and row.final_accuracy >= 0.1
        and row.parameters <= 100_000
    ]
    assert sorted(row["number"] for row in table_page(reader, query).rows) == sorted(expected) != []


def test_a_dashboard_shows_a_run_of_every_backend(run_of_backend):
    testing = pytest.importorskip("starlette.testclient")
    dashboard = Dashboard([run_of_backend.path])
    client = testing.TestClient(dashboard, base_url="http://127.0.0.1")
    run = f"/runs/{run_of_backend.path.name}"
    for path in ("", "/networks?text=P(2", "/networks/3", "/version", "/figures/search.json"):
        assert client.get(run + path).status_code == 200
    dashboard.end()


def test_every_event_changes_the_version(new_database):
    url, database = new_database()
    reader, versions = SearchReader(url), []

    def note():
        versions.append(reader.version())

    note()
    counts = {"num_params": 1, "depth": 2, "parameters": 1, "macs": 1}
    network = database.propose(0, 1.0, {"number": 1, "architecture": "[C(8,3,1), SM(10)]", **counts})
    note()
    for purpose in ("search", "audit"):
        for epoch in (1, 2):
            database.add_epoch(network, EpochReport(1, 1e-3, epoch, 0.5, 1.0, 0.1), purpose=purpose)
            note()
        if purpose == "search":
            database.finish(network, NetworkResult("stopped", 0.6), 1, {0: 1})
            note()
    database.repeat(1, 1.0, network, 2)
    note()
    assert len(set(versions)) == len(versions) == 8
    reader.close()


def test_a_block_reads_one_moment_while_the_search_goes_on(new_database):
    url, database = new_database()
    counts = {"num_params": 1, "depth": 2, "parameters": 1, "macs": 1}
    network = database.propose(0, 1.0, {"number": 1, "architecture": "[C(8,3,1), SM(10)]", **counts})
    reader = SearchReader(url)
    with reader.at_one_moment():
        database.finish(network, NetworkResult("completed", 0.6, final_accuracy=0.6), 1, {0: 1})
        assert (reader.ended(), reader.top(1)) == ([], [])
    assert [row.number for row in reader.ended()] == [1]
    reader.close()


def test_an_audit_has_both_what_was_predicted_and_what_became_of_it(reader, ask_run):
    audits = reader.audits()
    assert {audited_after(reader.network(row["number"])) for row in audits} == {None}  # not in the search
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


def test_an_audit_in_the_search_that_diverged_is_an_audit(new_database):
    url, database = new_database()
    counts = {"num_params": 1, "depth": 2, "parameters": 1, "macs": 1}
    for number, epochs in ((1, 3), (2, 2)):  # the second diverges in the epoch of the decision
        identity = {"number": number, "architecture": f"[C({number},3,1), SM(10)]", **counts}
        network = database.propose(number, 1.0, identity)
        for epoch in range(1, epochs + 1):
            report = EpochReport(1, 1e-3, epoch, 0.5, 1.0 if epoch < epochs else np.nan, 0.1)
            database.add_epoch(network, report, Decision(True, "hopeless") if epoch == 2 else None)
        database.finish(network, NetworkResult("diverged", 0.1, 1, epochs), number, {number: number})
    with closing(SearchReader(url)) as reader:
        (audit,) = reader.audits()
        assert [audited_after(reader.network(number)) for number in (1, 2)] == [2, None]
    assert (audit["number"], audit["in_loop"], audit["final_accuracy"]) == (1, True, None)
    assert (audit["epochs"], audit["epochs_in_search"]) == (2, 3)


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


def test_what_ends_first_comes_first_although_it_was_proposed_later(new_database):
    url, database = new_database()
    counts = {"num_params": 1, "depth": 2, "parameters": 1, "macs": 1}
    first, second = (
        database.propose(
            number, 1.0, {"number": number, "architecture": f"[C({number},3,1), SM(10)]", **counts}
        )
        for number in (1, 2)
    )
    for position, network in enumerate((second, first), 1):
        database.finish(network, NetworkResult("completed", 0.6, final_accuracy=0.6), position, {})
    with closing(SearchReader(url)) as reader:
        assert [row.number for row in reader.ended()] == [2, 1]


def test_the_configuration_is_read_back(reader, config):
    assert reader.config() == config
    assert reader.search()["seconds"] > 0


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, 2**200])
def test_a_network_that_no_column_could_hold_is_unknown(reader, number):
    with pytest.raises(UnknownNetworkError, match=f"there is no network {number}; this search has 1 to 24"):
        reader.network(number)


@pytest.mark.parametrize("search", [2**31, 2**63])
def test_a_search_that_no_column_could_hold_is_not_there(run_of_backend, search):
    with pytest.raises(DatabaseError, match=f"holds no search {search}"):
        SearchReader(run_of_backend.url, search)
