"""The chart of a network shows every epoch and forecast of the database, each as what it is."""

import pytest

from metaqnn.config.search import SearchConfig
from metaqnn.dashboard.network_chart import AUDIT, FAINT, OBSERVATION, network_chart
from metaqnn.database.queries import SearchReader
from metaqnn.figures import NothingToShow

OWN = SearchConfig.of("first-run", epochs=5, delta=0.8)
TWO = SearchConfig.of("first-run", epochs=5, stopping="rank-envelope")
FORECAST = "forecast by the rule published"


@pytest.fixture(scope="module")
def networks(finished_run):
    """A stopped network, which was audited, one that was trained to the end, and one of two attempts."""
    reader = SearchReader(finished_run.url)
    found = [reader.network(row.number) for row in reader.ended()]
    reader.close()
    stopped = next(network for network in found if network["outcome"] == "stopped")
    completed = next(network for network in reversed(found) if network["outcome"] == "completed")
    return [stopped, completed, next(network for network in found if network["attempt"] == 2)]


@pytest.fixture
def shown(layer_rows):
    """shown(network): series -> its rows, and the epochs of the marks that say stop."""

    def shown(network, config=OWN):
        best, fans, _, _, observed, _, stops = layer_rows(network_chart(network, config).to_dict())
        series = {}
        for row in (*best, *fans, *observed):
            series.setdefault(row["series"], []).append(row)
        return series, [row["epoch"] for row in stops]

    return shown


def epochs(network, purpose):
    return [e for t in network["trainings"] if t["purpose"] == purpose for e in t["epochs"]]


def test_observations_are_those_of_the_search_and_of_its_audit(networks, shown):
    assert any(epochs(network, "audit") for network in networks)
    for network in networks:
        series, _ = shown(network)
        for name, purpose in ((OBSERVATION, "search"), (AUDIT, "audit")):
            expected = [(epoch["epoch"], epoch["accuracy"]) for epoch in epochs(network, purpose)]
            assert [(row["epoch"], row["value"]) for row in series.get(name, [])] == expected


def test_forecasts_lead_from_what_was_seen_to_the_last_epoch_with_a_sigma_to_both_sides(networks, shown):
    found = 0
    for network in networks:
        rows = shown(network)[0].get(FORECAST, [])
        known = [e for e in epochs(network, "search") if e["predicted_accuracy"] is not None]
        for start, end, epoch in zip(rows[::2], rows[1::2], known, strict=True):
            assert (start["epoch"], start["value"]) == (epoch["epoch"], epoch["accuracy"])
            assert (end["epoch"], end["value"]) == (5, epoch["predicted_accuracy"])
            low, high = (epoch["predicted_accuracy"] + side * epoch["sigma"] for side in (-1, 1))
            assert (end["low"], end["high"]) == pytest.approx((max(low, 0), min(high, 1)))
            assert start["weight"] == end["weight"] == (1 if epoch is known[-1] else FAINT)
            found += 1
    assert found >= 3


def test_forecasts_of_two_models_have_two_names(networks, shown):
    stopped = networks[0]
    series = shown(stopped, TWO)[0]
    known = [e for e in epochs(stopped, "search") if e["predicted_accuracy"] is not None]
    assert FORECAST not in series
    for name, at_stop in (("method stacked", True), ("rule rank-envelope", False)):
        shown_after = {row["made"] for row in series.get(f"forecast by the {name}", [])}
        assert shown_after == {e["epoch"] for e in known if e["stop"] == at_stop}


def test_the_axis_of_accuracies_ends_at_one(networks):
    for network in networks:
        low, high = network_chart(network, OWN).to_dict()["layer"][0]["encoding"]["y"]["scale"]["domain"]
        assert 0 <= low < high <= 1


def test_the_stop_is_marked_where_the_rule_stopped(networks, shown):
    for network in networks:
        _, stops = shown(network)
        assert stops == ([network["epochs"]] if network["outcome"] == "stopped" else [])
        assert "best y_T so far" in shown(network)[0] or not stops


def test_the_legend_names_what_is_shown_and_no_more(networks, shown):
    for network in networks:
        chart = network_chart(network, OWN).to_dict()
        assert set(chart["layer"][0]["encoding"]["color"]["scale"]["domain"]) == set(shown(network)[0])


def test_what_forecasts_are_compared_with_is_named_after_the_rule(networks, shown):
    third = SearchConfig.of("first-run", epochs=5, stopping="published:nth_best=3")
    assert "3rd best y_T so far" in shown(networks[0], third)[0]


def test_without_an_epoch_there_is_nothing_to_show(networks):
    with pytest.raises(NothingToShow, match="No epoch has been trained yet"):
        network_chart({**networks[0], "trainings": []}, OWN)
