"""A tuning as text: what is going to happen, and what was found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from metaqnn.config.stopping import OWN_RULE
from metaqnn.output import as_json, count, counted, number, percent, rows_as_text, shell_quoted
from metaqnn.results.accuracy import guess_text
from metaqnn.session.images import notes_on
from metaqnn.tune.preparation import PreparedTuning, make_executor
from metaqnn.tune.results import TuneSummary, best_trials, summarise_tune, trial_row
from metaqnn.tune.session import TuneSession
from state_space.errors import printable
from trainers.chance import constant_guess, limit_of_guessing
from trainers.families import Family, WordDataset, WordTrainer
from trainers.metric import ACCURACY, Metric


def introduction(session: TuneSession) -> str:
    """What is going to happen, for people."""
    settings, trainer = session.prepared.settings, session.prepared.trainer
    place = f"{trainer.device}, {trainer.precision_name}"
    spaces = ", ".join(session.prepared.family.parameters)
    shown = spaces if len(spaces) < 90 else f"{len(session.prepared.family.parameters)} hyper-parameters"
    return "\n".join(
        [
            f"results     {shell_quoted(session.folder.path)}",
            f"family      {settings.family}, preset {settings.preset}: {shown}",
            f"training    {counted(settings.epochs, 'epoch')} of {settings.dataset}, on {place}",
            *data_lines(session.prepared),
            f"trials      {session.trials}, sampled by {settings.sampler}; {_stopping(session)}",
            *_workers(session),
            *_resumed(session),
            *_notes(session),
        ]
    )


def _workers(session: TuneSession) -> list[str]:
    """How many trials are trained at a time, if more than one."""
    workers = make_executor(session.prepared).workers
    return [f"workers     {workers} trials at a time"] if workers > 1 else []


def _resumed(session: TuneSession) -> list[str]:
    """From where a resumed tuning goes on; none if no trial has begun."""
    begun, ended = len(session.study.get_trials(deepcopy=False)), session.ended()
    cut = f", {begun - ended} interrupted" if begun > ended else ""
    return [f"resumed     {counted(ended, 'trial')} already ended{cut}"] if begun else []


def _notes(session: TuneSession) -> Iterator[str]:
    """Notes on what the user may not expect."""
    settings, ended = session.prepared.settings, session.ended()
    trials = counted(session.trials, "trial")
    if settings.delta is not None and settings.burn_in >= session.trials:
        yield f"note        --delta stops nothing in {trials}: --burn-in is {settings.burn_in}"
    if ended > session.trials:
        yield f"note        {counted(ended, 'trial')} ended before; --trials is the total, including them"


def data_lines(prepared: PreparedTuning) -> list[str]:
    """How much data there is for each purpose, and notes on it."""
    numbers = ", ".join(f"{number:,} {part}" for part, number in prepared.numbers.items())
    if isinstance(prepared.data, WordDataset):
        unknown = f"{percent(prepared.data.unknown)} of the validation words are <unk>"
        words = f"words       {numbers}; {prepared.data.num_classes:,} different ones, {unknown}"
        return [words, *map(_note, prepared.notes)]
    settings = prepared.settings
    mirrored = ", mirrored" if settings.mirror else ""
    moved = f", shifted by up to {settings.translate} px" if settings.translate else ""
    measured = "" if settings.metric == ACCURACY else f"; {settings.metric_text} is measured"
    told = (*prepared.notes, *notes_on(settings, prepared.data))
    return [f"images      {numbers}{mirrored}{moved}{measured}", *map(_note, told)]


def _note(text: str) -> str:
    return f"note        {printable(text, keep='')}"


def _stopping(session: TuneSession) -> str:
    from metaqnn.tune.hyperband import Hyperband  # imports optuna

    settings, pruner = session.prepared.settings, session.study.pruner
    if isinstance(pruner, Hyperband):
        rungs = f"Hyperband, eta {settings.eta}, rungs at epochs {', '.join(map(str, pruner.rungs))}"
        if settings.delta is None:
            return rungs
        return (
            f"{rungs}, accelerated: Delta {settings.delta:g} once {settings.burn_in} trainings reached a rung"
        )
    if settings.delta is not None:
        return f"the published criterion, Delta {settings.delta:g} after {settings.burn_in} trials"
    return f"stopping rule {settings.stopping or OWN_RULE}"


def best_line(session: TuneSession) -> str:
    """The best value so far, for the progress."""
    best = best_trials(session.study, 1)
    if not best:
        return "none completed"
    return f"best {_shown(session.prepared.family, best[0].value)} (trial {best[0].number})"


def results_text(session: TuneSession, top: int, output_format: str) -> str:
    """What was found.

    Args:
        session: the tuning.
        top: how many of the best trials are listed.
        output_format: table, json or csv.
    """
    prepared = session.prepared
    metric = None if isinstance(prepared.trainer, WordTrainer) else prepared.trainer.metric
    best = best_trials(session.study, top)
    rows = [trial_row(trial, place, prepared.family.metric) for place, trial in enumerate(best, 1)]
    summary = summarise_tune(session.study, prepared.settings)
    if output_format == "json":
        found = best[0].params if best else None
        guessed = {} if metric is None else _guess_facts(metric)
        facts = {"run": str(session.folder.path), **asdict(summary), **guessed, "best_parameters": found}
        return as_json({**facts, "top": rows})
    if output_format == "csv":
        return rows_as_text(rows, "csv", {})
    where = _where(session.folder.path, found=bool(best))
    guess = [] if metric is None else [_guess_line(metric, best[0].value if best else None)]
    return "\n".join(["", *_counts(summary), *guess, "", _table(rows, prepared), "", where])


def _guess_facts(metric: Metric) -> dict[str, float]:
    """What a constant guess reaches on the validation images, and what guessing hardly ever does."""
    return {"guess": constant_guess(metric), "guess_limit": limit_of_guessing(metric)}


def _guess_line(metric: Metric, best: float | None) -> str:
    who = "NO trial is clearly better"
    return guess_text(constant_guess(metric), limit_of_guessing(metric), best, who=who)


def _counts(summary: TuneSummary) -> list[str]:
    """How many trials there were, how they ended, and a line for each way in which some failed."""
    ended = f"{summary.completed} completed, {summary.stopped} stopped, {summary.failed} failed"
    trials, epochs = counted(summary.trials, "trial"), counted(summary.epochs, "epoch")
    failures = [
        f"{outcome}: {counted(why['trials'], 'trial')}, the first is {why['first']}: {why['message']}"
        for outcome, why in summary.failures.items()
    ]
    return [f"{trials}: {ended}; {epochs}, {saved(summary)}", *failures]


def saved(summary: TuneSummary) -> str:
    """By how much stopping has reduced the epochs."""
    if summary.full_epochs == summary.epochs:
        return "none saved"
    return f"{summary.full_epochs / summary.epochs:.2f} times fewer than {summary.full_epochs:,}"


def _table(rows: list[dict[str, Any]], prepared: PreparedTuning) -> str:
    family = prepared.family
    shown = [
        {
            **row,
            "shown": _shown(family, row[family.metric]),
            "size": count(row.get("parameters")),
            "values": ", ".join(f"{name}={row[name]:.4g}" for name in family.parameters),
        }
        for row in rows
    ]
    measured = prepared.settings.metric_text if family.metric == ACCURACY else family.metric
    columns = {"place": "place", "trial": "trial", "shown": measured, "size": "parameters"}
    columns["values"] = "hyper-parameters"
    return rows_as_text(shown, "table", columns) if rows else "no trial was trained to the end"


def _where(folder: Path, *, found: bool) -> str:
    chosen = f"; the best hyper-parameters are in {shell_quoted(folder / 'best.json')}" if found else ""
    return f"all curves are in {shell_quoted(folder / 'curves.csv')}{chosen}"


def _shown(family: Family, value: float | None) -> str:
    return percent(value) if family.metric == ACCURACY else number(value)
