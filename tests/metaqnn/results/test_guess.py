"""Networks against guessing the commonest class."""

import pytest

from metaqnn.results.guess import better_balanced


@pytest.mark.parametrize(
    ("metric", "guess", "classes", "better"),
    [
        ("accuracy", 0.9, 3, True),
        ("accuracy", 0.75, 2, True),
        ("accuracy", 0.1003, 10, False),
        ("accuracy", 0.55, 2, False),
        ("accuracy", None, 2, False),
        ("balanced-accuracy", 1 / 3, 3, False),
    ],
)
def test_balancing_is_advised_where_one_class_is_much_larger_than_its_share(metric, guess, classes, better):
    assert better_balanced(metric, guess, classes) is better
