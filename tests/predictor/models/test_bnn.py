import sys

import numpy as np
import pytest
import torch

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import PredictorError
from predictor.extras import MissingPackageError
from predictor.models.bnn import (
    N_THETA,
    Configurations,
    LearningCurveNetwork,
    basis_functions,
    layer_sizes,
    network,
    start_weights,
)


def short(**settings):
    return LearningCurveNetwork(**{"n_steps": 500, "burn_in": 1000, "keep_every": 20, **settings})


def test_basis_functions_end_at_zero():
    theta = torch.rand(50, N_THETA, generator=torch.Generator().manual_seed(0))
    for phi in basis_functions(theta, torch.ones(50)):
        torch.testing.assert_close(phi, torch.zeros(50), atol=1e-6, rtol=0)


def test_basis_functions_are_those_of_the_paper():
    theta = np.random.default_rng(0).uniform(0.05, 0.95, N_THETA)
    a, b, c, d, e, f, g, h, i, j, k, m, n = theta
    t = np.linspace(0.05, 1, 12)
    hill = k * t**m / (n**m + t**m)
    log_power = 2 * f / (1 + (t / np.exp(g / 10)) ** -h)
    expected = [
        np.exp(-a - b / 10 / t - c / 10 * np.log(t)) - np.exp(-a - b / 10),
        d * (t**e - 1),
        log_power - 2 * f / (1 + np.exp(g / 10) ** h),
        i * (np.exp(-10 * j) - np.exp(-10 * j * t)),
        hill - hill[-1],
    ]
    found = basis_functions(torch.tensor(np.tile(theta, (12, 1))), torch.tensor(t))
    for phi, phi_expected in zip(found, expected, strict=True):
        np.testing.assert_allclose(phi.numpy(), phi_expected, atol=1e-12)


def test_the_network_is_the_usual_one_up_to_its_last_layer():
    flat = start_weights(3, np.random.default_rng(0))
    assert len(flat) == sum(out * (inputs + 1) for out, inputs in layer_sizes(3))
    peer, begin = [], 0
    for out, inputs in layer_sizes(3):
        layer = torch.nn.Linear(inputs, out)
        parameters = torch.from_numpy(flat[begin : begin + out * (inputs + 1)])
        torch.nn.utils.vector_to_parameters(parameters, layer.parameters())
        peer += [layer, torch.nn.Tanh()]
        begin += out * (inputs + 1)
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32))
    with torch.no_grad():
        outputs = torch.nn.Sequential(*peer[:-1])(x)
        mean, variance = network(torch.from_numpy(flat), x, torch.ones(7))
    torch.testing.assert_close(mean, torch.sigmoid(outputs[:, -2]), atol=1e-5, rtol=0)  # y_T is the asymptote
    torch.testing.assert_close(torch.log(variance - 1e-6), outputs[:, -1] + np.log(1e-3), atol=1e-3, rtol=0)


def test_learns_how_the_end_depends_on_the_configuration(make_curves):
    curves = make_curves(80, 10, seed=1)
    train, test = curves[:60], curves[60:]
    y_hat, std = short().fit(train).predict(test, tau=2, return_std=True)
    errors = test.final - y_hat
    assert errors.std() < 0.7 * test.final.std()
    assert 0.3 < np.sqrt(np.mean((errors / std) ** 2)) < 3


def test_the_observed_part_of_the_curves_to_predict_is_used(make_curves):
    curves = make_curves(12, 10, seed=2)
    bare = LearningCurves(curves.values)  # nothing known but the curves
    model = short(n_steps=200, burn_in=400).fit(bare[:6])
    low = LearningCurves(0.2 * bare.values[6:])
    assert model.predict(low, tau=9).mean() < model.predict(bare[6:], tau=9).mean() - 0.05


def test_draws_depend_on_the_seed_and_leave_global_random_numbers_alone(make_curves):
    curves = make_curves(10, 6, seed=3)
    state = torch.random.get_rng_state()

    def forecast(seed):
        model = short(n_steps=20, burn_in=20, random_state=seed).fit(curves)
        return model.predict(curves, tau=2)

    np.testing.assert_array_equal(forecast(0), forecast(0))
    assert not np.array_equal(forecast(0), forecast(1))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_configurations_are_standardised_and_wide_ranges_in_the_log():
    weights, depth = np.array([1e3, 1e4, 1e5, np.nan]), np.array([1.0, 2.0, 3.0, 4.0])
    curves = LearningCurves(np.full((4, 2), 0.5), {"num_params": weights, "depth": depth}, {"lr": np.ones(4)})
    found = Configurations.fit(curves).transform(curves)
    assert found.shape == (4, 2)  # lr does not vary
    np.testing.assert_allclose(found[:, 0], [-np.sqrt(1.5), 0, np.sqrt(1.5), 0], atol=1e-6)
    np.testing.assert_allclose(found[:, 1], (depth - 2.5) / depth.std(), rtol=1e-6)


def test_perplexities_are_predicted_in_their_log(make_curves):
    curves = make_curves(30, 8, seed=4)
    perplexity = LearningCurves(
        np.exp(6 - 2 * curves.values), curves.architecture, curves.hyperparameters, "perplexity"
    )
    y_hat = short().fit(perplexity[:20]).predict(perplexity[20:], tau=4)
    assert np.abs(y_hat - perplexity.final[20:]).mean() < 0.5 * perplexity.final.std()


def test_a_sampler_that_diverges_says_so(make_curves):
    curves = make_curves(10, 6, seed=5)
    with pytest.raises(PredictorError, match=r"diverged with epsilon = 100\.0"):
        short(epsilon=100.0, n_steps=20, burn_in=20).fit(curves).predict(curves, tau=2)


@pytest.mark.parametrize(
    "setting",
    [
        {"keep_every": 501},
        {"keep_every": 0},
        {"batch_size": 0},
        {"random_state": -3},
        {"burn_in": 0},
        {"epsilon": -1.0},
        {"alpha": 1.0},
    ],
)
def test_impossible_settings_are_quoted(setting, make_curves):
    ((name, value),) = setting.items()
    with pytest.raises(PredictorError, match=f"{name} = {value}"):
        short(**setting).fit(make_curves(4, 3, seed=0))


def test_without_torch_one_line_says_what_to_install(make_curves, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackageError, match="pip install 'torch'"):
        short().fit(make_curves(4, 3, seed=0))
