import sys

import numpy as np
import pytest
from scipy.stats import expon, norm

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import PredictorError
from predictor.extras import MissingPackageError
from predictor.models.curve_families import FAMILIES
from predictor.models.lce import N_DIMENSIONS, N_PARAMETERS, CurvePosterior, LearningCurveExtrapolation
from predictor.rules.names import make_rule

T = 40
EPOCHS = np.arange(1.0, T + 1)
NOISE = 0.005
RISING = {
    "pow3": 0.8 - 0.6 * EPOCHS**-0.6,
    "weibull": 0.7 - 0.6 * np.exp(-((0.08 * EPOCHS) ** 0.9)),
}


def curve(name, seed=0):
    return RISING[name] + NOISE * np.random.default_rng(seed).standard_normal(T)


def short(**settings):
    return LearningCurveExtrapolation(**{"n_steps": 500, "burn_in": 250, "thin": 10, **settings})


@pytest.mark.parametrize("name", RISING)
def test_recovers_the_end_of_a_synthetic_curve(name):
    curves = LearningCurves(curve(name)[None])
    y_hat, std = short().fit(curves).predict(curves, tau=16, return_std=True)
    error = abs(y_hat[0] - RISING[name][-1])
    assert error < 2 * std[0]
    assert error < 0.3 * (RISING[name][-1] - RISING[name][15]) + NOISE  # most of the way that is left
    assert NOISE / 2 < std[0] < 0.05


def test_uncertainty_shrinks_as_more_is_seen():
    curves = LearningCurves(curve("weibull")[None])
    model = short().fit(curves)
    assert (
        model.predict(curves, tau=30, return_std=True)[1] < model.predict(curves, tau=5, return_std=True)[1]
    )


def test_probability_follows_the_threshold():
    curves = LearningCurves(curve("pow3")[None])
    model = short(n_steps=200, burn_in=100).fit(curves)
    below = [model.probability_below(curves, threshold, tau=20)[0][0] for threshold in (0.5, 0.74, 0.95)]
    assert below[0] < 0.05
    assert below[0] < below[1] < below[2]
    assert below[2] > 0.95


def test_perplexities_are_extrapolated_in_the_log():
    rising = np.array([curve("pow3", seed) for seed in range(4)])
    curves = LearningCurves(np.exp(6 - 1.5 * rising), metric="perplexity")
    y_hat, std = short(n_steps=250, burn_in=125).fit(curves).predict(curves, tau=16, return_std=True)
    still_to_come = curves.final - curves.scores[:, 15]
    assert np.abs(y_hat - curves.final).mean() < 0.5 * still_to_come.mean()
    assert np.sqrt(np.mean(((y_hat - curves.final) / std) ** 2)) < 2.5


@pytest.mark.parametrize(
    "values", [np.full(T, 0.1), np.linspace(0.6, 0.2, T), np.zeros(T), np.ones(T), np.arange(T) % 2 * 0.9]
)
@pytest.mark.parametrize("tau", [1, 12])
def test_curves_unlike_any_family_still_get_a_forecast(values, tau):
    curves = LearningCurves(values[None])
    y_hat, std = short(n_steps=40, burn_in=20).fit(curves).predict(curves, tau=tau, return_std=True)
    assert 0 <= y_hat[0] <= 1
    assert 0 < std[0] <= 1.5


def test_a_curve_gets_the_same_forecast_alone_in_a_set_and_in_another_process():
    curves = LearningCurves(np.array([curve("pow3"), curve("weibull")]))
    together = short(n_steps=60, burn_in=30, n_jobs=2).fit(curves).predict(curves, tau=10)
    alone = short(n_steps=60, burn_in=30).fit(curves).predict(curves[1], tau=10)
    assert together[1] == alone[0]
    other = short(n_steps=60, burn_in=30, random_state=1).fit(curves).predict(curves[1], tau=10)
    assert other[0] != alone[0]


def test_global_random_numbers_are_left_alone():
    curves = LearningCurves(curve("pow3")[None])
    before = np.random.get_state()[1].copy()
    short(n_steps=30, burn_in=10).fit(curves).predict(curves, tau=10)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_density_is_likelihood_times_prior():
    y = curve("pow3")[:6]
    posterior = CurvePosterior(y, T)
    theta = np.concatenate([family.start for family in FAMILIES])
    rng = np.random.default_rng(0)
    weights, sigmas = rng.exponential(size=(2, len(FAMILIES))), np.array([0.03, 0.2])
    unknowns = np.hstack([np.tile(theta, (2, 1)), weights, sigmas[:, None]])

    def by_hand(w, sigma):
        t = EPOCHS[:6]
        fs = np.array([family(t, np.array([family.start]))[0] for family in FAMILIES])
        return norm.logpdf(y, w @ fs / w.sum(), sigma).sum() + expon.logpdf(w).sum()

    expected = by_hand(weights[0], sigmas[0]) - by_hand(weights[1], sigmas[1])
    found = posterior.log_density(unknowns)
    assert found[0] - found[1] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("index", "value"), [(N_PARAMETERS, -0.1), (-1, 0.0), (-1, 1.5), (3, 1.9), (3, -5.0), (4, np.nan)]
)
def test_density_is_zero_outside_the_prior(index, value):
    posterior = CurvePosterior(curve("pow3")[:6], T)
    inside = posterior.centre()
    outside = inside.copy()
    outside[index] = value
    assert np.isfinite(posterior.log_density(inside[None]))[0]
    assert posterior.log_density(outside[None])[0] == -np.inf


@pytest.mark.parametrize("seed", range(3))
def test_walkers_begin_apart_and_inside_the_prior(seed):
    posterior = CurvePosterior(curve("weibull", seed)[:5], T)
    walkers = posterior.walkers(100, np.random.default_rng(seed))
    assert np.isfinite(posterior.log_density(walkers)).all()
    assert np.linalg.matrix_rank(walkers - walkers.mean(axis=0)) == N_DIMENSIONS


@pytest.mark.parametrize("setting", [{"n_walkers": 50}, {"burn_in": 500}, {"thin": 0}, {"thin": 251}])
def test_impossible_settings_are_quoted(setting):
    ((name, value),) = setting.items()
    with pytest.raises(PredictorError, match=f"{name} = {value}"):
        short(**setting).fit(LearningCurves(curve("pow3")[None]))


def test_without_emcee_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "emcee", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'emcee'"):
        short().fit(LearningCurves(curve("pow3")[None]))
    with pytest.raises(MissingPackageError, match=r"rule 'lce': .*pip install 'emcee'"):
        make_rule("lce")
