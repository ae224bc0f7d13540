"""Choices side by side, and how much they matter."""

import re
from types import SimpleNamespace

import pytest

from metaqnn.figures import NothingToShow, choices
from metaqnn.results.choices import Importance


def test_a_line_goes_through_the_choices_of_its_network(view, sql, rows):
    points = rows(choices.parallel(view), "line")
    expected = sql(
        "SELECT number, architecture, parameters, final_accuracy FROM networks WHERE outcome = 'completed'"
    )
    assert {point["number"] for point in points} == {number for number, *_ in expected}
    depths = {number: len(re.findall(r"\b(?:C|P|FC)\(", text)) for number, text, *_ in expected}
    least, most = min(depths.values()), max(depths.values())
    for number, _, parameters, accuracy in expected:
        values = {p["axis"]: p["value"] for p in points if p["number"] == number}
        assert values["layers"] == str(depths[number])
        assert values["parameters"] == f"{parameters:,}"
        assert values["y_T"] == f"{accuracy:.1%}"
        (place,) = (p["place"] for p in points if p["number"] == number and p["axis"] == "layers")
        assert place == pytest.approx((depths[number] - least) / (most - least))


def test_the_best_are_marked(view, sql, rows):
    best = sql(
        "SELECT number FROM networks WHERE outcome = 'completed' ORDER BY final_accuracy DESC LIMIT 10"
    )
    points = rows(choices.parallel(view), "line")
    marked = {point["number"] for point in points if point["series"] == choices.BEST}
    assert marked == {number for (number,) in best}


def test_the_marked_ones_are_the_first_of_the_list_of_the_best_where_accuracies_are_equal(
    view, monkeypatch, rows
):
    sizes = [900, 100, 300, 300, *range(1000, 1009)]  # the first four are equal, and one may be marked
    completed = [
        SimpleNamespace(
            number=number,
            architecture="[C(8,3,1), SM(10)]",
            parameters=size,
            final_accuracy=0.7 if number <= 4 else 0.8,
        )
        for number, size in enumerate(sizes, start=1)
    ]
    monkeypatch.setitem(view.__dict__, "completed", completed)
    points = rows(choices.parallel(view), "line")
    marked = {point["number"] for point in points if point["series"] == choices.BEST}
    assert marked == {2, *range(5, 14)}  # as `metaqnn top` orders them: the smaller first


def test_few_networks_say_nothing_about_choices(view):
    with pytest.raises(NothingToShow, match="fewer than 30 networks with a result; so far: 23"):
        choices.matter(view)


def test_importances_are_drawn_and_told(view, monkeypatch, rows):
    monkeypatch.setattr(choices, "FEWEST", 4)
    monkeypatch.setitem(view.__dict__, "importance", Importance(0.42, {"layers": 0.3, "convolutions": -0.01}))
    bars = rows(choices.matter(view), "bar")
    assert [(bar["choice"], bar["loss"]) for bar in bars] == [("layers", 0.3), ("convolutions", 0.0)]
    (said,) = choices.matter_in_words(view)
    assert "explains 42% of the differences" in said
    assert "It relies most on layers, then on convolutions" in said


def test_choices_that_explain_nothing_are_not_shown(view, monkeypatch):
    monkeypatch.setattr(choices, "FEWEST", 4)
    monkeypatch.setitem(view.__dict__, "importance", Importance(-0.1, {"layers": 0.0}))
    with pytest.raises(NothingToShow, match="do not explain the accuracies"):
        choices.matter(view)
