import numpy as np
import pytest
from scipy.stats import fisk, lomax, weibull_min

from predictor.models.curve_families import FAMILIES

T = np.array([1.0, 2.0, 3.0, 7.0, 20.0, 150.0])
BY_NAME = {family.name: family for family in FAMILIES}


def values(name, *parameters):
    return BY_NAME[name](T, np.array([parameters]))[0]


def test_there_are_the_eleven_of_the_paper():
    assert set(BY_NAME) == {
        *("vapor pressure", "pow3", "log log linear", "hill3", "log power", "pow4"),
        *("MMF", "exp4", "janoschek", "weibull", "ilog2"),
    }
    assert sum(family.n_parameters for family in FAMILIES) == 36


# Growth curves are distribution functions in other words: scipy's are the independent reference.
PEERS = {
    "hill3": ((0.8, 1.3, 4.0), lambda y_max, eta, kappa: y_max * fisk.cdf(T, eta, scale=kappa)),
    "log power": ((0.7, 1.2, -0.9), lambda a, b, c: a * fisk.cdf(T, -c, scale=np.exp(b))),
    "MMF": ((0.8, 0.1, 0.3, 1.4), lambda a, b, k, d: b + (a - b) * fisk.cdf(T, d, scale=1 / k)),
    "weibull": ((0.8, 0.1, 0.3, 0.7), lambda a, b, k, d: b + (a - b) * weibull_min.cdf(T, d, scale=1 / k)),
    "janoschek": (
        (0.8, 0.1, 0.3, 0.7),
        lambda a, b, k, d: b + (a - b) * weibull_min.cdf(T, d, scale=k ** (-1 / d)),
    ),
    "exp4": (
        (0.8, 0.4, -0.5, 0.7),
        lambda c, a, b, alpha: c - np.exp(b) * weibull_min.sf(T, alpha, scale=a ** (-1 / alpha)),
    ),
    "pow4": (
        (0.9, 2.0, 1.5, 0.6),
        lambda c, a, b, alpha: c - b**-alpha * lomax.sf(T, alpha, scale=b / a),
    ),
}


@pytest.mark.parametrize("name", PEERS)
def test_growth_curves_are_scaled_distribution_functions(name):
    parameters, peer = PEERS[name]
    np.testing.assert_allclose(values(name, *parameters), peer(*parameters), rtol=1e-10)


def test_pow3_approaches_its_asymptote_with_its_exponent():
    slopes = np.diff(np.log(0.8 - values("pow3", 0.8, 0.5, 0.3))) / np.diff(np.log(T))
    np.testing.assert_allclose(slopes, -0.3)
    assert values("pow3", 0.8, 0.5, 0.3)[0] == pytest.approx(0.3)


def test_vapor_pressure_is_linear_in_the_log():
    basis = np.stack([np.ones_like(T), 1 / T, np.log(T)], axis=1)
    found = np.linalg.lstsq(basis, np.log(values("vapor pressure", -0.6, -0.5, 0.04)), rcond=None)[0]
    np.testing.assert_allclose(found, [-0.6, -0.5, 0.04], atol=1e-12)


def test_log_log_linear_is_linear_in_the_exponential():
    b, a = np.polynomial.polynomial.polyfit(np.log(T), np.exp(values("log log linear", 0.2, 1.3)), 1)
    assert (a, b) == (pytest.approx(0.2), pytest.approx(1.3))


def test_ilog2_falls_short_of_its_asymptote_by_the_inverse_log():
    np.testing.assert_allclose((0.8 - values("ilog2", 0.8, 0.4)) * np.log(T + 1), 0.4)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_starts_rise_within_the_unit_interval(family):
    curve = family(np.arange(1.0, 1001.0), np.array([family.start]))[0]
    assert curve.min() >= 0
    assert curve.max() <= 1
    assert np.all(np.diff(curve) >= 0)
    assert curve[-1] > curve[0]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_walkers_do_not_mix(family):
    starts = np.array([family.start, np.array(family.start) * 1.1])
    both = family(T, starts)
    assert both.shape == (2, len(T))
    np.testing.assert_array_equal(both[1], family(T, starts[1:])[0])
