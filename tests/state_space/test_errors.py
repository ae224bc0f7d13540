import pytest

from state_space import NotationError, ShapeError, StateSpaceError
from state_space.errors import quoted


@pytest.mark.parametrize("kind", [StateSpaceError, NotationError, ShapeError])
def test_every_error_is_a_value_error_of_this_package(kind):
    assert issubclass(kind, ValueError)
    assert issubclass(kind, StateSpaceError)


@pytest.mark.parametrize("value", ["x" * 10**6, "a\nb", ["y"] * 1000, None, 3])
def test_a_quoted_value_is_one_short_line(value):
    text = quoted(value)
    assert "\n" not in text
    assert len(text) <= 70


def test_a_short_value_is_quoted_whole():
    assert quoted("C(64)") == "'C(64)'"
