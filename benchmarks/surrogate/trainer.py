"""The surrogate as a trainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from math import floor, inf, log, tanh
from operator import mul
from typing import Self

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from state_space import Architecture
from state_space.shapes import PUBLISHED_SHAPE, Shape
from surrogate.curves import CurveModel, Floats
from surrogate.features import architecture_features
from trainers.chance import Chance
from trainers.recipe import TrainingRecipe
from trainers.results import EpochReport, Outcome, TrainingResult

LEAST_CURVES = 20
REGULARISATION = 0.1
"""C of the logistic regression of failed starts."""


class SurrogateError(ValueError):
    """Recorded curves from which no surrogate can be learned; the message is one line."""


class SurrogateTrainer:
    """Gives every architecture the learning curve that a training might have, in a tenth of a millisecond.

    What the architecture and the initial learning rate say about the curve is learned from recorded
    trainings (`CurveModel`). What they leave open is a property of the architecture, addressed by (seed,
    architecture): trained again, it deviates in the same way. Only what is left then, the jitter from epoch
    to epoch, is addressed by the training's seed, as is whether an attempt starts at all. How likely that is,
    is learned from the recorded rates, which tell how many attempts had failed. Networks that failed at every
    rate are in no record: their share is an extrapolation.

    An attempt that does not start has the accuracy 1 / classes in its first epoch; all others are above
    chance there. The training loss is always 0, and no time passes (0 s). Without `on_epoch`, `train` tells
    what an uninterrupted training would give, which is how a stopped network's true y_T is found.

    Args:
        curves: the model of curves that start.
        failing: weights of the features and the log rate, and a constant: log odds that an attempt fails.
        recipe: epochs, initial rates and attempts.
        input_shape: (channels, height, width) of the images.
        num_classes: number of classes.
        resolution: accuracies are multiples of 1 / resolution: the number of validation images.
        seed: addresses how architectures deviate from what is expected of them.
    """

    def __init__(
        self,
        curves: CurveModel,
        failing: Floats,
        *,
        recipe: TrainingRecipe,
        input_shape: Shape = PUBLISHED_SHAPE,
        num_classes: int = 10,
        resolution: int = 5000,
        seed: int = 0,
    ) -> None:
        self.recipe = recipe
        self.input_shape = input_shape
        self.num_classes = num_classes
        self.resolution = resolution
        self.seed = seed
        self._curves = curves
        self._failing: list[float] = failing.tolist()
        attempts, epochs = range(1, recipe.attempts + 1), range(1, recipe.epochs + 1)
        self._rates = {attempt: [recipe.rate(attempt, epoch) for epoch in epochs] for attempt in attempts}

    @classmethod
    def fit(
        cls,
        architectures: Sequence[Architecture],
        values: Floats,
        learning_rates: Floats,
        *,
        recipe: TrainingRecipe | None = None,
        input_shape: Shape = PUBLISHED_SHAPE,
        num_classes: int = 10,
        resolution: int = 5000,
        seed: int = 0,
    ) -> Self:
        """Learn from n recorded trainings that were completed. Takes some seconds for a thousand.

        Args:
            architectures: the n networks.
            values: (n, T) validation accuracies.
            learning_rates: (n,) initial rates of the attempts that succeeded.
            recipe: with which they were trained, but for the epochs, which are T; None for the published.
            input_shape: (channels, height, width) of the images.
            num_classes: number of classes.
            resolution: number of validation images.
            seed: addresses how architectures deviate from what is expected of them.

        Raises:
            SurrogateError: fewer than 20 curves, or a value that is no accuracy, or a rate that is not of
                the recipe.
        """
        _check(architectures, values, learning_rates)
        recipe = replace(recipe or TrainingRecipe(), epochs=values.shape[1])
        attempts = _attempts(learning_rates, recipe)
        features = np.array([architecture_features(a, input_shape) for a in architectures])
        log_rates = np.log([recipe.initial_rate(attempt) for attempt in attempts])
        curves = CurveModel.fit(np.column_stack([features, log_rates]), values, 1 / num_classes)
        return cls(
            curves,
            _fit_failing(features, attempts, recipe),
            recipe=recipe,
            input_shape=input_shape,
            num_classes=num_classes,
            resolution=resolution,
            seed=seed,
        )

    @property
    def chance(self) -> Chance:
        """The published one: the recorded networks were trained with it."""
        return Chance.published(self.num_classes, self.recipe.chance_factor)

    def train(
        self,
        architecture: Architecture,
        *,
        seed: int,
        on_epoch: Callable[[EpochReport], bool] | None = None,
        checkpoint: None = None,
    ) -> TrainingResult:
        """Report the epochs of a training; see `trainers.ClassifierTrainer.train`.

        Args:
            architecture: the network.
            seed: addresses the epoch noise and which attempts fail.
            on_epoch: called after every epoch; returns True to stop.
            checkpoint: there is nothing to save.
        """
        name, features = str(architecture), self._features(architecture)
        for attempt, rates in self._rates.items():
            fails = _uniform("start", seed, attempt, name) < self._failure(features, attempt)
            curve = [1 / self.num_classes] if fails else self._curve(name, features, seed, attempt)
            if on_epoch is not None:
                for epoch, (accuracy, rate) in enumerate(zip(curve, rates, strict=False), start=1):
                    if on_epoch(EpochReport(attempt, rate, epoch, accuracy, 0.0, 0.0)):
                        return self._result(Outcome.STOPPED, curve[:epoch], attempt)
            if not fails:
                return self._result(Outcome.COMPLETED, curve, attempt)
        return self._result(Outcome.CHANCE, curve, attempt)

    def expected(self, architecture: Architecture, attempt: int = 1) -> Floats:
        """The curve, (T,), that the features alone announce for that attempt (from 1)."""
        return self._curves.expected(self._inputs(self._features(architecture), attempt))

    def failure(self, architecture: Architecture, attempt: int = 1) -> float:
        """Probability that this attempt (from 1) fails if it is made."""
        return self._failure(self._features(architecture), attempt)

    def _features(self, architecture: Architecture) -> Sequence[float]:
        return architecture_features(architecture, self.input_shape)

    def _failure(self, features: Sequence[float], attempt: int) -> float:
        *weights, rate_weight, constant = self._failing
        odds = constant + rate_weight * log(self._rates[attempt][0])
        odds += sum(map(mul, weights, features))
        return 0.5 + 0.5 * tanh(odds / 2)  # 1 / (1 + exp(-odds)), which can overflow

    def _curve(self, name: str, features: Sequence[float], seed: int, attempt: int) -> list[float]:
        first = self._inputs(features, 1)
        curve = self._curves.curve(
            first if attempt == 1 else self._inputs(features, attempt),
            first,
            deviation=_uniform("deviation", self.seed, name),
            noise=_uniform("noise", seed, attempt, name),
        )
        counts = np.rint(curve * self.resolution)
        counts[0] = max(counts[0], floor(self.chance.threshold * self.resolution) + 1)
        accuracies: list[float] = (counts / self.resolution).tolist()
        return accuracies

    def _inputs(self, features: Sequence[float], attempt: int) -> Floats:
        return np.array([*features, log(self._rates[attempt][0])])

    def _result(self, outcome: Outcome, curve: list[float], attempt: int) -> TrainingResult:
        message = f"surrogate: {outcome} after epoch {len(curve)}"
        return TrainingResult(outcome, tuple(curve), self._rates[attempt][0], attempt, 0.0, message)


def _check(architectures: Sequence[Architecture], values: Floats, learning_rates: Floats) -> None:
    n = len(architectures)
    if n < LEAST_CURVES:
        raise SurrogateError(f"{n} recorded curves; a surrogate needs at least {LEAST_CURVES}")
    if values.ndim != 2 or len(values) != n or learning_rates.shape != (n,):
        raise SurrogateError(
            f"{n} architectures, curves of shape {values.shape}, rates of shape {learning_rates.shape}; "
            f"expected ({n}, T) and ({n},)"
        )
    wrong = np.flatnonzero(~((values >= 0) & (values <= 1)).all(axis=1))
    if len(wrong):
        raise SurrogateError(f"curve {wrong[0]} is not complete or not of accuracies in [0, 1]")


def _attempts(learning_rates: Floats, recipe: TrainingRecipe) -> list[int]:
    """Which attempt, from 1, each initial rate belongs to; records may have rounded it."""
    known = np.log([recipe.initial_rate(attempt) for attempt in range(1, recipe.attempts + 1)])
    with np.errstate(invalid="ignore", divide="ignore"):
        distances = np.abs(np.log(learning_rates)[:, None] - known)
    wrong = np.flatnonzero(~(np.nan_to_num(distances.min(axis=1), nan=inf) < 0.05))
    if len(wrong):
        rates = ", ".join(f"{rate:.3g}" for rate in np.exp(known))
        raise SurrogateError(
            f"curve {wrong[0]} has the learning rate {learning_rates[wrong[0]]}; the recipe has {rates}"
        )
    return (distances.argmin(axis=1) + 1).tolist()


def _fit_failing(features: Floats, attempts: list[int], recipe: TrainingRecipe) -> Floats:
    """Weights of the features and the log rate, and the constant, (d + 2,), of the log odds to fail.

    A network whose k-th attempt succeeded is k examples: k - 1 attempts that failed, and one that did not.
    """
    rows = [(i, attempt) for i, last in enumerate(attempts) for attempt in range(1, last + 1)]
    failed = np.array([attempt < attempts[i] for i, attempt in rows])
    if not failed.any():
        return np.append(np.zeros(features.shape[1] + 1), -inf)
    log_rates = np.log([recipe.initial_rate(attempt) for _, attempt in rows])
    X = np.column_stack([features[[i for i, _ in rows]], log_rates])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=1000))
    scaler, logistic = (step for _, step in model.fit(X, failed).steps)
    weights = logistic.coef_[0] / scaler.scale_
    return np.append(weights, logistic.intercept_[0] - weights @ scaler.mean_)


def _uniform(*address: object) -> float:
    """A number in [0, 1) that depends on the address alone; faster than making a generator by far."""
    digest = blake2b("\0".join(map(str, address)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
