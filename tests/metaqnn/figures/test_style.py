"""What figures share."""

import re
from itertools import pairwise
from math import inf, nan

import altair as alt
import pytest
import vl_convert

from metaqnn.figures.style import data, epoch_axis, fitted, percent_axis, thinned


@pytest.mark.parametrize("length", [0, 1, 5, 6, 7, 100, 10_000])
def test_thinning_keeps_the_ends_and_spreads_the_rest(length):
    kept = thinned(range(length), most=6)
    assert len(kept) == min(length, 6)
    assert kept[:1] + kept[-1:] == ([0, length - 1] if length else [])
    gaps = {after - before for before, after in pairwise(kept)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_numbers_that_json_does_not_have_become_null():
    values = data([{"a": nan, "b": -inf, "c": 1.5, "d": "x", "e": None}]).to_dict()["values"]
    assert values == [{"a": None, "b": None, "c": 1.5, "d": "x", "e": None}]


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.2, 0.7], 0.17, 0.73),
        ([0.0, 1.0], 0.0, 1.0),
        ([0.99, 0.995], 0.98, 1.0),
        ([0.5, 1.2, None, nan], 0.458, 1.2),  # forecasts may be above 100%
        ([None], 0.0, 1.0),
        ([], 0.0, 1.0),
    ],
)
def test_an_axis_of_accuracies_fits_them_and_ends_at_0_and_1_where_they_do(values, low, high):
    assert fitted(values) == pytest.approx([low, high])


@pytest.mark.parametrize(
    ("values", "some"), [([0.97], "97.5%"), ([0.98, 0.99], "98.5%"), ([0.1, 0.9], "40%")]
)
def test_no_two_ticks_have_the_same_label(values, some):
    rows = data([{"epoch": epoch, "y": y} for epoch, y in enumerate(values, start=1)])
    chart = alt.Chart(rows).mark_line().encode(x=epoch_axis(), y=percent_axis("y", "accuracy", values))
    labels = re.findall(r">(-?[\d.,]+%?)</text>", vl_convert.vegalite_to_svg(chart.to_dict()))
    assert some in labels
    assert len(labels) == len(set(labels))
    assert {label for label in labels if "%" not in label} == {str(n + 1) for n in range(len(values))}
