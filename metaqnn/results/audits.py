"""How networks that the rule would have stopped did when they were trained to the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from metaqnn.config.stopping import compared, stated_risk
from metaqnn.database.queries import AUDITED, SearchReader
from metaqnn.output import command, percent

MOST_NAMED = 5
"""Audited networks that a note names."""


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


def audited_after(network: Mapping[str, Any]) -> int | None:
    """The epoch after which the rule would have stopped a network that was audited in the search; else None.

    One that diverges in the very epoch of the decision was not audited.

    Args:
        network: as `SearchReader.network` gives it.
    """
    trained = [training for training in network["trainings"] if training["purpose"] == "search"][-1:]
    stops = [epoch["epoch"] for training in trained for epoch in training["epochs"] if epoch["stop"]]
    audited = network["outcome"] in AUDITED and stops and stops[-1] < (network["epochs"] or 0)
    return stops[-1] if audited else None
