"""What figures share."""

from itertools import pairwise
from math import inf, nan

import pytest

from metaqnn.figures.style import data, thinned


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
