from types import SimpleNamespace

import pytest

from predictor.curves.optuna_steps import StepOrder


def trial(values, value=None):
    """A trial with these values by step, completed with a value or pruned without one."""
    return SimpleNamespace(
        intermediate_values=values,
        state=SimpleNamespace(name="PRUNED" if value is None else "COMPLETE"),
        values=None if value is None else [value],
    )


@pytest.mark.parametrize(
    ("trials", "descending"),
    [
        ([], False),
        ([trial({0: 0.1, 1: 0.2}, 0.2)], False),
        ([trial({1: 0.1, 0: 0.2}, 0.2)], True),  # as they came
        ([trial({0: 0.2, 1: 0.1}, 0.2)], True),  # sorted: the last value is that of the lowest step
        ([trial({0: 0.2, 1: 0.2}, 0.2)], False),
        ([trial({0: 0.3, 1: 0.2, 2: 0.1}, 0.3)] + 3 * [trial({1: 0.2, 2: 0.1})], True),
        ([trial({0: 0.1, 1: 0.2, 2: 0.3}, 0.3)] + 3 * [trial({0: 0.1, 1: 0.2})], False),
    ],
)
def test_the_order_of_steps(trials, descending):
    order = StepOrder()
    for each in trials:
        order.add(each)
    assert order.descending is descending
