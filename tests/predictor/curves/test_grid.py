"""The epochs at which trainings are compared."""

import numpy as np

from predictor.curves.grid import on_grid


def test_epochs_are_kept_that_half_of_the_trainings_have_that_come_so_far():
    rng = np.random.default_rng(0)
    series = [
        {float(e): rng.random() for e in rng.choice(30, size=rng.integers(1, 20), replace=False)}
        for _ in range(40)
    ]
    values, grid, remarks = on_grid(series)
    for epoch in range(30):
        has = sum(epoch in one for one in series)
        come = sum(max(one) >= epoch for one in series)
        assert (epoch in grid) == (has > 0 and 2 * has >= come)
    np.testing.assert_array_equal(values, [[one.get(epoch, np.nan) for epoch in grid] for one in series])
    assert "in fewer than half of the trainings" in remarks[0]
