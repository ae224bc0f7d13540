"""LC-Net: a Bayesian neural network for learning curves (Klein, Falkner, Springenberg and Hutter, ICLR 2017).

The only module of this package that uses torch, and only when a forecast is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.errors import PredictorError
from predictor.extras import require
from predictor.models.base import BaselinePredictor, Forecast, UnitScale
from predictor.models.features import CurveFeatures
from predictor.models.regressors.base import Standardizer
from predictor.models.sghmc import ScaleAdaptedSGHMC

if TYPE_CHECKING:
    from torch import Tensor

Floats32 = npt.NDArray[np.float32]

HIDDEN = 64
N_THETA, N_BASIS = 13, 5
N_OUTPUTS = N_THETA + N_BASIS + 2
START_LOG_VARIANCE = float(np.log(1e-3))
SMALLEST_VARIANCE = 1e-6
WIDE_RANGE = 100.0


class LearningCurveNetwork(BaselinePredictor):
    """y_t ~ N(mu(x, t), sigma(x)^2): from configuration x and t / T to values, all weights sampled.

    Three hidden layers of 64 tanh units see x; the learning-curve layer on top gives

        mu(x, t) = y_inf(x) + sum_i w_i(x) phi_i(t / T; theta_i(x))

    with five basis functions phi_i that are 0 at t = T (`basis_functions`), so that y_inf is y_T. All weights
    have the prior N(0, 1) and are sampled by scale-adapted SGHMC (`ScaleAdaptedSGHMC`).

    The posterior is given every epoch observed of the training curves, stopped ones included, *and epochs
    1..tau of the curves to predict*, as in the paper. So a network is trained when `predict` is called, one
    for each tau among the curves, and forecasts of curves that are predicted together depend on each other:
    pass all of them at once.

    x: all architecture parameters and hyper-parameters that vary, standardised; of positive ones that span a
    factor of 100 or more, log10. Values are on a scale of about [0, 1] (`UnitScale`; accuracies as they are).
    The draws depend on (random_state, tau).

    Args:
        n_steps: sampling steps after burn-in.
        burn_in: steps before these, in which the sampler adapts.
        keep_every: one in this many steps gives a sample of the posterior; n_steps // keep_every in all.
        batch_size: points per step.
        epsilon, alpha: step size and momentum decay of the sampler.
        random_state: seed.

    Raises:
        MissingPackageError: by `fit` if torch is not installed.
        PredictorError: by `predict` if the sampler diverges because its steps are too large.
    """

    def __init__(
        self,
        *,
        n_steps: int = 10000,
        burn_in: int = 3000,
        keep_every: int = 100,
        batch_size: int = 64,
        epsilon: float = 1e-2,
        alpha: float = 0.05,
        random_state: int = 0,
    ) -> None:
        self.n_steps = n_steps
        self.burn_in = burn_in
        self.keep_every = keep_every
        self.batch_size = batch_size
        self.epsilon = epsilon
        self.alpha = alpha
        self.random_state = random_state

    def check_settings(self) -> None:
        """See `BaselinePredictor.check_settings`."""
        require("torch", "the Bayesian neural network")
        ScaleAdaptedSGHMC(epsilon=self.epsilon, alpha=self.alpha, burn_in=self.burn_in)  # checks them
        if not 1 <= self.keep_every <= self.n_steps or self.batch_size < 1 or self.random_state < 0:
            raise PredictorError(
                f"keep_every = {self.keep_every}, n_steps = {self.n_steps}, batch_size = {self.batch_size}, "
                f"random_state = {self.random_state}; expected 1 <= keep_every <= n_steps, batch_size >= 1 "
                "and a seed of at least 0"
            )

    def _fit(self, curves: LearningCurves) -> None:
        self.scale_ = UnitScale.fit(curves)
        self.configurations_ = Configurations.fit(curves)
        self.points_ = self._points(curves, curves.T)

    def _forecast(self, curves: LearningCurves, tau: int) -> Forecast:
        import torch

        mine = self._points(curves, tau)
        x, t, y = (np.concatenate(pair) for pair in zip(self.points_, mine, strict=True))
        inputs = torch.from_numpy(self.configurations_.transform(curves))
        means, variances = [], []
        with threadpool_limits(1):
            for sample in self._posterior(x, t, y, np.random.default_rng([self.random_state, tau])):
                with torch.no_grad():
                    mean, variance = network(torch.from_numpy(sample), inputs, torch.ones(len(curves)))
                means.append(mean.numpy())
                variances.append(variance.numpy())
        means_, sigmas = np.stack(means, axis=1), np.sqrt(np.stack(variances, axis=1))
        return Forecast(
            self.scale_.to_scores(means_.astype(np.float64)), sigmas.astype(np.float64) / self.scale_.slope
        )

    def _points(self, curves: LearningCurves, tau: int) -> tuple[Floats32, Floats32, Floats32]:
        """x (N, d), t / T (N,) and y (N,) of every epoch up to tau that was observed."""
        rows, columns = np.nonzero(np.isfinite(curves.scores[:, :tau]))
        x = self.configurations_.transform(curves)[rows]
        y = self.scale_.to_unit(curves.scores[rows, columns])
        return x, ((columns + 1) / curves.T).astype(np.float32), y.astype(np.float32)

    def _posterior(self, x: Floats32, t: Floats32, y: Floats32, rng: np.random.Generator) -> list[Floats32]:
        """Samples of the flat weights (d,)."""
        import torch

        inputs, times, targets = torch.from_numpy(x), torch.from_numpy(t), torch.from_numpy(y)
        flat = start_weights(x.shape[1], rng)
        weights = torch.from_numpy(flat).requires_grad_()  # in the memory of flat, which the sampler moves

        def gradient() -> Floats32:
            batch = torch.from_numpy(rng.integers(len(y), size=self.batch_size))
            mean, variance = network(weights, inputs[batch], times[batch])
            misfit = (targets[batch] - mean) ** 2 / variance + torch.log(variance)
            energy = 0.5 * len(y) * misfit.mean() + 0.5 * (weights**2).sum()
            (slope,) = torch.autograd.grad(energy, weights)
            return np.asarray(slope.numpy())

        sampler = ScaleAdaptedSGHMC(epsilon=self.epsilon, alpha=self.alpha, burn_in=self.burn_in)
        chain = enumerate(sampler.run(flat, gradient, self.n_steps, rng), start=1)
        samples = [theta.astype(np.float32) for step, theta in chain if step % self.keep_every == 0]
        if not np.isfinite(samples[-1]).all():
            raise PredictorError(
                f"the sampler diverged with epsilon = {self.epsilon}; expected a smaller one"
            )
        return samples


@dataclass(frozen=True)
class Configurations:
    """The network's input from curves: their standardised parameters, those of a wide range in log10."""

    features: CurveFeatures
    wide: npt.NDArray[np.bool_]
    standardizer: Standardizer

    @classmethod
    def fit(cls, curves: LearningCurves) -> Configurations:
        """Learn which parameters vary, and over which range."""
        features = CurveFeatures(features=("AP", "HP")).fit(curves)
        X = features.transform(curves)
        low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
        wide = (low > 0) & (high >= WIDE_RANGE * low)
        return cls(features, wide, Standardizer.fit(_log10(X, wide)))

    def transform(self, curves: LearningCurves) -> Floats32:
        """(n, d) inputs; unknown parameters (NaN) become the mean."""
        X = _log10(self.features.transform(curves), self.wide)
        return self.standardizer.transform(X).astype(np.float32)


def _log10(X: Floats, columns: npt.NDArray[np.bool_]) -> Floats:
    positive = np.where(X > 0, X, np.nan)
    return np.where(columns, np.log10(positive), X)


def layer_sizes(n_inputs: int) -> list[tuple[int, int]]:
    """(outputs, inputs) of the network's layers."""
    return [(HIDDEN, n_inputs), (HIDDEN, HIDDEN), (HIDDEN, HIDDEN), (N_OUTPUTS, HIDDEN)]


def start_weights(n_inputs: int, rng: np.random.Generator) -> Floats32:
    """(d,) flat weights to begin with: N(0, 1 / inputs) and biases of 0."""
    parts = []
    for outputs, inputs in layer_sizes(n_inputs):
        parts += [rng.standard_normal(outputs * inputs) / np.sqrt(inputs), np.zeros(outputs)]
    return np.concatenate(parts).astype(np.float32)


def network(weights: Tensor, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (N,) of y for flat weights (d,), configurations x (N, inputs) and t / T (N,)."""
    import torch

    sizes = layer_sizes(x.shape[1])
    parts = torch.split(weights, [n for out, inputs in sizes for n in (out * inputs, out)])
    for layer, (outputs, inputs) in enumerate(sizes):
        matrix, bias = parts[2 * layer].view(outputs, inputs), parts[2 * layer + 1]
        x = torch.addmm(bias, x, matrix.t())
        if layer < len(sizes) - 1:
            x = torch.tanh(x)
    theta, mixture, rest = torch.split(x, [N_THETA, N_BASIS, 2], dim=1)
    phi = torch.stack(basis_functions(torch.sigmoid(theta), t), dim=1)
    mean = torch.sigmoid(rest[:, 0]) + (torch.softmax(mixture, dim=1) * phi).sum(dim=1)
    return mean, torch.exp(rest[:, 1] + START_LOG_VARIANCE) + SMALLEST_VARIANCE


def basis_functions(theta: Tensor, t: Tensor) -> list[Tensor]:
    """The five basis functions (N,) for parameters theta (N, 13) in (0, 1) and t (N,) in (0, 1]; 0 at t = 1.

    In order: vapor pressure, power, log power, exponential, Hill.
    """
    import torch

    a, b, c, d, e, f, g, h, i, j, k, m, n = theta.unbind(dim=1)
    log_t = torch.log(t)
    return [
        torch.exp(-a - 0.1 * b / t - 0.1 * c * log_t) - torch.exp(-a - 0.1 * b),
        d * (torch.exp(e * log_t) - 1),
        2 * f * (torch.sigmoid(h * (log_t - 0.1 * g)) - torch.sigmoid(-0.1 * h * g)),
        i * (torch.exp(-10 * j) - torch.exp(-10 * j * t)),
        k * (1 / (1 + (n / t) ** m) - 1 / (1 + n**m)),
    ]
