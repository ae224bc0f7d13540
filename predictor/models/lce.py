"""Learning curve extrapolation (LCE) of Domhan et al. (IJCAI 2015), one curve at a time; needs emcee."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed
from scipy.optimize import least_squares

from predictor.curves.arrays import Floats
from predictor.curves.learning_curves import LearningCurves
from predictor.errors import PredictorError
from predictor.extras import require
from predictor.models.base import BaselinePredictor, Forecast, UnitScale
from predictor.models.curve_families import FAMILIES, CurveFamily

if TYPE_CHECKING:
    from emcee import State

N_PARAMETERS = sum(family.n_parameters for family in FAMILIES)
N_DIMENSIONS = N_PARAMETERS + len(FAMILIES) + 1
SIGMA_RANGE = (1e-4, 1.0)
PULL = 1e-3
MARGIN = 0.01
NAME = "learning curve extrapolation"
MOST_STEPS = 10**6
"""The most steps of an extrapolation, which takes seconds with 2,500."""


class LearningCurveExtrapolation(BaselinePredictor):
    """y_T extrapolated from one curve's own epochs: a weighted ensemble of eleven parametric families.

    y_t = sum_k w_k f_k(t; theta_k) / sum_k w_k + noise, noise ~ N(0, sigma^2), with (theta, w, sigma) sampled
    by affine-invariant MCMC (emcee) from the posterior given y_1..y_tau. Priors are as in the paper: flat for
    theta, as long as the ensemble rises, f(1) < f(T), and w_k >= 0. Where the paper's are improper, they are
    bounded here: w_k ~ Exponential(1), so that normalised weights are uniform on the simplex; every family
    has 0 <= f_k(T) <= 1; sigma is uniform on [1e-4, 1]. Walkers begin around least-squares fits of the
    families.

    Curves are extrapolated one at a time, and nothing is learned from others; `fit` only finds the affine map
    to about [0, 1] (`UnitScale`: the identity for accuracies). The draws for a curve depend on
    (random_state, tau, the curve's values): its forecast is the same alone, in a set, or in another process.

    Args:
        n_walkers: walkers, at least 96 = 2 x 48 unknowns.
        n_steps: steps of each walker. The paper's authors use 100 walkers x 2,500 steps. 1,000 steps cost
            accuracy, as chains have not converged by then: on 40 networks of MetaQNN CIFAR-10 at tau = 5, R^2
            is 0.64 instead of 0.71, and sigma is too small (errors of 1.56 sigma instead of 1.40).
        burn_in: steps at the beginning that are discarded, fewer than n_steps.
        thin: one in this many of the other steps is used for forecasts.
        random_state: seed.
        n_jobs: processes that share the curves.

    Raises:
        MissingPackageError: by `fit` if emcee is not installed.
    """

    def __init__(
        self,
        *,
        n_walkers: int = 100,
        n_steps: int = 2500,
        burn_in: int = 500,
        thin: int = 50,
        random_state: int = 0,
        n_jobs: int = 1,
    ) -> None:
        self.n_walkers = n_walkers
        self.n_steps = n_steps
        self.burn_in = burn_in
        self.thin = thin
        self.random_state = random_state
        self.n_jobs = n_jobs

    def check_settings(self) -> None:
        """See `BaselinePredictor.check_settings`."""
        require("emcee", NAME)
        if self.n_walkers < 2 * N_DIMENSIONS:
            raise PredictorError(f"n_walkers = {self.n_walkers}; expected at least {2 * N_DIMENSIONS}")
        if self.burn_in < 0 or not 1 <= self.thin <= self.n_steps - self.burn_in:
            raise PredictorError(
                f"n_steps = {self.n_steps}, burn_in = {self.burn_in}, thin = {self.thin}; "
                "expected 0 <= burn_in and 1 <= thin <= n_steps - burn_in"
            )
        if self.n_steps > MOST_STEPS or self.random_state < 0:
            raise PredictorError(
                f"n_steps = {self.n_steps}, random_state = {self.random_state}; "
                f"expected at most {MOST_STEPS} steps and a seed of at least 0"
            )

    def _fit(self, curves: LearningCurves) -> None:
        self.scale_ = UnitScale.fit(curves)

    def _forecast(self, curves: LearningCurves, tau: int) -> Forecast:
        unit = self.scale_.to_unit(curves.scores[:, :tau])
        results = Parallel(n_jobs=self.n_jobs)(delayed(self._extrapolate)(row) for row in unit)
        means, sigmas = (np.stack(part) for part in zip(*results, strict=True))
        return Forecast(self.scale_.to_scores(means), sigmas / self.scale_.slope)

    def _extrapolate(self, y: Floats) -> tuple[Floats, Floats]:
        """(S,) means and sigmas of y_T, S posterior samples, from y (tau,) on the unit scale."""
        address = [self.random_state, len(y), zlib.crc32(np.ascontiguousarray(y).tobytes())]
        posterior = CurvePosterior(y, self.T_)
        samples = self._sample(posterior, np.random.default_rng(address))
        return posterior.ensemble(samples)[:, -1], samples[:, -1]

    def _sample(self, posterior: CurvePosterior, rng: np.random.Generator) -> Floats:
        """(S, 48) samples of (theta, w, sigma)."""
        emcee = require("emcee", NAME)
        sampler = emcee.EnsembleSampler(self.n_walkers, N_DIMENSIONS, posterior.log_density, vectorize=True)
        seeded = np.random.RandomState(rng.integers(2**32, dtype=np.uint32)).get_state()
        start: State = emcee.State(posterior.walkers(self.n_walkers, rng), random_state=seeded)
        sampler.run_mcmc(start, self.n_steps)
        return np.asarray(sampler.get_chain(discard=self.burn_in, thin=self.thin, flat=True))


@dataclass(frozen=True)
class CurvePosterior:
    """The posterior of the ensemble's unknowns (theta of all families, w, sigma) given y_1..y_tau.

    Attributes:
        y: (tau,) observed values on the unit scale.
        T: epochs of a completed curve, more than tau.
    """

    y: Floats
    T: int

    @property
    def epochs(self) -> Floats:
        """(tau + 1,) 1..tau, and T."""
        return np.append(np.arange(1.0, len(self.y) + 1), float(self.T))

    def family_values(self, unknowns: Floats) -> Floats:
        """(families, walkers, tau + 1) f_k at `epochs` for unknowns (walkers, 48)."""
        t, begin, values = self.epochs, 0, []
        with np.errstate(all="ignore"):
            for family in FAMILIES:
                values.append(family(t, unknowns[:, begin : begin + family.n_parameters]))
                begin += family.n_parameters
        return np.stack(values)

    def ensemble(self, unknowns: Floats) -> Floats:
        """(walkers, tau + 1) sum_k w_k f_k / sum_k w_k at `epochs`."""
        return _mix(self.family_values(unknowns), unknowns[:, N_PARAMETERS:-1])

    def log_density(self, unknowns: Floats) -> Floats:
        """(walkers,) log posterior density up to a constant; minus infinity outside the prior's support."""
        weights, sigma = unknowns[:, N_PARAMETERS:-1], unknowns[:, -1]
        values = self.family_values(unknowns)
        with np.errstate(all="ignore"):
            combined = _mix(values, weights)
            finals = values[:, :, -1]
            allowed = np.all(weights >= 0, axis=1) & np.all((finals >= 0) & (finals <= 1), axis=0)
            allowed &= (sigma >= SIGMA_RANGE[0]) & (sigma <= SIGMA_RANGE[1])
            allowed &= combined[:, 0] < combined[:, -1]
            errors = ((combined[:, :-1] - self.y) ** 2).sum(axis=1)
            density = -0.5 * errors / sigma**2 - len(self.y) * np.log(sigma) - weights.sum(axis=1)
        return np.where(allowed & np.isfinite(density), density, -np.inf)

    def walkers(self, n: int, rng: np.random.Generator) -> Floats:
        """(n, 48) starting points within the prior's support, around the families' least-squares fits."""
        centre = self.centre()
        spread = 1e-2 * np.abs(centre) + 1e-4
        points = centre + spread * rng.standard_normal((n, len(centre)))
        for shrink in 0.5 ** np.arange(1, 40):
            outside = ~np.isfinite(self.log_density(points))
            if not outside.any():
                break
            points[outside] = centre + shrink * spread * rng.standard_normal((outside.sum(), len(centre)))
        return points

    def centre(self) -> Floats:
        """(48,) least-squares fits, weights according to how well they fit, and the remaining spread."""
        fits = [self._fit_family(family) for family in FAMILIES]
        theta = np.concatenate(fits)
        with np.errstate(all="ignore"):
            curves = np.stack(
                [family(self.epochs[:-1], fit[None])[0] for family, fit in zip(FAMILIES, fits, strict=True)]
            )
        error = np.sqrt(np.mean((curves - self.y) ** 2, axis=1))
        weights = 1.0 / (error + 0.01)
        weights *= len(FAMILIES) / weights.sum()
        left = weights @ curves / weights.sum() - self.y
        sigma = np.clip(np.sqrt(np.mean(left**2)), 2e-3, 0.5)
        return np.concatenate([theta, weights, [sigma]])

    def _fit_family(self, family: CurveFamily) -> Floats:
        """Least squares with a slight pull towards the family's start, held inside the prior's support."""
        start = np.array(family.start)

        def residuals(parameters: Floats) -> Floats:
            with np.errstate(all="ignore"):
                values = family(self.epochs, parameters[None])[0]
            outside = [max(values[-1] - 1 + MARGIN, 0), max(MARGIN - values[-1], 0)]
            falling = max(values[0] - values[-1] + MARGIN, 0)
            pull = PULL * (parameters - start)
            everything = np.concatenate([values[:-1] - self.y, pull, 10 * np.array([*outside, falling])])
            return np.nan_to_num(everything, nan=1e3, posinf=1e3, neginf=-1e3)

        fit = least_squares(residuals, start, method="lm", max_nfev=200 * (len(start) + 1)).x
        with np.errstate(all="ignore"):
            values = family(self.epochs, fit[None])[0]
        bounds = [values[-1], 1 - values[-1], values[-1] - values[0]]
        good = np.isfinite(values).all() and min(bounds) > MARGIN / 10
        return np.asarray(fit if good else start)


def _mix(values: Floats, weights: Floats) -> Floats:
    """(walkers, epochs) weighted means of values (families, walkers, epochs), weights (walkers, families)."""
    return np.einsum("kwt,wk->wt", values, weights) / weights.sum(axis=1)[:, None]
