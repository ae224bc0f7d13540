"""How far a prediction of y_T may be off, learned from held-out residuals r_i = y_T,i - y_hat_T,i.

Three views of the same residuals: the published normal distribution, a distribution-free one, and a normal
one whose width depends on the predicted level.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import ndtr

from predictor.curves.arrays import Floats
from predictor.errors import unknown

SMALLEST_SIGMA = 1e-12
"""For results of 1, see `smallest_sigma`."""
NOTHING = 1e-130
"""Results below this count as zero, as the squares of their errors do."""


def smallest_sigma(results: Floats) -> float:
    """Keeps a model that is right on every curve (all curves equal) from dividing by zero.

    In proportion to the largest of the results (n,), so that their unit does not matter, but larger than the
    rounding errors of equal ones.
    """
    size = float(np.max(np.abs(results)))
    return SMALLEST_SIGMA * size if size > NOTHING else SMALLEST_SIGMA


class Uncertainty(Protocol):
    """The distribution of y_T around y_hat_T; `sigma` is the root mean square of the residuals."""

    sigma: float

    def std(self, y_hat: Floats) -> Floats:
        """(n,) standard deviation of y_T given the predictions (n,)."""
        ...

    def probability_below(self, threshold: float, y_hat: Floats) -> Floats:
        """(n,) p(y_T <= threshold) given the predictions (n,)."""
        ...


class Normal:
    """y_T ~ N(y_hat_T, sigma^2), sigma^2 = mean of r_i^2 [PP]."""

    def __init__(self, residuals: Floats, predictions: Floats) -> None:
        self.smallest = smallest_sigma(residuals + predictions)
        self.sigma = max(float(np.sqrt(np.mean(residuals**2))), self.smallest)

    def std(self, y_hat: Floats) -> Floats:
        """Sigma for every prediction."""
        return np.full(len(y_hat), self.sigma)

    def probability_below(self, threshold: float, y_hat: Floats) -> Floats:
        """Phi((threshold - y_hat) / sigma)."""
        return np.asarray(ndtr((threshold - y_hat) / self.std(y_hat)))


class Conformal(Normal):
    """Distribution-free: p(y_T <= b) = #{i : y_hat_T + r_i <= b} / (n + 1).

    Whatever the distribution of errors, for exchangeable curves a threshold that is declared safe with
    probability p is exceeded in at most about 1 - p of cases. With n residuals no probability exceeds
    n / (n + 1): 100 curves reach a Delta of 0.99, and 98 do not.
    """

    def __init__(self, residuals: Floats, predictions: Floats) -> None:
        super().__init__(residuals, predictions)
        self.residuals = np.sort(residuals)

    def probability_below(self, threshold: float, y_hat: Floats) -> Floats:
        """The share of residuals that would leave y_T at or below the threshold."""
        below = np.searchsorted(self.residuals, threshold - y_hat, side="right")
        return below / (len(self.residuals) + 1.0)


class LevelDependent(Normal):
    """y_T ~ N(y_hat_T, sigma(y_hat_T)^2): errors near the top may differ from those elsewhere.

    sigma(l)^2 is the mean of r_i^2 with weights exp(-(l - y_hat_i)^2 / (2 h^2)), h half the standard
    deviation of the predictions, drawn towards the overall mean by `PRIOR_WEIGHT` pseudo-observations.
    """

    PRIOR_WEIGHT = 5.0

    def __init__(self, residuals: Floats, predictions: Floats) -> None:
        super().__init__(residuals, predictions)
        self.levels, self.squares = predictions, residuals**2
        self.bandwidth = max(0.5 * float(predictions.std()), self.smallest)

    def std(self, y_hat: Floats) -> Floats:
        """sigma(y_hat)."""
        weights = np.exp(-0.5 * ((y_hat[:, None] - self.levels) / self.bandwidth) ** 2)
        total = weights @ self.squares + self.PRIOR_WEIGHT * self.sigma**2
        return np.sqrt(total / (weights.sum(axis=1) + self.PRIOR_WEIGHT))


UNCERTAINTIES: dict[str, type[Normal]] = {"loocv": Normal, "conformal": Conformal, "level": LevelDependent}


def check_uncertainty(name: str) -> None:
    """Raise `PredictorError` for a name that is not known."""
    if name not in UNCERTAINTIES:
        raise unknown("uncertainty", name, UNCERTAINTIES)


def make_uncertainty(name: str, residuals: Floats, predictions: Floats) -> Uncertainty:
    """The uncertainty of that name; raises `PredictorError` for a name that is not known.

    Args:
        name: 'loocv', 'conformal' or 'level'.
        residuals: (n,) y_T - y_hat_T of curves, each predicted without itself.
        predictions: (n,) y_hat_T of the same curves.
    """
    check_uncertainty(name)
    return UNCERTAINTIES[name](residuals, predictions)
