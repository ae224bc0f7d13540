"""The average over kernels: its leave-one-out against refits, and what guesses may and may not do."""

import numpy as np
import pytest

from predictor.rules.envelope import averaging
from predictor.rules.envelope.averaging import AveragedProcess, Guesses

NONE = Guesses(np.empty(0), np.empty(0))


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(9, 2))
    return X, X[:, 0] + rng.normal(0, 0.4, 9), rng.normal(size=(4, 2))


@pytest.fixture
def guesses():
    return Guesses(np.array([-1.0, -2.0, 0.5, -1.5]), np.array([0.3, 0.1, 1.0, 0.5]))


def test_leave_one_out_of_results_is_a_fit_without_the_row(data, monkeypatch):
    monkeypatch.setattr(averaging, "LEAST_WEIGHT", 0.0)
    X, y, _ = data
    left_out = AveragedProcess.fit(X, y, np.empty((0, 2)), NONE).leave_one_out()
    for i in range(len(y)):
        rest = np.delete(np.arange(len(y)), i)
        expected = AveragedProcess.fit(X[rest], y[rest], np.empty((0, 2)), NONE).predict(X[[i]])
        for part in ("weights", "locations", "squared_scales", "df"):
            np.testing.assert_allclose(
                getattr(left_out, part)[..., i], getattr(expected, part)[..., 0], rtol=1e-7
            )


def test_leave_one_out_of_a_guess_is_a_fit_without_it(data, guesses):
    X, y, X_guessed = data
    left_out = AveragedProcess.fit(X, y, X_guessed, guesses).leave_one_out()
    for i in range(4):
        rest = np.delete(np.arange(4), i)
        others = Guesses(guesses.means[rest], guesses.variances[rest])
        expected = AveragedProcess.fit(X, y, X_guessed[rest], others).predict(X_guessed[[i]])
        assert left_out.mean[9 + i] == pytest.approx(expected.mean[0])
        assert left_out.variance[9 + i] == pytest.approx(expected.variance[0])


def test_guesses_are_no_evidence_for_kernels_and_scale(data, guesses):
    X, y, X_guessed = data
    alone = AveragedProcess.fit(X, y, np.empty((0, 2)), NONE)
    taught = AveragedProcess.fit(X, y, X_guessed, guesses)
    assert [p.kernel for p in alone.processes] == [p.kernel for p in taught.processes]
    np.testing.assert_array_equal(alone.predict(X_guessed).weights, taught.predict(X_guessed).weights)
    assert taught.predict(X_guessed).df[0] == alone.predict(X_guessed).df[0]


def test_a_guess_teaches_the_less_the_less_sure_it_is(data):
    X, y, X_guessed = data
    means = [
        AveragedProcess.fit(X, y, X_guessed[:1], Guesses(np.array([-5.0]), np.array([v])))
        .predict(X_guessed[:1])
        .mean[0]
        for v in (0.01, 1.0, 1e9)
    ]
    assert means[0] < means[1] < means[2]
    unknown = AveragedProcess.fit(X, y, np.empty((0, 2)), NONE).predict(X_guessed[:1]).mean[0]
    assert means[2] == pytest.approx(unknown, abs=1e-5)


def test_a_single_input_is_learned_from_once_for_each_pair_of_equal_kernels(data, guesses):
    """Beside a column of zeros, the two kernels of a pair differ, but predict the same."""
    X, y, X_guessed = data
    one = AveragedProcess.fit(X[:, :1], y, X_guessed[:, :1], guesses)
    wide, wide_guessed = (np.column_stack([rows[:, 0], np.zeros(len(rows))]) for rows in (X, X_guessed))
    two = AveragedProcess.fit(wide, y, wide_guessed, guesses)
    assert 2 * len(set(one.processes)) == len(set(two.processes)) == len(one.processes)
    expected, predicted = two.predict(wide), one.predict(X[:, :1])
    np.testing.assert_allclose(predicted.mean, expected.mean, rtol=1e-9)
    np.testing.assert_allclose(predicted.variance, expected.variance, rtol=1e-9)
    np.testing.assert_allclose(one.leave_one_out().mean, two.leave_one_out().mean, rtol=1e-9)
    assert one.predict_one(X[0, :1], 0.5) == pytest.approx(two.predict_one(wide[0], 0.5), rel=1e-9)


@pytest.mark.parametrize("columns", [1, 2])
def test_one_row_alone_is_predicted_as_among_others(data, guesses, columns):
    X, y, X_guessed = (part[:, :columns] if part.ndim == 2 else part for part in data)
    process = AveragedProcess.fit(X, y, X_guessed, guesses)
    new = np.random.default_rng(4).normal(0, 2, (6, columns))
    expected = process.predict(new)
    for row, chance, mean in zip(new, expected.exceeds(0.5), expected.mean, strict=True):
        assert process.predict_one(row, 0.5) == pytest.approx((chance, mean), rel=1e-9)


@pytest.mark.parametrize("columns", [1, 2])
def test_below_all_that_taught_a_first_input_is_the_less_promising_the_lower_it_is(data, guesses, columns):
    X, y, X_guessed = (part[:, :columns] if part.ndim == 2 else part for part in data)
    process = AveragedProcess.fit(X, y, X_guessed, guesses)
    lowest = min(X[:, 0].min(), X_guessed[:, 0].min())
    new = np.zeros((9, columns))
    new[:, 0] = lowest - np.append(0, np.logspace(-2, 5, 8))
    predicted = process.predict(new)
    assert np.all(np.diff(predicted.exceeds(0.5)) < 0)
    for row in range(9):
        np.testing.assert_allclose(predicted.squared_scales[:, row], predicted.squared_scales[:, 0])


@pytest.mark.parametrize("columns", [1, 2])
def test_below_all_that_taught_nothing_is_expected_to_be_better_than_at_the_lowest(columns):
    """If the lowest results happen to rise towards lower inputs, that is not extrapolated."""
    rng = np.random.default_rng(5)
    X = np.linspace(-2, 2, 15)[:, None] * np.eye(1, columns)
    y = X[:, 0] ** 2 - 2 + rng.normal(0, 0.05, 15)
    process = AveragedProcess.fit(X, y, np.empty((0, columns)), NONE)
    new = np.array([-2.0, -2.1, -2.5, -4.0, -50.0])[:, None] * np.eye(1, columns)
    means = process.predict(new).mean
    assert np.all(means <= means[0])
    assert [process.predict_one(x, 0.5)[1] for x in new] == pytest.approx(means.tolist(), rel=1e-9)
    rest = AveragedProcess.fit(X[1:], y[1:], np.empty((0, columns)), NONE)
    left_out = process.leave_one_out()
    kernels = [p.kernel for p in process.processes]
    if kernels == [p.kernel for p in rest.processes]:
        assert left_out.mean[0] == pytest.approx(rest.predict(X[:1]).mean[0], rel=1e-6)
    assert left_out.mean[0] <= rest.predict(X[1:2]).mean[0] + 0.05
