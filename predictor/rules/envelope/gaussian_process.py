"""A Gaussian process with a linear and an RBF kernel whose scale is integrated out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import cholesky, qr, solve_triangular
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dpstrf, dtrtri
from scipy.special import gammaln
from threadpoolctl import ThreadpoolController

from predictor.curves.arrays import Floats

PRIOR_SHAPE, PRIOR_RATE = 1.0, 0.5
"""The inverse gamma prior of tau^2, which counts as much as two observations with residuals of 1/sqrt(2)."""
CONDENSED_TO = 1e-12
"""Prior variance that remains at every input, at most, once the points of a condensed process are known."""


@dataclass(frozen=True)
class Kernel:
    """k(a, b) = 1 + a . b + rbf exp(-|a - b|^2 / (2 length^2)), with noise, on a = (z_1, relevance z_2...).

    Attributes:
        relevance: factor of all inputs but the first.
        rbf: prior variance of the part that is not linear.
        length: length scale of that part.
        noise: variance of the noise; all variances are in units of tau^2.
    """

    relevance: float
    rbf: float
    length: float
    noise: float

    def __call__(self, A: Floats, B: Floats) -> Floats:
        """(n, m) covariances, without noise, between the rows of A, (n, d), and B, (m, d)."""
        a, b = self._weighted(A), self._weighted(B)
        products = a @ b.T
        squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * products
        return 1 + products + self.rbf * np.exp(-np.maximum(squares, 0) / (2 * self.length**2))

    def diagonal(self, A: Floats) -> Floats:
        """(n,) variances of the rows of A, without noise."""
        return np.asarray(1 + (self._weighted(A) ** 2).sum(axis=1) + self.rbf)

    def weights(self, d: int) -> Floats:
        """(d,) factors of the inputs."""
        return np.array([1.0] + [self.relevance] * (d - 1))

    def _weighted(self, A: Floats) -> Floats:
        return A * self.weights(A.shape[1])


class Points(NamedTuple):
    """What a prediction at x needs: with k the covariances between x and r points, its mean is alpha . k.

    `X` (r, d), `alpha` (r,), `whitener` (r, r); the points explain |whitener k|^2 of the prior variance.
    """

    X: Floats
    alpha: Floats
    whitener: Floats


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """y ~ N(0, tau^2 C), C = k(X, X) + diag(noise + extra), tau^2 ~ InverseGamma(a0, b0).

    With tau^2 integrated out, y has a multivariate Student t distribution with 2 a0 degrees of freedom, and a
    prediction has one with 2 a0 + n.

    Attributes:
        kernel, X: k and the (n, d) inputs.
        whitener: (n, n) the inverse of C's lower Cholesky factor, so that C^-1 = whitener^T whitener.
        alpha: (n,) C^-1 y.
        y: (n,) targets.
        quadratic: y . C^-1 y.
        log_evidence: log p(y | kernel).
    """

    kernel: Kernel
    X: Floats
    y: Floats
    whitener: Floats
    alpha: Floats
    quadratic: float
    log_evidence: float

    @classmethod
    def fit(
        cls, kernel: Kernel, X: Floats, y: Floats, extra: Floats | float = 0.0, own: Floats | None = None
    ) -> GaussianProcess:
        """Condition on targets y, (n,), with noise of variance kernel.noise + extra, in units of tau^2.

        `own` are the (n, n) covariances k(X, X), if already known.
        """
        factor = _factor(kernel(X, X) if own is None else own, kernel.noise + extra)
        log_det = _log_det(factor)
        whitener = dtrtri(factor, lower=1, overwrite_c=1)[0]
        white = whitener @ y
        quadratic = float(white @ white)
        return cls(kernel, X, y, whitener, white @ whitener, quadratic, _evidence(len(y), log_det, quadratic))

    def predict(self, X: Floats, cross: Floats | None = None) -> tuple[Floats, Floats]:
        """(m,) means and variances in units of tau^2, noise included, of targets at X, (m, d).

        `cross` are the (m, n) covariances k(X, inputs), if already known.
        """
        cross = self.kernel(X, self.X) if cross is None else cross
        explained = (dtrmm(1.0, self.whitener, cross.T, lower=1) ** 2).sum(axis=0)
        variances = self.kernel.diagonal(X) - np.minimum(explained, self.kernel.diagonal(X))
        return cross @ self.alpha, variances + self.kernel.noise

    def condensed(self) -> Points:
        """The r inputs that tell as much as all n; about 20 are enough for one-dimensional inputs.

        They are the pivots of a Cholesky decomposition k(X, X) = G G^T, G (n, r), which is exact to rounding.
        With the chosen points Z and their rows L of G, k(X, x) = G L^-1 k(Z, x). If r is more than half of n,
        all inputs are kept.
        """
        factor, pivots, r, _ = dpstrf(self.kernel(self.X, self.X), tol=CONDENSED_TO, lower=1)
        if 2 * r > len(pivots):
            return Points(self.X, self.alpha, self.whitener)
        G = np.tril(factor)[np.argsort(pivots), :r]
        chosen = pivots[:r] - 1
        spread = solve_triangular(G[chosen], G.T, lower=True, trans=1).T
        triangle = qr(self.whitener @ spread, mode="r", check_finite=False)[0][:r]
        return Points(self.X[chosen], self.alpha @ spread, triangle)

    @cached_property
    def precisions(self) -> Floats:
        """(n,) the diagonal of C^-1."""
        return np.asarray((self.whitener**2).sum(axis=0))

    def leave_one_out(self) -> tuple[Floats, Floats]:
        """(n,) means and variances in units of tau^2 of each target, given all others.

        y_i - [C^-1 y]_i / [C^-1]_ii and 1 / [C^-1]_ii, noise and extra noise included.
        """
        variances = 1 / self.precisions
        return self.y - self.alpha * variances, variances

    def predict_without(self, i: int, x: Floats) -> tuple[float, float]:
        """Mean and variance in units of tau^2, noise included, of a target at x, (1, d), given all but y_i.

        With b = C^-1 k, k the covariances between x and the inputs, the mean k . C^-1 y loses
        b_i [C^-1 y]_i / [C^-1]_ii, and the variance gains b_i^2 / [C^-1]_ii.
        """
        mean, variance = self.predict(x)
        b = float(self.whitener[:, i] @ (self.whitener @ self.kernel(self.X, x)[:, 0]))
        mean_i = float(mean[0]) - b * self.alpha[i] / self.precisions[i]
        return mean_i, float(variance[0]) + b**2 / self.precisions[i]

    def scale(self) -> tuple[float, float]:
        """Degrees of freedom and s^2: a target of variance v tau^2 is Student t with squared scale v s^2."""
        a, b = PRIOR_SHAPE + len(self.y) / 2, PRIOR_RATE + self.quadratic / 2
        return 2 * a, b / a

    def scale_left_out(self) -> tuple[float, Floats]:
        """The same without target i, for each i: y_-i . C_-i^-1 y_-i = y . C^-1 y - alpha_i^2 / [C^-1]_ii."""
        a = PRIOR_SHAPE + (len(self.y) - 1) / 2
        quadratics = self.quadratic - self.alpha**2 / self.precisions
        return 2 * a, (PRIOR_RATE + np.maximum(quadratics, 0) / 2) / a


def log_evidence(kernel: Kernel, own: Floats, y: Floats) -> float:
    """log p(y | kernel), as `GaussianProcess.fit` finds it, in half the time; own = kernel(X, X)."""
    factor = _factor(own, kernel.noise)
    white = solve_triangular(factor, y, lower=True, check_finite=False)
    return _evidence(len(y), _log_det(factor), float(white @ white))


def _factor(covariances: Floats, noise: Floats | float) -> Floats:
    """The lower Cholesky factor of C, stored by columns."""
    C = covariances.copy()
    C[np.diag_indices_from(C)] += noise
    factor: Floats = cholesky(C.T, lower=True, overwrite_a=True)
    return factor


def _log_det(factor: Floats) -> float:
    return 2 * float(np.log(np.diag(factor)).sum())


def _evidence(n: int, log_det: float, quadratic: float) -> float:
    """log p(y) of n targets, a multivariate Student t, from log det C and y . C^-1 y."""
    a, b = PRIOR_SHAPE + n / 2, PRIOR_RATE + quadratic / 2
    return (
        float(gammaln(a) - gammaln(PRIOR_SHAPE))
        + PRIOR_SHAPE * float(np.log(PRIOR_RATE))
        - a * float(np.log(b))
        - 0.5 * (log_det + n * float(np.log(2 * np.pi)))
    )


def one_thread() -> AbstractContextManager[Any]:
    """Within this context NumPy's and SciPy's BLAS use one thread; entering it takes microseconds.

    On two busy cores a Cholesky decomposition of 1,000 rows took fifty times as long on two threads.
    """
    if all(library.num_threads == 1 for library in _libraries().lib_controllers):
        return nullcontext()
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    """The BLAS libraries of NumPy and SciPy, which the imports above have loaded."""
    return ThreadpoolController().select(user_api="blas")
