"""Numbers that make sense: read, recognised and explained."""

from argparse import ArgumentTypeError
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.config.bounds import ROW, Bounds, share


@given(st.integers(-5, 5), st.integers(0, 10), st.integers(-20, 20))
def test_a_whole_number_is_read_exactly_if_it_lies_between_the_bounds(low, width, number):
    bounds = Bounds(low, low + width)
    assert (number in bounds) == (low <= number <= low + width)
    if number in bounds:
        assert bounds.read(str(number)) == number
    else:
        with pytest.raises(ValueError, match=f"'{number}' is not a whole number from {low} to {low + width}"):
            bounds.read(str(number))


@pytest.mark.parametrize("value", [nan, inf, -inf, 0, 1.0001, True, None, "0.5"])
def test_what_is_no_share_above_0_is_not_among_them(value):
    assert value not in share(above=True)


def test_a_share_may_be_1_or_next_to_nothing():
    assert all(value in share(above=True) for value in (1, 1.0, 5e-324))
    assert str(share(above=True)) == "a number above 0 and at most 1"


@pytest.mark.parametrize("text", ["", "1e3", "1.0", "0x10", "1_000", "٣", "9" * 5000, "nan", "0", str(2**31)])
def test_what_is_no_number_of_a_row_is_quoted_in_one_short_line(text):
    with pytest.raises(ArgumentTypeError) as error:
        ROW(text)
    assert str(error.value).endswith(" is not a whole number from 1 to 2147483647")
    assert len(str(error.value)) < 120


def test_the_largest_number_of_a_row_is_that_of_a_column_of_integers():
    assert ROW(str(2**31 - 1)) == 2**31 - 1
