"""What the messages of failures come to."""

import pytest

from metaqnn.executors.base import last_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Traceback:\n  File\nValueError: no\n", "ValueError: no"),
        ("killed", "killed"),
        (" \n ", ""),
        ("", ""),
    ],
)
def test_the_last_line_of_a_traceback_says_it(text, line):
    assert last_line(text) == line
