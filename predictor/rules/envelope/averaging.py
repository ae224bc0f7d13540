"""Gaussian processes averaged over a few kernels, which learn from results and from guesses of results.

The average predicts a mixture of Student t distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TypeVar

import numpy as np
from scipy.special import softmax

from predictor.curves.arrays import Floats
from predictor.rules.envelope.gaussian_process import GaussianProcess, Kernel, log_evidence
from predictor.rules.envelope.one_network import Parts, raised
from predictor.rules.envelope.student import StudentMixture, student_log_density

KERNELS = tuple(
    Kernel(relevance, rbf, length, noise)
    for relevance, (rbf, length), noise in product(
        (0.3, 1.0), ((0.1, 1.0), (1.0, 1.0), (1.0, 2.5)), (0.03, 0.1, 0.3, 1.0)
    )
)
"""For standardised inputs and targets; all have the same prior probability."""
LEAST_WEIGHT = 0.02
"""Kernels that are less probable than this are left out: each one kept costs as much as any other."""
Item = TypeVar("Item", bound=Hashable)
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Guesses:
    """Forecasts of targets that were not observed.

    Attributes:
        means, variances: (n,) one for each target.
    """

    means: Floats
    variances: Floats


@dataclass(frozen=True, eq=False)
class AveragedProcess:
    """An average of Gaussian processes of different kernels, weighted by p(y | kernel).

    Only the results determine how probable the kernels are and how large tau^2 is. Guesses are no evidence:
    they enter predictions only, as targets whose own variance is added to the noise. They come after the
    results in all arrays.

    Beyond the training inputs, the standard deviation of a straight line grows as fast as its mean falls, so
    a loss of 1e6 would be as promising as a mediocre one. Therefore, if the first input, y_t, is below all
    training inputs, the variance is that at the lowest of these, and the mean at most the mean there.

    Attributes:
        by_results: one process for each kernel that was kept, fitted to the n_r results alone; equal kernels
            (with a single input, they are equal in pairs) share one process.
        processes: with the same kernels, fitted to the n_r results and n_g guesses.
        extra: (m, n_g) variances of the guesses in units of tau^2, for each kernel.
    """

    by_results: Sequence[GaussianProcess]
    processes: Sequence[GaussianProcess]
    extra: Floats

    @classmethod
    def fit(cls, X: Floats, y: Floats, X_guessed: Floats, guesses: Guesses) -> AveragedProcess:
        """Learn from results y, (n_r,), at X, (n_r, d), and guesses at X_guessed, (n_g, d)."""
        kernels = KERNELS if X.shape[1] > 1 else [replace(kernel, relevance=1.0) for kernel in KERNELS]
        own = _covariances(kernels, X, X)
        weights = softmax(_each(kernels, lambda kernel: log_evidence(kernel, own[kernel], y)))
        probable = [kernel for kernel, weight in zip(kernels, weights, strict=True) if weight >= LEAST_WEIGHT]
        kept = _each(probable, lambda kernel: GaussianProcess.fit(kernel, X, y, own=own[kernel]))
        extra = np.array([guesses.variances / process.scale()[1] for process in kept])
        if not len(X_guessed):
            return cls(kept, kept, extra)
        X_all, y_all = np.concatenate([X, X_guessed]), np.concatenate([y, guesses.means])
        more = {p: np.concatenate([np.zeros(len(y)), own]) for p, own in zip(kept, extra, strict=True)}
        covariances = _covariances(probable, X_all, X_all)
        processes = _each(
            kept, lambda p: GaussianProcess.fit(p.kernel, X_all, y_all, more[p], covariances[p.kernel])
        )
        return cls(kept, processes, extra)

    def predict(self, X: Floats) -> StudentMixture:
        """The targets at X, (n, d)."""
        locations, variances = self._moments(X)
        below = X[:, 0] < self._lowest
        if below.any():
            at_lowest, variances[:, below] = self._moments(raised(X[below], self._lowest))
            locations[:, below] = np.minimum(locations[:, below], at_lowest)
        return self._mixture(locations, variances)

    def _moments(self, X: Floats) -> tuple[Floats, Floats]:
        """(m, n) means and variances, in units of tau^2, by each process."""
        cross = _covariances([process.kernel for process in self.processes], X, self.processes[0].X)
        predicted = _each(self.processes, lambda process: process.predict(X, cross[process.kernel]))
        locations, variances = (np.array(parts) for parts in zip(*predicted, strict=True))
        return locations, variances

    def predict_one(self, x: Floats, threshold: float) -> tuple[float, float]:
        """P(more than the threshold) and mean of the target at x, (d,): as `predict` for one row, but faster.

        Nearly all of the time is spent reading the whiteners, of which the lower halves are enough.
        """
        return self._parts.chance_and_mean(x, max(x[0], self._lowest), threshold)

    @cached_property
    def _parts(self) -> Parts:
        weights = softmax([process.log_evidence for process in self.by_results])
        return Parts.of(self.processes, self.by_results, weights)

    @cached_property
    def _lowest(self) -> float:
        """The lowest first input among results and guesses."""
        return float(self.processes[0].X[:, 0].min())

    def leave_one_out(self) -> StudentMixture:
        """Each of the n_r + n_g targets, as predicted from all others.

        For a result, the kernels' weights and tau^2 are also those without it, in closed form: p(y_-i) =
        p(y) / p(y_i | y_-i). A guess's own variance is not included.
        """
        predicted = [process.leave_one_out() for process in self.processes]
        locations, variances = (np.array(parts) for parts in zip(*predicted, strict=True))
        n = len(self.by_results[0].y)
        variances[:, n:] = np.maximum(variances[:, n:] - self.extra, 1e-12)
        lowest, second = np.argsort(self.processes[0].X[:, 0], kind="stable")[:2]
        at_second, variances[:, lowest] = self._without(lowest, second)
        locations[:, lowest] = np.minimum(locations[:, lowest], at_second)
        results = self._mixture_of_results(locations[:, :n], variances[:, :n])
        guessed = self._mixture(locations[:, n:], variances[:, n:])
        return StudentMixture(
            *(
                np.concatenate([getattr(results, part), getattr(guessed, part)], axis=-1)
                for part in ("weights", "df", "locations", "squared_scales")
            )
        )

    def _without(self, row: int, other: int) -> tuple[Floats, Floats]:
        """(m,) means and variances at `row` with the first input of `other`, given all but `row`."""
        X = self.processes[0].X
        x = raised(X[[row]], X[other, 0])
        means, variances = zip(*_each(self.processes, lambda p: p.predict_without(row, x)), strict=True)
        return np.array(means), np.array(variances)

    def _mixture(self, locations: Floats, variances: Floats) -> StudentMixture:
        df, scales = zip(*(process.scale() for process in self.by_results), strict=True)
        weights = softmax([process.log_evidence for process in self.by_results])
        return StudentMixture(
            np.repeat(weights[:, None], locations.shape[1], axis=1),
            np.full(locations.shape[1], df[0]),
            locations,
            variances * np.array(scales)[:, None],
        )

    def _mixture_of_results(self, locations: Floats, variances: Floats) -> StudentMixture:
        log_weights, scales = [], []
        for process in self.by_results:
            (df, scale), (location, variance) = process.scale_left_out(), process.leave_one_out()
            own = student_log_density(process.y, df, location, scale * variance)
            log_weights.append(process.log_evidence - own)
            scales.append(scale)
        weights = softmax(log_weights, axis=0)
        return StudentMixture(weights, np.full(len(own), df), locations, variances * np.array(scales))


def _covariances(kernels: Sequence[Kernel], A: Floats, B: Floats) -> dict[Kernel, Floats]:
    """k(A, B) by each kernel, computed once for kernels that differ only in their noise."""
    found = _each([replace(kernel, noise=0.0) for kernel in kernels], lambda kernel: kernel(A, B))
    return dict(zip(kernels, found, strict=True))


def _each(items: Sequence[Item], find: Callable[[Item], Found]) -> list[Found]:
    """The result of `find` for each item, called once for equal items."""
    found = {item: find(item) for item in dict.fromkeys(items)}
    return [found[item] for item in items]
