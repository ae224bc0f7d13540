"""The results of a search: per epsilon, cumulatively, and how much early stopping saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from heapq import nlargest
from itertools import accumulate
from pathlib import Path
from statistics import fmean
from typing import Any

from metaqnn.config.stopping import compared, stated_risk
from metaqnn.database.queries import SearchReader
from metaqnn.output import command, percent
from metaqnn.results.accuracy import accuracy_interval, beats_guess
from trainers.metric import in_words

MOST_NAMED = 5
"""Audited networks that a note names."""


@dataclass(frozen=True)
class EpsilonRow:
    """All networks proposed at one epsilon.

    `mean_reward` counts y_T for completed networks, y_hat_T for stopped ones and chance for failures, as the
    agent sees them; `mean_accuracy` is over completed networks only. `best_so_far`, `top5_so_far` and
    `top15_so_far` are the means of the 1, 5 and 15 best observed accuracies when this epsilon was done.
    """

    epsilon: float
    networks: int
    completed: int
    stopped: int
    failed: int
    mean_reward: float
    mean_accuracy: float | None
    best_accuracy: float | None
    best_so_far: float | None
    top5_so_far: float | None
    top15_so_far: float | None
    epochs: int


@dataclass(frozen=True)
class Summary:
    """A whole search. Epochs count every attempt; `full_epochs` is what training all to the end would take.

    `metric` is what all accuracies are, in words, measured on `validation_images`; `best_accuracy_low` and
    `best_accuracy_high` are the interval of the best one, see `accuracy_interval`, None where it has none;
    `guess` is what always guessing the commonest class of the validation images reaches, and `guess_limit`
    what guessing hardly ever reaches, see `limit_of_guessing`; None if unknown. A network that failed at
    chance level counts in `full_epochs` with the epochs it really took, because early stopping saved nothing
    there. So does one that was audited during the search.
    """

    networks: int
    planned: int
    completed: int
    stopped: int
    failed: int
    epochs: int
    full_epochs: int
    seconds: float
    best_accuracy: float | None
    best_accuracy_low: float | None
    best_accuracy_high: float | None
    validation_images: int | None
    metric: str
    guess: float | None
    guess_limit: float | None
    by_epsilon: list[EpsilonRow]

    @property
    def beats_guess(self) -> bool:
        """Whether the best network is clearly better than a constant guess; True if either is unknown."""
        return beats_guess(self.best_accuracy, self.guess_limit)

    @property
    def speedup(self) -> float:
        """full_epochs / epochs."""
        return self.full_epochs / self.epochs if self.epochs else 1.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {**asdict(self), "speedup": self.speedup}


def summarise(reader: SearchReader, ended: list[Any] | None = None) -> Summary:
    """Summarise a finished or running search.

    Args:
        reader: the search.
        ended: the result of `reader.ended()`, if the caller already has it.
    """
    record, ended = reader.record(), reader.ended() if ended is None else ended
    config = record.config
    places: dict[float, list[int]] = {}
    for place, row in enumerate(ended):
        places.setdefault(row.epsilon, []).append(place)
    finals = [row.final_accuracy for row in ended]
    rows = [
        _epsilon_row(epsilon, [ended[place] for place in own], finals[: own[-1] + 1])
        for epsilon, own in places.items()
    ]
    skipped = sum(config.epochs - row.epochs for row in ended if row.outcome == "stopped")
    epochs = sum(row.epochs for row in rows)
    best = max((row.best_accuracy for row in rows if row.best_accuracy is not None), default=None)
    low, high = accuracy_interval(best, config) or (None, None)
    return Summary(
        networks=len(ended),
        planned=config.schedule.total,
        completed=sum(row.completed for row in rows),
        stopped=sum(row.stopped for row in rows),
        failed=sum(row.failed for row in rows),
        epochs=epochs,
        full_epochs=epochs + skipped,
        seconds=reader.search()["seconds"],
        best_accuracy=best,
        best_accuracy_low=low,
        best_accuracy_high=high,
        validation_images=config.validation_size,
        metric=in_words(config.metric),
        guess=record.guess,
        guess_limit=record.guess_limit,
        by_epsilon=rows,
    )


@dataclass(frozen=True)
class AuditSummary:
    """How networks that the rule would have stopped did when trained to the end, in the search or afterwards.

    Attributes:
        stops: networks that the rule would have stopped, audited or not.
        networks: the audited ones.
        in_loop: those of them that the search itself trained to the end.
        better_than_best: the false stops among them, see `is_false_stop`.
        tolerance, nth_best: of the rule, see `compared`; they say what a false stop is.
        accepted_share: 1 - Delta, the share of false stops that the published criterion accepts; None for
            other rules, which state none.
        mean_absolute_error, bias, largest_error: of y_hat_T - y_T, without networks that diverged.
        epochs_in_loop: epochs spent after the stop that did not happen; they count in `Summary.epochs`.
        epochs_afterwards: epochs of `metaqnn audit`, all attempts; they do not.
    """

    stops: int
    networks: int
    in_loop: int
    better_than_best: int
    accepted_share: float | None
    mean_absolute_error: float | None
    bias: float | None
    largest_error: float | None
    epochs_in_loop: int
    epochs_afterwards: int
    tolerance: float = 0.0
    nth_best: int = 1

    @property
    def false_stop(self) -> str:
        """What a false stop would have done, in words."""
        done = f"have come within {self.tolerance} of" if self.tolerance else "have beaten"
        which = "the best network" if self.nth_best == 1 else f"number {self.nth_best} of the best networks"
        return f"{done} {which}"


def summarise_audits(
    reader: SearchReader, audits: list[dict[str, Any]] | None = None, ended: list[Any] | None = None
) -> AuditSummary:
    """Summarise the audits during the search and those of `metaqnn audit` together.

    Args:
        reader: the search.
        audits: the result of `reader.audits()`, if the caller already has it.
        ended: likewise, of `reader.ended()`.
    """
    config, audits = reader.config(), reader.audits() if audits is None else audits
    ended = reader.ended() if ended is None else ended
    tolerance, nth_best = compared(config.stopping)
    in_loop = [row for row in audits if row["in_loop"]]
    errors = [
        row["predicted_accuracy"] - row["final_accuracy"]
        for row in audits
        if row["predicted_accuracy"] is not None and row["final_accuracy"] is not None
    ]
    return AuditSummary(
        stops=sum(row.outcome == "stopped" for row in ended) + len(in_loop),
        networks=len(audits),
        in_loop=len(in_loop),
        better_than_best=sum(is_false_stop(row, tolerance) for row in audits),
        accepted_share=stated_risk(config.stopping),
        mean_absolute_error=fmean(map(abs, errors)) if errors else None,
        bias=fmean(errors) if errors else None,
        largest_error=max(map(abs, errors), default=None),
        epochs_in_loop=sum(row["epochs_in_search"] - row["epochs"] for row in in_loop),
        epochs_afterwards=reader.audit_epochs(),
        tolerance=tolerance,
        nth_best=nth_best,
    )


def is_false_stop(audit: Mapping[str, Any], tolerance: float) -> bool:
    """Whether an audited network ended above y_BEST - tolerance, which its rule thought it would not.

    One that diverged did not. y_BEST is of the time of the stop; with `nth_best`, it is the n-th best y_T.
    """
    final, best = audit["final_accuracy"], audit["best_accuracy"]
    return final is not None and best is not None and final > best - tolerance


def audited_note(reader: SearchReader, best: Sequence[Mapping[str, Any]], run: Path) -> str:
    """A line about audited networks that would be among the best, and how to use them; "" without any.

    They are not in the list, because the search stopped them and knows nothing of their end.

    Args:
        reader: the search.
        best: networks from `SearchReader.top`, the best first.
        run: its run folder, for the command.
    """
    listed = {row["number"]: row["final_accuracy"] for row in best}
    afterwards = {
        row["number"]: row["final_accuracy"]
        for row in reader.audits()
        if not row["in_loop"] and row["final_accuracy"] is not None
    }
    last = min(listed.values(), default=1.0)
    better = {number: accuracy for number, accuracy in afterwards.items() if accuracy > last}
    if not better:
        return ""
    order = sorted(better, key=lambda number: -better[number])
    named = [f"{number} ({percent(better[number])})" for number in order[:MOST_NAMED]]
    named += [f"{len(order) - MOST_NAMED} more"] if len(order) > MOST_NAMED else []
    together = {**listed, **better}
    chosen = sorted(together, key=lambda number: -together[number])[: min(len(listed), MOST_NAMED)]
    return (
        f"stopped networks that `metaqnn audit` found better than the last of these: {', '.join(named)}; "
        f"to finetune the best with them: {command('finetune', run, '--networks', *chosen)}"
    )


def cumulative_top(accuracies: list[float | None], k: int) -> list[float | None]:
    """After each network, the mean of the k best accuracies so far (None for fewer than k)."""

    def insert(best: list[float], accuracy: float | None) -> list[float]:
        return best if accuracy is None else sorted([*best, accuracy], reverse=True)[:k]

    initial: list[float] = []
    kept = list(accumulate(accuracies, insert, initial=initial))[1:]
    return [fmean(best) if len(best) == k else None for best in kept]


def _epsilon_row(epsilon: float, rows: list[Any], so_far: list[float | None]) -> EpsilonRow:
    """`rows`: networks proposed at this epsilon; `so_far`: all y_T until the last of them had ended."""
    finals = [row.final_accuracy for row in rows if row.final_accuracy is not None]
    observed = [accuracy for accuracy in so_far if accuracy is not None]
    stopped = sum(row.outcome == "stopped" for row in rows)
    return EpsilonRow(
        epsilon=epsilon,
        networks=len(rows),
        completed=len(finals),
        stopped=stopped,
        failed=len(rows) - len(finals) - stopped,
        mean_reward=fmean(row.reward for row in rows),
        mean_accuracy=fmean(finals) if finals else None,
        best_accuracy=max(finals, default=None),
        best_so_far=_mean_of_best(observed, 1),
        top5_so_far=_mean_of_best(observed, 5),
        top15_so_far=_mean_of_best(observed, 15),
        epochs=sum(row.epochs_trained or 0 for row in rows),
    )


def _mean_of_best(accuracies: list[float], k: int) -> float | None:
    best = nlargest(k, accuracies)
    return fmean(best) if len(best) == k else None
