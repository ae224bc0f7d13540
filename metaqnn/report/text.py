"""The results of a search in words and a table, for the terminal and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from metaqnn.database import SearchRecord
from metaqnn.output import command, counted, duration, interval_text, percent
from metaqnn.results.accuracy import guess_text
from metaqnn.results.audits import AuditSummary
from metaqnn.results.summary import Summary

COLUMNS = {
    "epsilon": "epsilon",
    "networks": "networks",
    "completed": "completed",
    "stopped": "stopped",
    "failed": "failed",
    "shown_reward": "mean reward",
    "shown_mean": "mean accuracy",
    "shown_best": "best",
    "shown_best_so_far": "best so far",
    "shown_top5": "top 5 so far",
    "shown_top15": "top 15 so far",
    "epochs": "epochs",
}
"""Key -> heading of the table of epsilons; `epsilon_rows` are its rows."""
SPARE = "shown_top15", "shown_top5", "networks"
"""Columns of that table that a narrow terminal leaves out, in this order."""
TOP = 5
"""Networks that are shown at the end of a search, and worth a long training."""


def headline(summary: Summary) -> str:
    """The most important numbers, in three lines."""
    return "\n".join(
        [
            f"{summary.networks:,} of {counted(summary.planned, 'network')}: {summary.completed:,} trained "
            f"to the end, {summary.stopped:,} stopped, {summary.failed:,} failed; "
            f"{duration(summary.seconds)}",
            _best(summary),
            f"{counted(summary.epochs, 'epoch')} trained, {_saved(summary)}",
        ]
    )


def _saved(summary: Summary) -> str:
    saved = summary.full_epochs - summary.epochs
    factor = f": {summary.speed_up:.2f}x" if saved else ""
    return f"{f'{saved:,}' if saved else 'none'} saved by early stopping{factor}"


def _best(summary: Summary) -> str:
    best = f"best validation {summary.metric_text} {percent(summary.best_accuracy)}{_interval(summary)}"
    if summary.guess is None:
        return best
    return f"{best}; {guess_text(summary.guess, summary.guess_limit, summary.best_accuracy)}"


def _interval(summary: Summary) -> str:
    """In brackets, how exactly the best accuracy is known; empty where that is not known."""
    if summary.best_accuracy_low is None or summary.best_accuracy_high is None:
        return ""
    interval = interval_text(summary.best_accuracy_low, summary.best_accuracy_high)
    return f" ({interval} by {counted(summary.validation_images or 0, 'image')})"


def audit_line(audit: AuditSummary) -> str:
    """What the audits found, in one to three lines."""
    if not audit.networks and not audit.stops:
        return "no network was stopped: there is nothing to audit"
    if not audit.networks:
        return f"no audit of {counted(audit.stops, 'stop')} yet: `metaqnn audit RUN` trains some to the end"
    lines = [
        f"{counted(audit.networks, 'audit')} of {counted(audit.stops, 'stop')}: "
        f"{audit.better_than_best or 'none'} would {audit.false_stop} at that time"
        f"{_against_accepted(audit)}",
    ]
    if audit.mean_absolute_error is not None:
        lines.append(_error(audit))
    afterwards = audit.networks - audit.in_loop
    spent = [
        f"{audit.in_loop:,} during the search, for {audit.epochs_in_loop:,} of its epochs",
        f"{afterwards:,} by `metaqnn audit`, for {counted(audit.epochs_afterwards, 'more epoch')}",
    ]
    lines.append("; ".join(text for text, n in zip(spent, (audit.in_loop, afterwards), strict=True) if n))
    return "\n".join(lines)


def _error(audit: AuditSummary) -> str:
    """How far the forecasts of audited networks were off, in percentage points."""
    assert audit.mean_absolute_error is not None
    assert audit.bias is not None
    mean = f"{100 * audit.mean_absolute_error:.2f} percentage points"
    if audit.networks == 1:
        return f"the forecast of its final accuracy was off by {mean}"
    return (
        f"forecasts of their final accuracies were off by {mean} on average (bias {100 * audit.bias:+.2f}, "
        f"at most {100 * (audit.largest_error or 0):.2f})"
    )


def epsilon_rows(summary: Summary) -> list[dict[str, Any]]:
    """The rows of the table of epsilons, formatted."""
    return [{**vars(row), **_shown(vars(row))} for row in summary.by_epsilon]


def _against_accepted(audit: AuditSummary) -> str:
    if audit.accepted_share is None:
        return ""
    share = audit.better_than_best / audit.networks
    return f", a share of {percent(share)}; the criterion accepts 1 - Delta = {percent(audit.accepted_share)}"


def _shown(row: dict[str, Any]) -> dict[str, str]:
    return {
        "shown_reward": percent(row["mean_reward"]),
        "shown_mean": percent(row["mean_accuracy"]),
        "shown_best": percent(row["best_accuracy"]),
        "shown_best_so_far": percent(row["best_so_far"]),
        "shown_top5": percent(row["top5_so_far"]),
        "shown_top15": percent(row["top15_so_far"]),
    }


class NextStep(NamedTuple):
    """A command to paste, and what it is for."""

    command: str
    purpose: str


def uses(summary: Summary, run: Path, record: SearchRecord, *, finetuned: bool) -> list[NextStep]:
    """What to do with the best networks, the most useful first; nothing if none is better than a guess.

    Args:
        summary: of the search.
        run: its folder.
        record: says whether there are test images, which finetuning needs, and weights, which exports need.
        finetuned: whether the best network was trained for long.
    """
    if not summary.completed or not summary.beats_guess:
        return []
    to = "--to", run / "best"
    if finetuned:
        longest = command("export", run, "--finetuned", *to)
        return [NextStep(longest, "to use the best network with its long training")]
    steps = []
    if record.may_be_tested:
        longer = command("finetune", run, "--top", TOP)
        steps.append(NextStep(longer, "to train the best ones for longer and measure their test error"))
    if record.keeps_weights:
        best = command("export", run, *to)
        steps.append(NextStep(best, "to use the best network: PyTorch source, weights and ONNX"))
    return steps
