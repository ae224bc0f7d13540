"""nu-support-vector regression by libsvm, called without the estimator's overhead.

The solver is the one in scikit-learn and gets the same numbers. `NuSVR` spends about four fifths of a
small fit on checks and copies; in a random search of a thousand settings on three folds that is most of the
cost.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.svm import NuSVR

from predictor.curves.arrays import Floats
from predictor.models.regressors.base import StandardizedRegressor

try:
    from sklearn.svm._libsvm import fit as _libsvm_fit
    from sklearn.svm._libsvm import set_verbosity_wrap

    set_verbosity_wrap(0)  # the estimators do so before every fit
except ImportError:  # a scikit-learn that hides its solver: the public estimator gives the same, slower
    _libsvm_fit = None

KernelName = Literal["rbf", "linear"]
NU_SVR = 4  # libsvm's number for it
CACHE_MB = 200.0


class Dual(NamedTuple):
    """Solution of one nu-SVR: prediction(x) = sum_i coef_i K(x_(support_i), x) + intercept."""

    support: npt.NDArray[np.int32]
    coef: Floats
    intercept: float


def solve_nu_svr(Z: Floats, t: Floats, kernel: KernelName, C: float, nu: float, gamma: float) -> Dual:
    """nu-SVR of t (n,) on Z (n, d), C-contiguous, with scikit-learn's default tolerance."""
    if _libsvm_fit is None:
        model = NuSVR(kernel=kernel, C=C, nu=nu, gamma=gamma, cache_size=CACHE_MB).fit(Z, t)
        return Dual(model.support_, model.dual_coef_[0], float(model.intercept_[0]))
    result = _libsvm_fit(Z, t, svm_type=NU_SVR, kernel=kernel, C=C, nu=nu, gamma=gamma, cache_size=CACHE_MB)
    support, coef, intercept = result[0], result[3], result[4]
    return Dual(support, coef[0], float(intercept[0]))


def squared_distances(A: Floats, B: Floats) -> Floats:
    """(n, m) squared Euclidean distances between the rows of A (n, d) and B (m, d)."""
    return np.maximum((A**2).sum(axis=1)[:, None] - 2 * (A @ B.T) + (B**2).sum(axis=1), 0.0)


def similarity(A: Floats, B: Floats, kernel: KernelName) -> Floats:
    """(n, m) squared distances, or inner products, between the rows of A (n, d) and B (m, d)."""
    return squared_distances(A, B) if kernel == "rbf" else A @ B.T


def kernel_values(similarities: Floats, kernel: KernelName, gamma: float) -> Floats:
    """K of what `similarity` returned: exp(-gamma d^2) or the inner products themselves."""
    return np.exp(-gamma * similarities) if kernel == "rbf" else similarities


class NuSvr(StandardizedRegressor):
    """nu-SVR on standardised inputs and target.

    Args:
        kernel: 'rbf', K(a, b) = exp(-gamma |a - b|^2), or 'linear', K(a, b) = a . b
        C: bound on a support vector's weight.
        nu: in (0, 1], lower bound on the share of support vectors.
        gamma: width of the RBF kernel on the standardised scale.

    Attributes:
        support_vectors_: (s, d) standardised.
        dual_coef_, intercept_: (s,) and number.
    """

    def __init__(
        self, *, kernel: KernelName = "rbf", C: float = 1.0, nu: float = 0.5, gamma: float = 0.1
    ) -> None:
        self.kernel: KernelName = kernel
        self.C = C
        self.nu = nu
        self.gamma = gamma

    def _fit_standardized(self, Z: Floats, t: Floats, X: Floats, y: Floats) -> None:
        Z = np.ascontiguousarray(Z)
        dual = solve_nu_svr(Z, t, self.kernel, self.C, self.nu, self.gamma)
        support, self.dual_coef_, self.intercept_ = dual
        self.support_vectors_ = Z[support]

    def _predict_standardized(self, Z: Floats) -> Floats:
        K = kernel_values(similarity(Z, self.support_vectors_, self.kernel), self.kernel, self.gamma)
        return np.asarray(K @ self.dual_coef_ + self.intercept_)
