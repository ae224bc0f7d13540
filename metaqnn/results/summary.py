"""The results of a search: per epsilon, cumulatively, and how much early stopping saved."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from heapq import nlargest
from itertools import accumulate
from statistics import fmean
from typing import Any, Literal

from metaqnn.database.queries import SearchReader
from metaqnn.results.accuracy import accuracy_interval, beats_guess
from trainers.metric import in_words

State = Literal["running", "finished", "paused", "not started"]


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

    `metric` is what all accuracies are, by its name in `trainers.metric.METRICS`, measured on
    `validation_images`; `best_accuracy_low` and `best_accuracy_high` are the interval of the best one, see
    `accuracy_interval`, None where it has none; `guess` is what always guessing the commonest class of the
    validation images reaches, and `guess_limit` what guessing hardly ever reaches, see `limit_of_guessing`;
    None if unknown. A network that failed at chance level counts in `full_epochs` with the epochs it really
    took, because early stopping saved nothing there. So does one that was audited during the search.
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
    def metric_text(self) -> str:
        """The metric in a sentence: `balanced accuracy`."""
        return in_words(self.metric)

    @property
    def beats_guess(self) -> bool:
        """Whether the best network is clearly better than a constant guess; True if either is unknown."""
        return beats_guess(self.best_accuracy, self.guess_limit)

    @property
    def speed_up(self) -> float:
        """full_epochs / epochs."""
        return self.full_epochs / self.epochs if self.epochs else 1.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {**asdict(self), "speed_up": self.speed_up}


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
        metric=config.metric,
        guess=record.guess,
        guess_limit=record.guess_limit,
        by_epsilon=rows,
    )


def search_state(owner: str | None, ended: int, planned: int, over: str | None, *, begun: bool) -> State:
    """What a search is doing.

    Args:
        owner: the process that works on it, which may be an audit; None if there is none.
        ended: number of networks whose training has ended.
        planned: number of networks in its schedule.
        over: why it is over before its schedule is; None if it is not.
        begun: whether it has proposed a network.
    """
    if owner is not None:
        return "running"
    if ended >= planned or over is not None:
        return "finished"
    return "paused" if begun else "not started"


def unfinished(owner: str | None) -> str:
    """What a network without a result is called: in training only while a process works on the search.

    Args:
        owner: that process; None if there is none.
    """
    return "interrupted" if owner is None else "in training"


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
