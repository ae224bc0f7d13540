"""Fast predictions of averaged Gaussian processes for a single network, as nearly every decision needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg.blas import dtrmv
from scipy.special import stdtr

from predictor.curves.arrays import Floats
from predictor.rules.envelope.gaussian_process import GaussianProcess


class Parts(NamedTuple):
    """The arrays of m different processes that a prediction needs; their inputs have d columns.

    Attributes:
        factors: (m, d) scales of the columns; (1, d) if all processes have the same.
        inputs: (m, r, d) the r points times the factors; (1, r, d) if all have the same.
        squares: (m, r) their squared lengths; (1, r) if all have the same.
        alpha: (m, r).
        whiteners: (m, r, r), or a sequence of m large ones, which are lower triangular and stored by columns.
        rbf, noise: (m,) variances of the RBF kernel and of the noise, in units of tau^2.
        scales: (m,) s^2, see `GaussianProcess.scale`.
        decay: (m,) 1 / (2 length^2).
        weights: of all processes, equal ones included.
        places: for each of these, which of the m different processes it is.
        df: degrees of freedom.
    """

    factors: Floats
    inputs: Floats
    squares: Floats
    alpha: Floats
    whiteners: Floats | Sequence[Floats]
    rbf: Floats
    decay: Floats
    noise: Floats
    scales: Floats
    weights: Floats
    places: Sequence[int]
    df: float

    @classmethod
    def of(
        cls, all_processes: Sequence[GaussianProcess], by_results: Sequence[GaussianProcess], weights: Floats
    ) -> Parts:
        """The arrays of these processes, with their weights; `by_results`, of the same kernels, give s^2."""
        processes = list(dict.fromkeys(all_processes))
        kernels = [process.kernel for process in processes]
        factors = np.array([kernel.weights(processes[0].X.shape[1]) for kernel in kernels])
        factors = factors[:1] if (factors == factors[0]).all() else factors
        X, alpha, whiteners = _points(processes)
        inputs = X * factors[:, None, :]
        df, scales = zip(*(process.scale() for process in dict.fromkeys(by_results)), strict=True)
        return cls(
            factors,
            inputs,
            (inputs**2).sum(axis=2),
            alpha,
            whiteners,
            np.array([kernel.rbf for kernel in kernels]),
            np.array([1 / (2 * kernel.length**2) for kernel in kernels]),
            np.array([kernel.noise for kernel in kernels]),
            np.array(scales),
            weights,
            [processes.index(process) for process in all_processes],
            df[0],
        )

    def chance_and_mean(self, x: Floats, least: float, threshold: float) -> tuple[float, float]:
        """P(more than the threshold) and mean of the target at x, (d,).

        If x_1 < `least`, the variance is that at x_1 = `least`, and the mean at most the mean there.
        """
        cross, own = self._covariances(x)
        locations = (cross * self.alpha).sum(axis=1)
        if x[0] < least:
            cross, own = self._covariances(raised(x, least))
            locations = np.minimum(locations, (cross * self.alpha).sum(axis=1))
        explained = (_whitened(cross, self.whiteners) ** 2).sum(axis=1)
        variances = np.maximum(own - explained, 0) + self.noise
        z = (locations - threshold) / np.sqrt(variances * self.scales)
        chances = stdtr(self.df, z)[self.places]
        return float(self.weights @ chances), float(self.weights @ locations[self.places])

    def _covariances(self, x: Floats) -> tuple[Floats, Floats]:
        """(m, r) covariances of x, (d,), with the points, and (m,) of x with itself, all without noise."""
        A = x * self.factors
        products = (self.inputs @ A[:, :, None])[:, :, 0]
        own = (A**2).sum(axis=1)
        distances = np.maximum(self.squares + own[:, None] - 2 * products, 0)
        cross = 1 + products + self.rbf[:, None] * np.exp(-distances * self.decay[:, None])
        return cross, 1 + own + self.rbf


def raised(x: Floats, first: float) -> Floats:
    """x, (..., d), with its first input replaced."""
    return np.concatenate([np.full((*x.shape[:-1], 1), first), x[..., 1:]], axis=-1)


def _points(processes: Sequence[GaussianProcess]) -> tuple[Floats, Floats, Floats | Sequence[Floats]]:
    """(m or 1, r, d) points, (m, r) alpha and m whiteners; condensed if there is a single input."""
    if processes[0].X.shape[1] > 1:
        alpha = np.array([process.alpha for process in processes])
        return processes[0].X[None], alpha, [process.whitener for process in processes]
    points = [process.condensed() for process in processes]
    r = max(len(each.X) for each in points)
    alpha, X = np.zeros((len(points), r)), np.zeros((len(points), r, 1))
    whiteners = np.zeros((len(points), r, r))
    for place, each in enumerate(points):
        n = len(each.X)
        X[place, :n], alpha[place, :n], whiteners[place, :n, :n] = each
    return X, alpha, whiteners


def _whitened(cross: Floats, whiteners: Floats | Sequence[Floats]) -> Floats:
    """(m, r) each whitener times its row of the (m, r) covariances; of large whiteners only half is read."""
    if isinstance(whiteners, np.ndarray):
        return np.asarray((whiteners @ cross[:, :, None])[:, :, 0])
    return np.array([dtrmv(W, k, lower=1) for W, k in zip(whiteners, cross, strict=True)])
