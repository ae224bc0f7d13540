"""The eleven parametric families of learning curves of Domhan, Springenberg and Hutter (IJCAI 2015), Table 1.

Functions of t >= 1 that take their parameters as arrays which broadcast against t: with parameters of shape
(walkers, 1) and t of shape (tau,) they give (walkers, tau). Outside a function's domain the result is NaN or
infinite, without a warning where the caller has silenced numpy (`np.errstate(all="ignore")`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from predictor.curves.arrays import Floats


@dataclass(frozen=True)
class CurveFamily:
    """One family: its function and parameters of a typical rising curve, where fits begin."""

    name: str
    function: Callable[..., Floats]
    start: tuple[float, ...]

    @property
    def n_parameters(self) -> int:
        """How many parameters the function takes beside t."""
        return len(self.start)

    def __call__(self, t: Floats, parameters: Floats) -> Floats:
        """(walkers, tau) values for (walkers, n_parameters) parameters."""
        return self.function(t, *(parameters[:, index, None] for index in range(self.n_parameters)))


def vapor_pressure(t: Floats, a: Floats, b: Floats, c: Floats) -> Floats:
    """exp(a + b / t + c log t)."""
    return np.asarray(np.exp(a + b / t + c * np.log(t)))


def pow3(t: Floats, c: Floats, a: Floats, alpha: Floats) -> Floats:
    """c - a t^(-alpha); c is the asymptote for alpha > 0."""
    return c - a * t**-alpha


def log_log_linear(t: Floats, a: Floats, b: Floats) -> Floats:
    """log(a log t + b)."""
    return np.asarray(np.log(a * np.log(t) + b))


def hill3(t: Floats, y_max: Floats, eta: Floats, kappa: Floats) -> Floats:
    """y_max t^eta / (kappa^eta + t^eta); kappa is where half of y_max is reached."""
    return y_max / (1.0 + (kappa / t) ** eta)


def log_power(t: Floats, a: Floats, b: Floats, c: Floats) -> Floats:
    """a / (1 + (t / e^b)^c); for c < 0 a is the asymptote and e^b where half of it is reached."""
    return a / (1.0 + np.exp(c * (np.log(t) - b)))


def pow4(t: Floats, c: Floats, a: Floats, b: Floats, alpha: Floats) -> Floats:
    """c - (a t + b)^(-alpha); c is the asymptote for alpha > 0."""
    return c - (a * t + b) ** -alpha


def mmf(t: Floats, alpha: Floats, beta: Floats, kappa: Floats, delta: Floats) -> Floats:
    """Morgan-Mercer-Flodin: alpha - (alpha - beta) / (1 + (kappa t)^delta), from beta to alpha."""
    return alpha - (alpha - beta) / (1.0 + (kappa * t) ** delta)


def exp4(t: Floats, c: Floats, a: Floats, b: Floats, alpha: Floats) -> Floats:
    """c - exp(-a t^alpha + b); c is the asymptote."""
    return c - np.exp(b - a * t**alpha)


def janoschek(t: Floats, alpha: Floats, beta: Floats, kappa: Floats, delta: Floats) -> Floats:
    """alpha - (alpha - beta) exp(-kappa t^delta), from beta to alpha."""
    return alpha - (alpha - beta) * np.exp(-kappa * t**delta)


def weibull(t: Floats, alpha: Floats, beta: Floats, kappa: Floats, delta: Floats) -> Floats:
    """alpha - (alpha - beta) exp(-(kappa t)^delta), from beta to alpha."""
    return alpha - (alpha - beta) * np.exp(-((kappa * t) ** delta))


def ilog2(t: Floats, c: Floats, a: Floats) -> Floats:
    """c - a / log(t + 1); c is the asymptote. Shifted by one epoch as in the authors' code: log 1 = 0."""
    return c - a / np.log(t + 1.0)


FAMILIES = (
    CurveFamily("vapor pressure", vapor_pressure, (-0.6, -0.5, 0.04)),
    CurveFamily("pow3", pow3, (0.8, 0.5, 0.5)),
    CurveFamily("log log linear", log_log_linear, (0.2, 1.3)),
    CurveFamily("hill3", hill3, (0.77, 0.6, 2.5)),
    CurveFamily("log power", log_power, (0.77, 1.0, -0.5)),
    CurveFamily("pow4", pow4, (0.9, 2.0, 1.0, 0.5)),
    CurveFamily("MMF", mmf, (0.75, 0.1, 0.5, 1.0)),
    CurveFamily("exp4", exp4, (0.75, 0.8, -0.2, 0.5)),
    CurveFamily("janoschek", janoschek, (0.75, 0.1, 0.4, 0.5)),
    CurveFamily("weibull", weibull, (0.75, 0.1, 0.3, 0.7)),
    CurveFamily("ilog2", ilog2, (0.8, 0.4)),
)
"""The eleven families. Every start rises between 0 and 1 for 1 <= t <= 1000."""
