"""The distribution of accuracies, and the failures, against the table of networks."""

from collections import Counter
from statistics import median

import pytest

from metaqnn.figures import accuracies


@pytest.mark.parametrize(
    ("kind", "column"), [(0, "final_accuracy"), (1, "predicted_accuracy")], ids=["observed", "predicted"]
)
def test_boxes_hold_observed_and_predicted_accuracies_apart(view, sql, rows, kind, column):
    boxes = [
        box
        for box in rows(accuracies.distribution(view), "bar")
        if box["series"] == list(accuracies.KINDS)[kind]
    ]
    expected = {
        epsilon: [
            value for value, of in sql(f"SELECT {column}, epsilon FROM networks") if of == epsilon and value
        ]
        for (epsilon,) in sql("SELECT DISTINCT epsilon FROM networks")
    }
    expected = {f"{epsilon:g}": values for epsilon, values in expected.items() if values}
    assert {box["epsilon"] for box in boxes} == set(expected)
    for box in boxes:
        values = expected[box["epsilon"]]
        assert (box["networks"], box["least"], box["most"]) == (len(values), min(values), max(values))
        assert box["median"] == pytest.approx(median(values))
        assert sum(value <= box["upper"] for value in values) >= 0.75 * len(values) - 1


def test_failures_are_counted_by_kind_the_most_frequent_first(searched, formula_trainer, rows):
    view = searched(formula_trainer(5, crash={2}, oom={3, 5}))
    bars = rows(accuracies.failures(view), "bar")
    assert [(bar["kind"], bar["networks"]) for bar in bars] == [("out of memory", 2), ("crashed", 1)]
    assert bars[1]["message"] == "RuntimeError: the device caught fire"
    assert Counter(row.outcome for row in view.ended)["out_of_memory"] == 2


@pytest.mark.parametrize(
    ("message", "expected"),
    [(None, "-"), ("", "-"), ("one", "one"), ("Traceback\n  x\nE: y\n", "E: y"), ("a" * 500, "a" * 160)],
)
def test_a_message_comes_to_its_last_line(message, expected):
    assert accuracies.gist(message) == expected
