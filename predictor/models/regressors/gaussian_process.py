"""A Gaussian process for few curves with outliers: linear plus RBF kernel, Student-t noise."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import minimize
from sklearn.base import clone

from predictor.curves.arrays import Floats
from predictor.models.regressors.base import StandardizedRegressor
from predictor.models.regressors.svr import squared_distances

JITTER = 1e-8
OUTER_STEPS = 3
BOUND = 6.0
"""No kernel parameter goes further, in prior standard deviations, whatever the line search tries."""


class RobustGaussianProcess(StandardizedRegressor):
    """y = f(x) + e on the standardised scale, f a Gaussian process, e Student-t by iterated reweighting.

    Cov f(a), f(b) = s^2 exp(-1/2 sum_k ((a_k - b_k) / l_k)^2) + v^2 sum_(k < n_linear) a_k b_k: the linear
    part continues a trend beyond the training range, where an RBF kernel alone falls back to the mean. A
    straight line is right there for some inputs and wrong for others: `n_linear` says for which. Row i has
    noise variance n^2 / w_i, w_i = (df + 1) / (df + E[e_i^2] / n^2): runs that jump or collapse, as some
    always do, lose weight (expectation maximisation for Student-t noise of df degrees of freedom).

    The logarithms of l_k, s, v and n maximise the marginal likelihood times normal priors, by L-BFGS with
    exact gradients. The prior of log l_k is narrow (mean log(3 sqrt d), standard deviation 1/4): with a
    hundred curves, free lengths find effects of rare rates that are not there. So is that of log v (mean 0,
    standard deviation 1/4): if slopes are free to be small, the RBF part takes over some of the trend, which
    then ends with the training range. Those of log s and log n have means 0 and -1.5 and standard deviation
    1.

    Args:
        df: degrees of freedom of the noise; infinity for normal noise.
        n_linear: how many columns, the first ones, are also in the linear part; None for all of them.

    Attributes:
        log_parameters_: (d + 3,) log l_1..l_d, log s, log v, log n.
        weights_: (n,) w_i.
    """

    def __init__(self, *, df: float = 4.0, n_linear: int | None = None) -> None:
        self.df = df
        self.n_linear = n_linear

    def knowing(self, n_curve: int) -> RobustGaussianProcess:
        """With only the columns of the curve in the linear part; with all columns if none are of the curve.

        A straight line suits runs that are better or worse than all before. It does not suit parameters
        outside the training range: what the width does between 200 and 500 units says little about 10.
        """
        return self if self.n_linear is not None else clone(self).set_params(n_linear=n_curve or None)

    def held_out_predictions(self, X: Floats, y: Floats, n_folds: int) -> Floats:
        """(n,) leave-one-out in closed form, y_i - [K^-1 y]_i / [K^-1]_ii; the kernel is kept."""
        target = self.target_scale_.transform(y)
        return self.target_scale_.inverse(target - self.dual_coef_ / self.precision_)

    def _fit_standardized(self, Z: Floats, t: Floats, X: Floats, y: Floats) -> None:
        d = Z.shape[1]
        self.inputs_, self.weights_ = Z, np.ones(len(t))
        means = np.concatenate([np.full(d, np.log(3 * np.sqrt(d))), [0.0, 0.0, -1.5]])
        deviations = np.concatenate([np.full(d, 0.25), [1.0, 0.25, 1.0]])
        self.log_parameters_ = means
        inner = self._inner_products(Z)
        for _ in range(OUTER_STEPS if np.isfinite(self.df) else 1):
            self.log_parameters_ = minimize(
                _negative_log_posterior,
                self.log_parameters_,
                args=(means, deviations, Z, inner, t, self.weights_),
                jac=True,
                method="L-BFGS-B",
                bounds=list(zip(means - BOUND * deviations, means + BOUND * deviations, strict=True)),
                options={"maxiter": 60},
            ).x
            noise = np.exp(2 * self.log_parameters_[-1]) / self.weights_
            K = sum(_kernels(Z, Z, inner, self.log_parameters_))
            inverse = np.linalg.inv(K + np.diag(noise + JITTER))
            self.dual_coef_, self.precision_ = inverse @ t, np.diag(inverse)
            if np.isfinite(self.df):
                self._reweight(noise)

    def _reweight(self, noise: Floats) -> None:
        """w_i from the expected squares of the noise, given the fit with noise variances `noise`."""
        squares = (self.dual_coef_ * noise) ** 2 + np.maximum(noise - noise**2 * self.precision_, 0.0)
        self.weights_ = (self.df + 1) / (self.df + squares / np.exp(2 * self.log_parameters_[-1]))

    def _predict_standardized(self, Z: Floats) -> Floats:
        kernels = _kernels(Z, self.inputs_, self._inner_products(Z), self.log_parameters_)
        return np.asarray(sum(kernels) @ self.dual_coef_)

    def _inner_products(self, Z: Floats) -> Floats:
        """(m, n) inner products of the rows of Z and the training inputs, over the linear part's columns."""
        return Z[:, : self.n_linear] @ self.inputs_[:, : self.n_linear].T


def _kernels(A: Floats, B: Floats, inner: Floats, log_parameters: Floats) -> tuple[Floats, Floats]:
    """RBF and linear covariances between the rows of A and B; `inner` are their inner products."""
    d = A.shape[1]
    lengths, scale, slope = np.exp(log_parameters[:d]), log_parameters[d], log_parameters[d + 1]
    distances = squared_distances(A / lengths, B / lengths)
    return np.exp(2 * scale - 0.5 * distances), np.exp(2 * slope) * inner


def _negative_log_posterior(
    log_parameters: Floats,
    means: Floats,
    deviations: Floats,
    Z: Floats,
    inner: Floats,
    t: Floats,
    weights: Floats,
) -> tuple[float, Floats]:
    """-log p(t | parameters) p(parameters) up to a constant, and its gradient; `inner` as in `_kernels`."""
    d = Z.shape[1]
    rbf, linear = _kernels(Z, Z, inner, log_parameters)
    noise = np.exp(2 * log_parameters[-1]) / weights
    try:
        factor = cho_factor(rbf + linear + np.diag(noise + JITTER), lower=True)
    except LinAlgError:  # the line search went where the kernel is singular to rounding
        return 1e10, np.zeros_like(log_parameters)
    inverse = cho_solve(factor, np.eye(len(t)))
    alpha = inverse @ t
    off = (log_parameters - means) / deviations
    value = 0.5 * (t @ alpha) + np.log(np.diag(factor[0])).sum() + 0.5 * (off @ off)
    G = 0.5 * (inverse - np.outer(alpha, alpha))  # derivative of the likelihood part by the covariance
    G_rbf = G * rbf
    scaled = Z / np.exp(log_parameters[:d])
    cross = np.einsum("ik,ik->k", scaled, G_rbf @ scaled)
    by_lengths = 2 * (G_rbf.sum(axis=1) @ scaled**2 - cross)
    by_rest = 2 * np.array([G_rbf.sum(), (G * linear).sum(), np.diag(G) @ noise])
    return float(value), np.concatenate([by_lengths, by_rest]) + off / deviations
