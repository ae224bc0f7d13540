"""How many images of each class are drawn is known without drawing."""

import numpy as np
import pytest

from trainers.apportion import apportion, most_drawn
from trainers.datasets import split_validation


@pytest.mark.parametrize("counts", [(475, 25), (151, 40, 25), (60, 60, 1), (5, 0, 9)])
def test_the_numbers_are_those_of_the_draw(counts):
    labels, size = np.repeat(np.arange(len(counts)), counts), sum(counts) // 4
    drawn = labels[split_validation(labels, size, seed=3)[1]]
    expected = np.bincount(drawn, minlength=len(counts)).tolist()
    assert apportion(counts, size) == expected


def test_most_that_can_be_drawn_leaves_one_of_each_class():
    counts = [5, 0, 9, 1]
    drawn = apportion(counts, most_drawn(counts))
    assert [n - taken for n, taken in zip(counts, drawn, strict=True)] == [1, 0, 1, 1]
