"""Student t distributions, and mixtures of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, stdtr

from predictor.curves.arrays import Floats


def student_log_density(x: Floats, df: float, location: Floats, variance: Floats) -> Floats:
    """log density at x of the Student t with this location and squared scale."""
    z2 = (x - location) ** 2 / variance
    constant = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi * variance)
    return np.asarray(constant - (df + 1) / 2 * np.log1p(z2 / df))


@dataclass(frozen=True, eq=False)
class StudentMixture:
    """For each of n unknowns a mixture of m Student t distributions.

    Attributes:
        weights: (m, n), each column sums to 1.
        df: (n,) degrees of freedom, more than 2.
        locations: (m, n).
        squared_scales: (m, n).
    """

    weights: Floats
    df: Floats
    locations: Floats
    squared_scales: Floats

    def exceeds(self, threshold: float) -> Floats:
        """(n,) probability of a value above the threshold."""
        z = (self.locations - threshold) / np.sqrt(self.squared_scales)
        return np.asarray((self.weights * stdtr(self.df, z)).sum(axis=0))

    @property
    def mean(self) -> Floats:
        """(n,) means of the mixtures."""
        return np.asarray((self.weights * self.locations).sum(axis=0))

    @property
    def variance(self) -> Floats:
        """(n,) variances of the mixtures: mean of the variances plus variance of the means."""
        within = self.squared_scales * self.df / (self.df - 2)
        around = (self.locations - self.mean) ** 2
        return np.asarray((self.weights * (within + around)).sum(axis=0))
