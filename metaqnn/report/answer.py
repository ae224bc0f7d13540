"""What everybody asks about a search: what was found, was stopping right, and what next?"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path

from scipy.stats import binomtest

from metaqnn.config.stopping import NO_RULE
from metaqnn.database import SearchRecord
from metaqnn.output import command, count, percent
from metaqnn.report.text import NextStep, uses
from metaqnn.results.accuracy import CONFIDENCE
from metaqnn.results.audits import AuditSummary
from metaqnn.results.settings import rule_name
from metaqnn.results.view import SearchView

MUCH = 0.2
"""If a larger share of all stops may have been wrong, more checks are worth their time."""


@dataclass(frozen=True)
class Answer:
    """The three answers.

    Attributes:
        found: the best network, and how sure that is.
        stopping: whether early stopping has cost anything.
        steps: what to do next, the most useful first.
    """

    found: str
    stopping: str
    steps: list[NextStep]


def answer(view: SearchView, run: Path, *, running: bool, finetuned: bool) -> Answer:
    """The answers at this moment.

    Args:
        view: the search.
        run: its folder, for the commands.
        running: whether a process is at work on it.
        finetuned: whether the best network was trained for long.
    """
    over = "" if view.nothing_new is None else f" The search is over: {view.nothing_new}."
    return Answer(f"{found(view)}{over}", stopping(view), _steps(view, run, running, finetuned))


def found(view: SearchView) -> str:
    """The best network in a sentence."""
    best = next(iter(view.top(1)), None)
    if best is None:
        yet = "" if view.state(None) == "finished" else " yet"
        return f"No network has been trained to the end{yet}."
    summary, guess = view.summary, view.summary.guess
    said = (
        f"Network {best['number']} is the best: it reaches a validation {summary.metric_text} of "
        f"{percent(best['final_accuracy'])} with {count(best['parameters'])} parameters{_interval(view)}."
    )
    if guess is None:
        return said
    if not summary.beats_guess:
        return (
            f"{said} That is not clearly better than always guessing the commonest class ({percent(guess)})."
        )
    return f"{said} Always guessing the commonest class would reach {percent(guess)}."


def _interval(view: SearchView) -> str:
    """How exactly the best accuracy is determined, and how many other networks reach its lower end."""
    summary = view.summary
    low, high = summary.best_accuracy_low, summary.best_accuracy_high
    if low is None or high is None:
        return ""
    others = sum(row.final_accuracy >= low for row in view.completed) - 1
    alike = {0: "no other network is", 1: "1 other network is"}.get(others, f"{others} others are")
    return (
        f" ({summary.validation_images:,} images: between {percent(low)} and {percent(high)} with "
        f"{CONFIDENCE:.0%} confidence; {alike} in that range)"
    )


def stopping(view: SearchView) -> str:
    """Whether early stopping was right, in a sentence or two."""
    audit = view.audit_summary
    if rule_name(view.config) == NO_RULE:
        return "Early stopping was off: every network is trained to the end."
    if not audit.stops:
        return "The stopping rule has stopped no network."
    if not audit.networks:
        none = "the only stop has not" if audit.stops == 1 else f"none of the {audit.stops:,} stops has"
        return f"Not known: {none} been checked by training to the end."
    return _all_checked(audit) if audit.networks == audit.stops else _some_checked(audit)


def _all_checked(audit: AuditSummary) -> str:
    if audit.stops > 1:
        return _checked(audit, f"All {audit.stops:,} stops were", f"{audit.better_than_best or 'none'} would")
    return _checked(audit, "The only stop was", "it would" if audit.better_than_best else "it would not")


def _some_checked(audit: AuditSummary) -> str:
    limit = _largest_share(audit)
    checked = "1 was" if audit.networks == 1 else f"{audit.networks:,} were"
    wrong = f"{audit.better_than_best or 'none'} would"
    said = _checked(audit, f"Of {audit.stops:,} stops, {checked}", wrong)
    most = ceil(round(100 * limit, 6))
    more = "; more checks would narrow that down." if limit > MUCH else "."
    return f"{said} With {CONFIDENCE:.0%} confidence, at most {most}% of all stops were wrong{more}"


def _checked(audit: AuditSummary, stops: str, wrong: str) -> str:
    return f"{stops} checked by training to the end: {wrong} {audit.false_stop} of that time."


def _largest_share(audit: AuditSummary) -> float:
    """The upper limit of the share of all stops that were wrong; 1 if none was checked.

    The exact one-sided limit (Clopper and Pearson, 1934), but no more than if all unchecked stops were wrong.
    """
    wrong, checked = audit.better_than_best, audit.networks
    if not checked:
        return 1.0
    test = binomtest(wrong, checked, alternative="less")
    limit = float(test.proportion_ci(CONFIDENCE, method="exact").high)
    return min(limit, (wrong + audit.stops - checked) / audit.stops)


def _steps(view: SearchView, run: Path, running: bool, finetuned: bool) -> list[NextStep]:
    if running:
        return [NextStep(command("dashboard", run), "to watch it in a browser")]
    steps: list[NextStep] = []
    if len(view.ended) < view.config.schedule.total and view.nothing_new is None:
        steps.append(NextStep(command("run", "--resume", run), "to go on with the search"))
    steps += uses(view.summary, run, SearchRecord.of(view.search), finetuned=finetuned)
    audit = view.audit_summary
    if audit.stops > audit.networks and _largest_share(audit) > MUCH:
        steps.append(NextStep(command("audit", run), "to check the stopping rule"))
    return steps
