"""The sets that a replay hands out equal those built directly from the same numbers."""

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.simulation.history import Replay

DERIVED = ("scores", "observed", "completed", "diverged", "final")


def same(made: LearningCurves, values: np.ndarray, recorded: LearningCurves, rows: slice) -> None:
    fresh = LearningCurves(
        values,
        {name: column[rows] for name, column in recorded.architecture.items()},
        {name: column[rows] for name, column in recorded.hyperparameters.items()},
        recorded.metric,
        recorded.direction,
        None if recorded.names is None else recorded.names[rows],
    )
    np.testing.assert_array_equal(made.values, fresh.values)
    for name in DERIVED:
        mine, theirs = getattr(made, name), getattr(fresh, name)
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype
    for kind in ("architecture", "hyperparameters"):
        mine, theirs = getattr(made, kind), getattr(fresh, kind)
        assert list(mine) == list(theirs)
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name])
    assert (made.metric, made.direction) == (fresh.metric, fresh.direction)
    np.testing.assert_array_equal(made.names, fresh.names)


@pytest.fixture(params=[("accuracy",), ("perplexity",), ("loss",), ("gain", "minimize"), ("own", "maximize")])
def recorded(request, make_curves):
    curves = make_curves(5, 6, seed=1)
    return LearningCurves(
        curves.values, curves.architecture, curves.hyperparameters, *request.param, names=curves.names
    )


def test_a_look_is_the_curve_so_far(recorded):
    replay = Replay(recorded)
    for row in range(5):
        for tau in range(1, 6):
            values = recorded.values[row : row + 1].copy()
            values[:, tau:] = np.nan
            same(replay.look(row, tau), values, recorded, slice(row, row + 1))


def test_the_history_is_what_was_trained_so_far(recorded):
    replay, values, kept = Replay(recorded), np.full((5, 6), np.nan), []
    for row, epochs in enumerate([6, 1, 4, 6, 3]):
        kept.append((replay.history(), values[:row].copy(), slice(0, row)))
        replay.finish(epochs)
        values[row, :epochs] = recorded.values[row, :epochs]
    kept.append((replay.history(), values, slice(0, 5)))
    for history, expected, rows in kept:  # after the end: what was handed out has not changed
        same(history, expected, recorded, rows)


def test_nothing_that_is_handed_out_can_be_written_to(recorded):
    replay = Replay(recorded)
    replay.finish(6)
    for curves in (replay.history(), replay.look(1, 2)):
        for name in ("values", *DERIVED):
            with pytest.raises(ValueError, match="read-only"):
                getattr(curves, name)[0] = 0
