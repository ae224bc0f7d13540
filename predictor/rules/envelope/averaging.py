"""Gaussian processes averaged over a few kernels, taught by results and by guesses of results.

What the average predicts is a mixture of Student t distributions.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import NamedTuple, TypeVar

import numpy as np
from scipy.linalg.blas import dtrmv
from scipy.special import softmax, stdtr

from predictor.curves.arrays import Floats
from predictor.rules.envelope.gaussian_process import GaussianProcess, Kernel, log_evidence
from predictor.rules.envelope.student import StudentMixture, student_log_density

KERNELS = tuple(
    Kernel(relevance, rbf, length, noise)
    for relevance, (rbf, length), noise in product(
        (0.3, 1.0), ((0.1, 1.0), (1.0, 1.0), (1.0, 2.5)), (0.03, 0.1, 0.3, 1.0)
    )
)
"""For standardised inputs and targets, all equally probable beforehand."""
LEAST_WEIGHT = 0.02
"""Kernels that are less probable than this are left out: each costs as much as all others."""
Item = TypeVar("Item", bound=Hashable)
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Guesses:
    """What is believed about targets that were not observed.

    Attributes:
        means, variances: (n,) of each target.
    """

    means: Floats
    variances: Floats


class _Parts(NamedTuple):
    """What a prediction reads of m different processes, side by side; their inputs have d columns.

    `factors` (m, d), the r points `inputs` (m, r, d) times these, `squares` (m, r) their squared lengths,
    each once where it is the same for all processes (1 instead of m); `alpha` (m, r), `whiteners` (m, r, r),
    or a sequence of large ones that are lower triangular, by columns; `decay` is 1 / (2 length^2), `weights`
    are those of all processes and `places` says which of the m each of them is; the others but df have m
    entries.
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


@dataclass(frozen=True, eq=False)
class AveragedProcess:
    """An average of Gaussian processes of different kernels, weighted by p(y | kernel).

    The results alone say which kernels are probable and how large tau^2 is. Guesses are no evidence: they
    enter what is predicted only, as targets with their own variance on top of the noise. They come after the
    results in all arrays.

    Attributes:
        by_results: one process for each kernel that is left, of the n_r results alone; the same one where
            kernels are the same, as they are in pairs for a single input.
        processes: the same kernels, of the n_r results and n_g guesses.
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
        weights = softmax(_each(kernels, lambda kernel: log_evidence(kernel, X, y, own[kernel])))
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
        """Of the targets at X, (n, d)."""
        cross = _covariances([process.kernel for process in self.processes], X, self.processes[0].X)
        predicted = _each(self.processes, lambda process: process.predict(X, cross[process.kernel]))
        locations, variances = (np.array(parts) for parts in zip(*predicted, strict=True))
        return self._mixture(locations, variances)

    def predict_one(self, x: Floats, threshold: float) -> tuple[float, float]:
        """P(more than the threshold) and mean of the target at x, (d,): `predict` of one row, but faster.

        Nearly all of the time goes into reading the whiteners, of which the lower halves are enough.
        """
        parts = self._parts
        A = x * parts.factors
        products = (parts.inputs @ A[:, :, None])[:, :, 0]
        own = (A**2).sum(axis=1)
        distances = np.maximum(parts.squares + own[:, None] - 2 * products, 0)
        cross = 1 + products + parts.rbf[:, None] * np.exp(-distances * parts.decay[:, None])
        explained = (_whitened(cross, parts.whiteners) ** 2).sum(axis=1)
        variances = np.maximum(1 + own + parts.rbf - explained, 0) + parts.noise
        locations = (cross * parts.alpha).sum(axis=1)
        z = (locations - threshold) / np.sqrt(variances * parts.scales)
        chances = stdtr(parts.df, z)[parts.places]
        return float(parts.weights @ chances), float(parts.weights @ locations[parts.places])

    @cached_property
    def _parts(self) -> _Parts:
        processes = list(dict.fromkeys(self.processes))
        kernels = [process.kernel for process in processes]
        factors = np.array([kernel.weights(processes[0].X.shape[1]) for kernel in kernels])
        factors = factors[:1] if (factors == factors[0]).all() else factors
        X, alpha, whiteners = _points(processes)
        inputs = X * factors[:, None, :]
        df, scales = zip(*(process.scale() for process in dict.fromkeys(self.by_results)), strict=True)
        return _Parts(
            factors,
            inputs,
            (inputs**2).sum(axis=2),
            alpha,
            whiteners,
            np.array([kernel.rbf for kernel in kernels]),
            np.array([1 / (2 * kernel.length**2) for kernel in kernels]),
            np.array([kernel.noise for kernel in kernels]),
            np.array(scales),
            softmax([process.log_evidence for process in self.by_results]),
            [processes.index(process) for process in self.processes],
            df[0],
        )

    def leave_one_out(self) -> StudentMixture:
        """Of each of the n_r + n_g targets, as predicted from all others.

        For a result, the kernels' weights and tau^2 are those without it, too, in closed form: p(y_-i) =
        p(y) / p(y_i | y_-i). A guess's own variance does not count.
        """
        predicted = [process.leave_one_out() for process in self.processes]
        locations, variances = (np.array(parts) for parts in zip(*predicted, strict=True))
        n = len(self.by_results[0].y)
        results = self._mixture_of_results(locations[:, :n], variances[:, :n])
        guessed = self._mixture(locations[:, n:], np.maximum(variances[:, n:] - self.extra, 1e-12))
        return StudentMixture(
            *(
                np.concatenate([getattr(results, part), getattr(guessed, part)], axis=-1)
                for part in ("weights", "df", "locations", "squared_scales")
            )
        )

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


def _points(processes: Sequence[GaussianProcess]) -> tuple[Floats, Floats, Floats | Sequence[Floats]]:
    """(m or 1, r, d) points, (m, r) alpha and m whiteners; condensed where there is a single input."""
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
    """(m, r) each of the m whiteners times its row of the (m, r) covariances; of large ones half is read."""
    if isinstance(whiteners, np.ndarray):
        return np.asarray((whiteners @ cross[:, :, None])[:, :, 0])
    return np.array([dtrmv(W, k, lower=1) for W, k in zip(whiteners, cross, strict=True)])


def _covariances(kernels: Sequence[Kernel], A: Floats, B: Floats) -> dict[Kernel, Floats]:
    """k(A, B) by each kernel, found once where they differ in their noise alone."""
    found = _each([replace(kernel, noise=0.0) for kernel in kernels], lambda kernel: kernel(A, B))
    return dict(zip(kernels, found, strict=True))


def _each(items: Sequence[Item], find: Callable[[Item], Found]) -> list[Found]:
    """What is found for each item, looked for once where items are equal."""
    found = {item: find(item) for item in dict.fromkeys(items)}
    return [found[item] for item in items]
