import pytest

from state_space import NotationError, ShapeError, StateSpaceError
from state_space.errors import did_you_mean, nearest, quoted


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


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("tpo", "top"),
        ("TOP", "top"),
        ("exprot", "Export"),
        ("zzz", None),
        ("", None),
        (None, None),
        (3, None),
    ],
)
def test_the_nearest_known_name(wrong, meant):
    assert nearest(wrong, ["top", "show", "Export"]) == meant
    assert did_you_mean(wrong, ["top", "show", "Export"]) == (f"; did you mean {meant!r}?" if meant else "")


def test_of_no_names_none_is_near():
    assert did_you_mean("top", []) == ""
