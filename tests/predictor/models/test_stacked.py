"""The stack: its members, and their weights from leave-one-out errors."""

import numpy as np
import pytest

from predictor import LearningCurves, PredictorError, make_method
from predictor.models.sequential import tau_seed
from predictor.models.stacked import StackedRegression
from predictor.models.stacked_tau import stack_weights
from predictor.models.tau_model import fit_tau


@pytest.fixture(scope="module")
def curves(make_curves):
    return make_curves(70, 12, seed=5)


@pytest.fixture(scope="module")
def stack(curves):
    return StackedRegression(n_settings=5).fit(curves[:40], taus=[3])


def test_the_forecast_is_the_weighted_mean_of_the_members(curves, stack):
    model = stack.model(3)
    assert sum(model.weights.values()) == pytest.approx(1)
    forecasts = {name: model.limits.clip(m.predict(curves), curves) for name, m in model.members.items()}
    expected = sum(weight * forecasts[name] for name, weight in model.weights.items())
    np.testing.assert_allclose(stack.predict(curves, 3), expected)


def test_weights_are_those_of_the_members_own_leave_one_out(curves, stack):
    model = stack.model(3)
    held_out = {name: model.limits.clip(m.held_out, curves[:40]) for name, m in model.members.items()}
    errors = {name: float(np.mean((curves.final[:40] - y) ** 2)) for name, y in held_out.items()}
    best = min(errors, key=errors.get)
    for name, error in errors.items():
        ratio = model.weights[name] / model.weights[best]
        assert ratio == pytest.approx((errors[best] / error) ** (3 * 40 / 55), rel=1e-6)
    assert model.weights["last-seen"] < 0.01  # these curves rise by a third and more


def test_members_are_fitted_as_alone(curves, stack):
    member = stack._members(3)["robust-gp"]
    alone = fit_tau(curves[:40], 3, member.regressor, member.features, member.target, "loocv", False)
    np.testing.assert_array_equal(stack.model(3).members["robust-gp"].predict(curves), alone.predict(curves))


def test_searches_that_resume_get_the_members_that_they_began_with():
    """Otherwise networks stopped before and after would be rewarded by different forecasts."""
    stack, summary = StackedRegression(random_state=4), ("TS-summary", "log-AP", "log-HP")
    members = stack._members(3)
    assert stack.max_curves == 500
    assert {name: (member.features, member.target) for name, member in members.items()} == {
        "robust-gp": (summary, "increment"),
        "nu-svr-rbf": (("TS", "AP", "HP"), "final"),
        "ridge": (summary, "increment"),
        "random-forest": (summary, "increment"),
        "last-seen": (summary, "increment"),
    }
    forest, ridge = (members[name].regressor for name in ("random-forest", "ridge"))
    assert (forest.n_settings, forest.trees, forest.random_state) == (1, (50, 50), tau_seed(4, 3))
    assert ridge.penalty == 1


def test_residuals_of_a_curve_do_not_use_its_own_errors(curves, stack):
    model = stack.model(3)
    forecasts = np.column_stack([member.held_out for member in model.members.values()])
    forecasts = model.limits.clip(forecasts, curves[:40])
    for i in (0, 7, 39):
        rest = np.delete(np.arange(40), i)
        squares = (curves.final[rest, None] - forecasts[rest]) ** 2
        held_out = forecasts[i] @ stack_weights(squares.sum(axis=0), 40)
        assert model.held_out[i] == pytest.approx(held_out)
        assert model.residuals[i] == pytest.approx(curves.final[i] - held_out)


def test_where_nothing_changes_the_last_value_counts_and_the_model_of_the_level_does_not():
    """Runs that stay where they are, at levels that parameters and noise say nothing about."""
    rng = np.random.default_rng(0)
    level = rng.uniform(0.2, 0.8, (50, 1))
    values = level + rng.normal(0, 1e-5, (50, 10))
    curves = LearningCurves(values, {"width": rng.uniform(1, 9, 50)})
    stack = StackedRegression(n_settings=5).fit(curves, taus=[2])
    weights = stack.model(2).weights
    assert weights["last-seen"] > 0.1
    assert weights["nu-svr-rbf"] < 0.01
    np.testing.assert_allclose(stack.predict(curves, 2), curves.values[:, 1], atol=1e-4)


def test_flat_runs_stay_flat(curves):
    dead = np.full((10, 12), 0.1)
    both = LearningCurves(np.concatenate([curves.values[:40], dead]))
    model = StackedRegression(n_settings=5).fit(both[np.r_[:40, 40:45]], taus=[4])
    np.testing.assert_array_equal(model.predict(both[45:], 4), np.full(5, 0.1))
    assert len(model.model(4).residuals) == 40


def test_without_time_series_neither_last_value_nor_limits_take_part(curves):
    blind = StackedRegression(features=("AP",), target="final", n_settings=5).fit(curves[:40], taus=[3])
    model = blind.model(3)
    assert "last-seen" not in model.members
    assert model.limits is None
    shifted = LearningCurves(curves.values * 0.5, curves.architecture, curves.hyperparameters)
    np.testing.assert_array_equal(blind.predict(shifted, 3), blind.predict(curves, 3))


@pytest.mark.parametrize(
    ("changes", "quoted"),
    [
        ({"target": "best"}, "'best'"),
        ({"features": ("XX",)}, "XX"),
        ({"uncertainty": "none"}, "'none'"),
        ({"max_curves": 2}, "max_curves = 2"),
        ({"n_settings": 0}, "n_settings = 0"),
        ({"n_settings": -5}, "n_settings = -5"),
    ],
)
def test_settings_that_are_not_known_are_quoted(curves, changes, quoted):
    with pytest.raises(PredictorError, match=quoted):
        make_method(**changes).fit(curves)
    with pytest.raises(PredictorError, match=quoted):
        make_method(**changes).check_settings()  # as a rule does before the burn-in


def test_it_can_learn_from_six_curves(curves):
    y_hat, std = make_method().fit(curves[:6], taus=[2]).predict(curves[6:], 2, return_std=True)
    assert np.isfinite(y_hat).all()
    assert np.all(std > 0)
