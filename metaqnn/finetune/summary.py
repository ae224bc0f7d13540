"""The results of long trainings: test errors with their uncertainty, and those of the ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import sem

from metaqnn.finetune.candidates import Candidate
from metaqnn.finetune.files import FinetuningFiles
from metaqnn.results.long_trained import ErrorRate, in_columns
from trainers.metric import ACCURACY, Metric


@dataclass(frozen=True)
class SeedResult:
    """One training of one network, or the ensemble of the trainings with one seed."""

    seed: int
    outcome: str
    message: str
    training_accuracy: float | None
    """After the last epoch, on training images; None for an ensemble."""
    test: ErrorRate | None
    """None where the training failed."""
    balanced_error: float | None = None
    """The error on the same images with every class counting alike, if the search measured that."""
    members: tuple[int, ...] = ()
    """Numbers of the networks of an ensemble."""

    def to_dict(self) -> dict[str, Any]:
        """Values for programs; `members` are not among them."""
        return {
            "seed": self.seed,
            **in_columns(self.test),
            "balanced_test_error": self.balanced_error,
            "outcome": self.outcome,
            "training_accuracy": self.training_accuracy,
            "message": self.message,
        }


@dataclass(frozen=True)
class Mean:
    """Mean test error over the seeds whose training did not fail."""

    runs: tuple[SeedResult, ...]

    @property
    def rates(self) -> list[float]:
        """The test error of each."""
        return [run.test.rate for run in self.runs if run.test is not None]

    @property
    def rate(self) -> float | None:
        """Their mean; None if there is none."""
        return float(np.mean(self.rates)) if self.rates else None

    @property
    def balanced_rate(self) -> float | None:
        """The mean of their balanced errors; None if there is none."""
        errors = [run.balanced_error for run in self.runs if run.balanced_error is not None]
        return float(np.mean(errors)) if errors else None

    @property
    def standard_error(self) -> float | None:
        """Of the mean: s / sqrt(n), s with n - 1; None for fewer than two."""
        return float(sem(self.rates)) if len(self.rates) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "test_error": self.rate,
            "standard_error": self.standard_error,
            "balanced_test_error": self.balanced_rate,
            "runs": [{**run.to_dict(), "members": run.members} for run in self.runs],
        }


@dataclass(frozen=True)
class FinetuningSummary:
    """Test errors of all networks, in the order in which they are trained, and of the ensemble."""

    networks: tuple[tuple[Candidate, Mean], ...]
    ensemble: Mean
    """Of the networks above; without runs where fewer than two networks of a seed did not fail."""

    @property
    def all_failed(self) -> bool:
        """Whether no training has a test error."""
        return not any(mean.rates for _, mean in self.networks)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        networks = [{**asdict(candidate), **mean.to_dict()} for candidate, mean in self.networks]
        return {"networks": networks, "ensemble": self.ensemble.to_dict()}


def summarise_finetuning(
    files: FinetuningFiles,
    candidates: Sequence[Candidate],
    seeds: int,
    labels: np.ndarray,
    metric: str = ACCURACY,
) -> FinetuningSummary:
    """Read the results of finished trainings.

    Args:
        files: where they are.
        candidates: the networks, each of which has a result for every seed.
        seeds: trainings of each.
        labels: of the test images.
        metric: what the search measured; for balanced accuracy, a second test error is measured by that.

    Raises:
        FinetuningError: a file is missing or damaged.
    """
    networks = tuple(
        (one, Mean(tuple(_run(files, one.number, seed, labels, metric) for seed in range(seeds))))
        for one in candidates
    )
    together = []
    for seed in range(seeds):
        members = [one.number for one, mean in networks if mean.runs[seed].test is not None]
        if len(members) > 1:
            together.append(_ensemble(files, members, seed, labels, metric))
    return FinetuningSummary(networks, Mean(tuple(together)))


def _run(files: FinetuningFiles, number: int, seed: int, labels: np.ndarray, metric: str) -> SeedResult:
    result = files.result(number, seed)
    assert result is not None, "summarised before it has ended"
    test = None if result.test_errors is None else ErrorRate.of(result.test_errors, result.test_images)
    last = result.training_accuracies[-1] if result.training_accuracies else None
    balanced = None
    if test is not None and metric != ACCURACY:
        balanced = _error(files.probabilities(number, seed), labels, metric)
    return SeedResult(seed, result.outcome, result.message, last, test, balanced)


def _error(shares: np.ndarray, labels: np.ndarray, metric: str) -> float:
    """1 - the value of the metric that the softmax outputs for the test images reach."""
    classes = shares.shape[1]
    hits = np.bincount(labels[shares.argmax(1) == labels], minlength=classes)
    return 1 - Metric.of(metric, labels, classes).value(hits.tolist())


def _ensemble(
    files: FinetuningFiles, members: list[int], seed: int, labels: np.ndarray, metric: str
) -> SeedResult:
    """The mean of the members' softmax outputs decides [MQ]."""
    mean = np.mean([files.probabilities(number, seed) for number in members], axis=0)
    test = ErrorRate.of(int((mean.argmax(1) != labels).sum()), len(labels))
    balanced = None if metric == ACCURACY else _error(mean, labels, metric)
    return SeedResult(seed, "completed", f"{len(members)} networks", None, test, balanced, tuple(members))
