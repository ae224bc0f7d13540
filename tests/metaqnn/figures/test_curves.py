"""Learning curves: points are the stored epochs, forecasts begin where the rule stopped."""

import pytest

from metaqnn.figures import curves

EPOCHS = """
SELECT networks.number || ' ' || trainings.purpose, epochs.epoch, epochs.accuracy
FROM epochs JOIN trainings ON trainings.id = epochs.training_id
JOIN networks ON networks.id = trainings.network_id
WHERE trainings.purpose = 'audit' OR trainings.attempt = networks.attempt
"""
STOPS = """
SELECT networks.number, decisions.epoch, epochs.accuracy, decisions.predicted_accuracy, decisions.sigma
FROM decisions JOIN trainings ON trainings.id = decisions.training_id
JOIN networks ON networks.id = trainings.network_id
JOIN epochs ON epochs.training_id = trainings.id AND epochs.epoch = decisions.epoch WHERE decisions.stop
"""


def layer_rows(chart, place):
    spec = chart.to_dict()
    return spec["datasets"][spec["layer"][place]["data"]["name"]]


def test_points_are_the_stored_epochs_of_the_last_attempt(view, sql):
    points = layer_rows(curves.curves(view), 2)
    stored = {(line, epoch): accuracy for line, epoch, accuracy in sql(EPOCHS)}
    shown = {(point["line"], point["epoch"]): point["accuracy"] for point in points}
    assert len(shown) == len(points)
    assert shown.items() <= stored.items()
    for line in {line for line, _ in shown}:
        assert {epoch for of, epoch in shown if of == line} == {epoch for of, epoch in stored if of == line}


def test_a_stopped_training_is_not_said_to_be_one_to_the_end(view, sql):
    outcomes = dict(sql("SELECT number, outcome FROM networks"))
    for point in layer_rows(curves.curves(view), 2):
        whole = point["line"].endswith("audit") or outcomes[point["number"]] == "completed"
        assert point["series"] == (curves.TO_THE_END if whole else curves.STOPPED)


def test_the_curve_of_an_audit_that_diverged_is_one_to_the_end(view):
    number = view.audits[0]["number"]
    network = {**view.network(number), "outcome": "diverged"}
    network["trainings"] = [training for training in network["trainings"] if training["purpose"] == "search"]
    for more, series in ((0, curves.STOPPED), (1, curves.TO_THE_END)):
        lines, _ = curves._curves({**network, "epochs": network["epochs"] + more})
        assert {row["series"] for row in lines} == {series}


def test_a_forecast_leads_from_the_stop_to_its_prediction_with_sigma(view, sql, rows):
    fans = rows(curves.curves(view), "area")
    stops = {number: stop for number, *stop in sql(STOPS)}
    assert len(fans) >= 4
    for number in {row["number"] for row in fans}:
        start, end = sorted((row for row in fans if row["number"] == number), key=lambda row: row["epoch"])
        epoch, y_t, predicted, sigma = stops[number]
        assert (start["epoch"], start["low"], start["high"]) == (epoch, y_t, y_t)
        assert (end["epoch"], end["accuracy"]) == (5, predicted)
        assert (end["low"], end["high"]) == pytest.approx((predicted - sigma, min(predicted + sigma, 1)))
        assert start["series"] == end["series"] == curves.FORECAST


def test_crosses_stand_at_the_stops(view, sql, rows):
    crosses = {(row["number"], row["epoch"], row["accuracy"]) for row in rows(curves.curves(view), "point")}
    assert crosses
    assert crosses <= {tuple(stop[:3]) for stop in sql(STOPS)}


def test_the_best_and_some_of_each_outcome_are_shown(view, sql):
    best = [n for (n,) in sql("SELECT number FROM networks ORDER BY final_accuracy DESC LIMIT 3")]
    chosen = curves.chosen(view)
    assert chosen[:3] == best
    assert len(set(chosen)) == len(chosen) <= 3 + 3 * 4
    outcomes = dict(sql("SELECT number, outcome FROM networks"))
    assert {outcomes[number] for number in chosen} == {"completed", "stopped"}


def test_of_several_attempts_only_the_last_is_drawn():
    attempts = [("search", 1), ("search", 2), ("audit", 1), ("audit", 2)]
    trainings = [{"purpose": purpose, "attempt": attempt} for purpose, attempt in attempts]
    assert curves.last_attempts(trainings) == [trainings[1], trainings[3]]
