import pytest
from hypothesis import given
from hypothesis import strategies as st

from state_space import NotationError, ShapeError, StateSpaceError
from state_space.errors import did_you_mean, first_line, nearest, printable, quoted


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


def test_sixty_characters_are_quoted_whole_and_of_more_it_is_shown_that_they_go_on():
    assert quoted("x" * 60) == f"'{'x' * 60}'"
    assert quoted("x" * 61).endswith("x…'")


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


@given(st.text(), st.sampled_from("\x00\x08\x1b\x7f\x85\x9b\u200b\u202d\u2069\udc80\U000e0041"), st.text())
def test_what_is_printable_has_its_lines_and_nothing_to_obey(before, command, after):
    shown = printable(before + command + after)
    assert shown.count("\n") == (before + after).count("\n")
    assert command not in shown
    assert shown.replace("\n", "").isprintable()


@given(st.text("abc äßλ中[](),~%\n\\"))
def test_what_is_printable_already_stays_as_it_is(text):
    assert printable(text) == text


@given(st.text())
def test_what_may_have_no_lines_is_one(text):
    assert printable(text, keep="").isprintable()


@pytest.mark.parametrize("said", ["", "no room", "no room\nsee the manual\n", "\n  no room\n\nmore"])
def test_the_first_line_is_the_first_with_words(said):
    assert first_line(OSError(said)) == ("no room" if said else "")
