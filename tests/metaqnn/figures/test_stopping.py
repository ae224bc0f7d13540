"""The figures of early stopping, against the tables."""

import pytest

from metaqnn.figures import stopping

AUDITS = """
SELECT networks.number, networks.predicted_accuracy, epochs.accuracy, decisions.sigma, decisions.best_accuracy
FROM networks JOIN trainings AS audit ON audit.network_id = networks.id AND audit.purpose = 'audit'
JOIN epochs ON epochs.training_id = audit.id AND epochs.epoch = 5
JOIN trainings AS search ON search.network_id = networks.id AND search.purpose = 'search'
JOIN decisions ON decisions.training_id = search.id AND decisions.stop
"""


def test_predictions_stand_over_what_was_observed_in_the_audit(view, sql, rows):
    points = {point["number"]: point for point in rows(stopping.audits(view), "circle")}
    expected = sql(AUDITS)
    assert len(points) == len(expected) > 3
    for number, predicted, final, sigma, best in expected:
        point = points[number]
        assert (point["predicted"], point["observed"], point["best"]) == (predicted, final, best)
        assert (point["low"], point["high"]) == pytest.approx((predicted - sigma, min(predicted + sigma, 1)))
        assert point["series"] == (stopping.WRONG if final > best else stopping.RIGHT)
        assert point["audited"] == "by metaqnn audit"


def test_audits_in_the_loop_are_in_it(searched, formula_trainer, rows):
    points = rows(stopping.audits(searched(formula_trainer(5), audit=1.0)), "circle")
    assert points
    assert {point["audited"] for point in points} == {"during the search"}


def test_epochs_trained_and_saved_add_up(view, sql, rows):
    bars = rows(stopping.epochs(view), "bar")
    found = {(bar["epsilon"], bar["series"]): bar["epochs"] for bar in bars}
    expected = sql(
        "SELECT epsilon, sum(epochs_trained), sum(CASE outcome WHEN 'stopped' THEN 5 - epochs ELSE 0 END) "
        "FROM networks GROUP BY epsilon"
    )
    for epsilon, trained, saved in expected:
        assert found[f"{epsilon:g}", "trained"] == trained
        assert found[f"{epsilon:g}", "saved by early stopping"] == saved
    assert len(found) == 2 * len(expected)


def test_time_without_early_stopping_counts_spared_epochs_like_the_others(view, sql, rows):
    lines = rows(stopping.time(view), "line")
    [(spent,)] = sql("SELECT sum(seconds) FROM networks")
    spared = sum(
        (5 - epochs) * seconds
        for epochs, seconds in sql(
            "SELECT networks.epochs, avg(epochs.seconds) FROM networks "
            "JOIN trainings ON trainings.network_id = networks.id AND purpose = 'search' "
            "JOIN epochs ON training_id = trainings.id WHERE outcome = 'stopped' GROUP BY networks.id"
        )
    )
    last = {row["series"]: row["time"] for row in lines}
    assert list(last.values()) == pytest.approx([spent, spent + spared])  # in seconds: the search is short
    assert spared > 0


def test_a_search_without_times_says_so(view, monkeypatch):
    monkeypatch.setattr(stopping, "_full_seconds", lambda row, view: 0.0)
    ended = [type("Row", (), {**row._mapping, "seconds": None}) for row in view.ended]
    monkeypatch.setitem(view.__dict__, "ended", ended)
    with pytest.raises(stopping.NothingToShow, match="No training time was recorded"):
        stopping.time(view)
