import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict, cross_val_score

from predictor import (
    CurveFeatures,
    CurvesError,
    LearningCurves,
    PredictorError,
    SequentialRegression,
    make_method,
)
from predictor.models.base import LastSeenValue
from predictor.models.uncertainty import make_uncertainty


@pytest.fixture(scope="module")
def fitted(curves):
    return SequentialRegression(n_settings=30).fit(curves[:40])


def test_better_with_more_epochs_and_better_than_the_mean(curves):
    model = SequentialRegression(n_settings=30, features=("TS",)).fit(curves[:40])
    scores = [model.score(curves[40:], tau) for tau in (1, 7)]
    assert 0 < scores[0] < scores[1]
    assert scores[1] > 0.9
    assert model.sigma_.shape == (7,)
    assert model.sigma_[-1] < model.sigma_[0]


def test_ols_is_a_linear_regression_per_tau_with_leave_one_out_sigma(curves):
    model = SequentialRegression(regressor="ols", features=("TS",)).fit(curves[:40])
    for tau in (1, 2, 5):
        X = CurveFeatures(tau=tau, features=("TS",)).fit(curves).transform(curves)
        peer = LinearRegression().fit(X[:40], curves.final[:40])
        np.testing.assert_allclose(model.predict(curves[40:], tau), peer.predict(X[40:]))
        held_out = cross_val_predict(LinearRegression(), X[:40], curves.final[:40], cv=40)
        np.testing.assert_allclose(
            model.sigma_[tau - 1], np.sqrt(np.mean((held_out - curves.final[:40]) ** 2))
        )


@pytest.mark.parametrize(("n", "parts"), [(100, 100), (101, 20)])
def test_up_to_a_hundred_curves_are_left_out_one_by_one_and_more_in_twenty_parts(curves, n, parts):
    many = LearningCurves.concatenate(curves, curves, curves)[:n]
    model = SequentialRegression(regressor="ols", features=("TS",)).fit(many, taus=[2])
    X = CurveFeatures(tau=2, features=("TS",)).fit(many).transform(many)
    held_out = cross_val_predict(LinearRegression(), X, many.final, cv=parts)
    np.testing.assert_allclose(model.models_[2].held_out, held_out)


@pytest.mark.parametrize("n_jobs", [0, 1, 2])
def test_lazy_parallel_and_ordered_fits_are_the_same(fitted, curves, n_jobs):
    other = SequentialRegression(n_settings=30, n_jobs=n_jobs).fit(curves[:40], taus=[6, 2])
    assert sorted(other.models_) == [2, 6]
    for tau in (2, 4, 6):
        np.testing.assert_array_equal(other.predict(curves, tau), fitted.predict(curves, tau))
    np.testing.assert_array_equal(other.sigma_[[1, 3, 5]], fitted.sigma_[[1, 3, 5]])
    assert np.isnan(other.sigma_[0])


def test_only_completed_curves_are_learned_from(fitted, curves):
    mixed = LearningCurves.concatenate(curves[:20], curves[40:].until(5), curves[20:40])
    again = clone(fitted).fit(mixed, taus=[3])
    np.testing.assert_array_equal(again.predict(curves, 3), fitted.predict(curves, 3))


def test_without_tau_every_curve_is_seen_up_to_its_last_epoch(fitted, curves):
    mixed = LearningCurves.concatenate(curves[40:42].until(2), curves[42:43], curves[43:45].until(6))
    y_hat, std = fitted.predict(mixed, return_std=True)
    expected = [*fitted.predict(curves[40:42], 2), curves.final[42], *fitted.predict(curves[43:45], 6)]
    np.testing.assert_allclose(y_hat, expected)
    sigma = fitted.sigma_
    np.testing.assert_allclose(std, [sigma[1], sigma[1], 0, sigma[5], sigma[5]])
    below, _ = fitted.probability_below(mixed, float(curves.final[42]))
    assert below[2] == 1.0


def test_the_increment_is_added_to_what_was_seen(curves):
    tau = 3
    model = SequentialRegression(regressor="ols", features=("AP",), target="increment").fit(curves[:40])
    X = np.column_stack([curves.architecture["depth"], curves.architecture["num_params"]])
    seen = curves.scores[:, tau - 1]
    peer = LinearRegression().fit(X[:40], (curves.final - seen)[:40])
    np.testing.assert_allclose(model.predict(curves[40:], tau), peer.predict(X[40:]) + seen[40:])


def test_any_scikit_learn_regressor_will_do(curves):
    model = SequentialRegression(regressor=Ridge(alpha=1e-3), features=("TS",)).fit(curves[:40], taus=[7])
    assert model.score(curves[40:], 7) > 0.9
    assert model.sigma_[-1] > 0


def test_perplexities_are_predicted_on_the_log_scale(curves):
    perplexities = LearningCurves(
        np.exp(-curves.values), curves.architecture, curves.hyperparameters, metric="perplexity"
    )
    one = SequentialRegression(regressor="ols").fit(perplexities[:40])
    other = SequentialRegression(regressor="ols").fit(curves[:40])
    np.testing.assert_allclose(one.predict(perplexities, 4), other.predict(curves, 4), rtol=1e-6)


def test_a_refit_from_a_prior_is_as_good_as_a_new_search(make_curves):
    curves = make_curves(260, 8, seed=9)
    first = SequentialRegression(n_settings=60).fit(curves[:60], taus=[3])
    cheap = clone(first).fit(curves[:120], taus=[3], prior=first)
    full = clone(first).fit(curves[:120], taus=[3])
    assert len(cheap.models_[3].regressor.settings_) == 20
    truth = curves.final[120:]
    assert (
        r2_score(truth, cheap.predict(curves[120:], 3))
        > r2_score(truth, full.predict(curves[120:], 3)) - 0.01
    )


def test_a_refit_of_a_scikit_learn_regressor_is_a_new_fit(curves):
    """None of them can choose among the best settings of the prior."""
    model = SequentialRegression(regressor=Ridge(alpha=0.1), features=("TS",))
    again = clone(model).fit(curves[:40], taus=[3], prior=clone(model).fit(curves[:10]))
    once = clone(model).fit(curves[:40], taus=[3])
    np.testing.assert_array_equal(again.predict(curves[40:], 3), once.predict(curves[40:], 3))


def test_an_infinite_parameter_is_learned_from_as_one_that_is_not_known(curves):
    def forecasts(missing):
        clip = np.where(np.arange(60) % 3, curves.architecture["depth"], missing)
        some = LearningCurves(curves.values, hyperparameters={"clip_norm": clip})
        return SequentialRegression(regressor="ols").fit(some[:40], taus=[3]).predict(some[40:], 3)

    np.testing.assert_array_equal(forecasts(np.inf), forecasts(np.nan))


def test_large_sets_are_thinned_by_an_addressed_draw(curves):
    model = SequentialRegression(regressor="ols", max_curves=30)
    one, other = clone(model).fit(curves), clone(model).fit(curves)
    assert len(one.curves_) == 30
    np.testing.assert_array_equal(one.curves_.values, other.curves_.values)
    drawn = np.random.default_rng([0, 60]).choice(60, 30, replace=False)
    np.testing.assert_array_equal(one.curves_.values, curves.values[np.sort(drawn)])


@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("regressor", ["nu-svr-rbf", "nu-svr-linear", "ols", "robust-gp"])
def test_tiny_sets_equal_curves_and_constant_rates_are_safe(make_curves, regressor, n):
    curves = make_curves(n, 4, seed=1)
    same = LearningCurves(
        np.tile(curves.values[0], (n, 1)), {"depth": np.full(n, 3.0)}, {"lr": np.full(n, 0.001)}
    )
    for train in (curves, same):
        model = SequentialRegression(regressor=regressor, n_settings=2).fit(train, taus=[1, 3])
        y_hat, std = model.predict(train, 3, return_std=True)
        assert np.isfinite(y_hat).all()
        assert np.all(std > 0)
    np.testing.assert_allclose(y_hat, curves.final[0])


@pytest.mark.parametrize(
    ("train", "part"),
    [
        (LearningCurves(np.ones((5, 1))), "T = 1"),
        (LearningCurves(np.ones((1, 5))), "1 of 1 curves"),
        (LearningCurves(np.full((5, 5), np.nan)), "0 of 5 curves"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(train, part):
    with pytest.raises(CurvesError, match=part):
        SequentialRegression().fit(train)


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"regressor": "svm"}, "'svm'"),
        ({"target": "last"}, "'last'"),
        ({"uncertainty": "none"}, "'none'"),
        ({"features": ("XX",)}, "XX"),
        ({"max_curves": 2}, "max_curves = 2"),
        ({"n_settings": 0}, "n_settings = 0"),
        ({"n_settings": 100_001}, "n_settings = 100001"),
        ({"random_state": -1}, "random_state = -1"),
    ],
)
def test_wrong_settings_quote_the_value(curves, settings, part):
    with pytest.raises(PredictorError, match=part):
        SequentialRegression(**settings).fit(curves, taus=[])


@pytest.mark.parametrize("settings", [{"max_curves": 3}, {"n_settings": 1}, {"n_settings": 100_000}])
def test_the_smallest_and_the_largest_settings_will_do(settings):
    SequentialRegression(**settings).check_settings()


def test_nothing_is_known_of_a_tau_before_the_fit():
    with pytest.raises(NotFittedError):
        SequentialRegression().model(3)


def test_the_score_is_that_of_the_completed_curves(curves):
    model = SequentialRegression(regressor="ols").fit(curves[:40])
    mixed = LearningCurves.concatenate(curves[40:50], curves[50:].until(6))
    assert model.score(mixed, 5) == model.score(curves[40:50], 5)


def test_wrong_taus_and_curves_are_refused(fitted, curves):
    with pytest.raises(PredictorError, match="tau = 8"):
        fitted.predict(curves, 8)
    with pytest.raises(CurvesError, match="tau = 0"):
        fitted.predict(curves[:2].until(0))
    with pytest.raises(CurvesError, match="T = 7"):
        fitted.predict(LearningCurves(curves.values[:, :7], curves.architecture, curves.hyperparameters))


@pytest.mark.parametrize("model", [make_method("ols"), LastSeenValue()])
def test_curves_of_another_metric_than_those_of_the_fit_are_refused(curves, model):
    losses = LearningCurves(1 - curves.values, curves.architecture, curves.hyperparameters, "loss")
    with pytest.raises(CurvesError, match=r"'accuracy' \(maximize\) are compared with .*'loss' \(minimize\)"):
        model.fit(losses[:40]).predict(curves[40:], 3)


@pytest.mark.parametrize("model", [make_method("ols"), LastSeenValue()])
def test_cross_validation_says_what_is_scored_after_which_epoch(curves, model):
    """Where y_T could be a number of epochs: it must not be taken for tau."""
    scaled = LearningCurves(curves.values * 7)
    assert 1 < scaled.final.min() < scaled.final.max() < scaled.T
    with pytest.raises(PredictorError, match=r"tau is an array of shape \(20,\); expected a whole number"):
        cross_val_score(model, scaled, scaled.final, cv=3, error_score="raise")
    scores = cross_val_score(model, scaled, cv=3, scoring=lambda fitted, part, y=None: fitted.score(part, 5))
    expected = clone(model).fit(scaled[20:]).predict(scaled[:20], 5)
    assert scores[0] == pytest.approx(r2_score(scaled.final[:20], expected))


@pytest.mark.parametrize("tau", [2.7, np.nan, np.inf])
@pytest.mark.parametrize("model", [make_method("ols"), LastSeenValue()])
def test_a_part_of_an_epoch_is_refused(curves, model, tau):
    with pytest.raises(PredictorError, match=f"tau is {tau}; expected a whole number"):
        model.fit(curves).predict(curves, tau)


def test_runs_that_never_started_are_held_unless_one_was_seen_to_wake(curves):
    values = curves.values.copy()
    values[[0, 50]] = 0.1
    dead = LearningCurves(values, curves.architecture, curves.hyperparameters)
    model = SequentialRegression(regressor="ols", hold_flat=True)
    held = clone(model).fit(dead[:40])
    assert held.predict(dead[[50]], 4)[0] == 0.1
    np.testing.assert_allclose(held.predict(dead[51:], 4), clone(model).fit(dead[1:40]).predict(dead[51:], 4))
    assert held.predict(dead[[50]], 2)[0] != 0.1  # two equal epochs say little
    woken = LearningCurves(np.vstack([values[:40], [[0.1] * 5 + [0.3, 0.4, 0.5]]]))
    late = clone(model).fit(woken)
    assert late.predict(LearningCurves(values[[50]]), 4)[0] != 0.1


def test_residuals_are_kept_so_that_other_uncertainties_need_no_fit(curves):
    one, other = (
        SequentialRegression(regressor="ols", target="increment", uncertainty=kind).fit(curves[:40], taus=[4])
        for kind in ("loocv", "level")
    )
    model = one.model(4)
    np.testing.assert_allclose(model.residuals + model.held_out, curves.final[:40])
    levels = np.linspace(0, 1, 5)
    made = make_uncertainty("level", model.residuals, model.held_out)
    np.testing.assert_array_equal(made.std(levels), other.model(4).uncertainty.std(levels))


def test_a_dead_run_beyond_the_training_range_is_extrapolated_by_its_curve_not_by_its_width():
    rng = np.random.default_rng(4)
    width = rng.uniform(50, 100, 60)
    start, gain = 0.1 + 0.002 * width, 0.2 + 0.001 * width
    values = start[:, None] + gain[:, None] * (1 - 0.6 ** np.arange(10)) + rng.normal(0, 1e-3, (60, 10))
    model = make_method("robust-gp").fit(LearningCurves(values, {"width": width}), taus=[3])
    flat = 0.02 + 1e-4 * np.arange(10)[None]
    predictions = [
        model.predict(LearningCurves(flat, {"width": np.array([w])}), 3)[0] for w in (60.0, 1.0, 0.01)
    ]
    assert predictions[1] == pytest.approx(predictions[2], abs=1e-3)


def test_other_random_numbers_take_other_curves_and_other_settings_at_each_tau(curves):
    models = [
        SequentialRegression(n_settings=3, max_curves=20, random_state=state).fit(curves, taus=[2, 3])
        for state in (0, 0, 1)
    ]
    first, again, other = (
        (model.curves_.names, *(model.models_[tau].regressor.settings_ for tau in (2, 3))) for model in models
    )
    assert repr(first) == repr(again)
    assert len({repr(drawn) for drawn in (*first, *other)}) == 6
