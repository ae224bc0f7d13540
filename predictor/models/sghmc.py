"""Stochastic-gradient Hamiltonian Monte Carlo with scale adaptation (Springenberg et al., NIPS 2016)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from predictor.errors import PredictorError

Vector = npt.NDArray[np.floating]
SMALLEST_VARIANCE = 1e-16


class ScaleAdaptedSGHMC:
    """Samples theta ~ exp(-U(theta)) from (noisy) gradients of U.

    Equation 10 of the paper, with the friction chosen so that epsilon V^(-1/2) C = alpha I:

        r     <- r - epsilon^2 V^(-1/2) grad U - alpha r + N(0, 2 epsilon^2 alpha V^(-1/2) - epsilon^4)
        theta <- theta + r

    V estimates the mean of grad U^2 per dimension. During burn-in it is adapted as in equations 8 and 9, with
    averaging windows that adapt themselves; then it is kept. epsilon^4 stands for the noise of mini-batches.
    The variance of the added noise is kept from falling below 0, as it would if the gradients' own noise
    already exceeded what the friction takes out.

    Args:
        epsilon: step size.
        alpha: momentum decay, in (0, 1).
        burn_in: steps in which V is adapted.
    """

    def __init__(self, *, epsilon: float, alpha: float, burn_in: int) -> None:
        if not (epsilon > 0 and 0 < alpha < 1 and burn_in >= 1):
            raise PredictorError(
                f"epsilon = {epsilon}, alpha = {alpha}, burn_in = {burn_in}; "
                "expected epsilon > 0, 0 < alpha < 1 and burn_in >= 1"
            )
        self.epsilon = epsilon
        self.alpha = alpha
        self.burn_in = burn_in

    def run(
        self, theta: Vector, gradient: Callable[[], Vector], n_steps: int, rng: np.random.Generator
    ) -> Iterator[Vector]:
        """theta after every step that follows burn-in, n_steps in all: always the same array, copy to keep.

        Args:
            theta: (d,) starting point, moved in place.
            gradient: returns (d,) grad U at the present `theta`, on a fresh mini-batch.
            n_steps: steps after burn-in.
            rng: draws the momenta and the noise.
        """
        window, mean, square = np.ones_like(theta), np.zeros_like(theta), np.ones_like(theta)
        momentum = np.zeros_like(theta)
        for step in range(self.burn_in + n_steps):
            slope = gradient()
            if step < self.burn_in:
                rate = 1.0 / (window + 1.0)
                window += 1.0 - window * mean**2 / (square + SMALLEST_VARIANCE)
                mean += rate * (slope - mean)
                square += rate * (slope**2 - square)
            self._move(theta, momentum, slope, 1.0 / np.sqrt(square + SMALLEST_VARIANCE), rng)
            if step >= self.burn_in:
                yield theta

    def _move(
        self, theta: Vector, momentum: Vector, slope: Vector, scale: Vector, rng: np.random.Generator
    ) -> None:
        variance = 2 * self.epsilon**2 * self.alpha * scale - self.epsilon**4
        noise = np.sqrt(np.maximum(variance, 0)) * rng.standard_normal(theta.shape, dtype=np.float32)
        momentum *= 1 - self.alpha
        momentum -= self.epsilon**2 * scale * slope
        momentum += noise.astype(theta.dtype, copy=False)
        theta += momentum
