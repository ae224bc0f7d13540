"""What a tuning has found: the trials in order, and files for people and for `predictor`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.tune.settings import TuneSettings
from predictor.output import csv_text
from trainers.families import Family
from trainers.files import write_whole

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

CURVES, BEST = "curves.csv", "best.json"
PREFIX = {"accuracy": "acc", "perplexity": "ppl"}
"""What the columns of epochs begin with, by the metric."""
FACTS = "parameters", "depth"
"""Attributes of a trial, which are also columns of the curves, as `metaqnn top` calls them."""
FORMER_PARAMETERS = "num_params"
"""The attribute `parameters` in studies of earlier commits."""
FAILED_EPOCHS = "failed_epochs"
"""Attribute of a trial that started again: epochs of attempts that failed, which are not in its curve."""
ENDS = {"COMPLETE": "completed", "PRUNED": "stopped", "RUNNING": "in training"}


@dataclass(frozen=True)
class TuneSummary:
    """A tuning in numbers.

    Attributes:
        trials: how many have begun.
        completed, stopped, failed: how many ended in that way.
        epochs: those trained in trials that ended, in every attempt.
        full_epochs: those that it would have taken to train all of these to the end; what failed counts as it
            was, because stopping saved nothing there.
        failures: by how they failed, the commonest first: how many `trials`, the `first` one, its `message`.
    """

    trials: int
    completed: int
    stopped: int
    failed: int
    epochs: int
    full_epochs: int
    failures: dict[str, dict[str, Any]]


def summarise_tune(study: Study, settings: TuneSettings) -> TuneSummary:
    """Count trials and epochs."""
    trials = study.get_trials(deepcopy=False)
    completed, stopped, failed = (
        [trial for trial in trials if trial.state.name == state] for state in ("COMPLETE", "PRUNED", "FAIL")
    )
    ended = (*completed, *stopped, *failed)
    epochs = sum(len(trial.intermediate_values) + trial.user_attrs.get(FAILED_EPOCHS, 0) for trial in ended)
    skipped = sum(settings.epochs - len(trial.intermediate_values) for trial in stopped)
    counts = len(trials), len(completed), len(stopped), len(failed)
    return TuneSummary(*counts, epochs, epochs + skipped, _failures(failed))


def _failures(failed: Sequence[FrozenTrial]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for trial in failed:
        message = trial.user_attrs.get("message", "no reason was given")
        outcome = trial.user_attrs.get("outcome", "failed")
        found.setdefault(outcome, {"trials": 0, "first": trial.number, "message": message})["trials"] += 1
    return dict(sorted(found.items(), key=lambda item: -item[1]["trials"]))


def best_trials(study: Study, count: int) -> list[FrozenTrial]:
    """The best completed trials, best first; of equal ones the earlier."""
    completed = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    sign = -1 if study.direction.name == "MAXIMIZE" else 1
    return sorted(completed, key=lambda trial: (sign * (trial.value or 0.0), trial.number))[:count]


def trial_row(trial: FrozenTrial, place: int, metric: str) -> dict[str, Any]:
    """A trial for a table."""
    return {"place": place, "trial": trial.number, metric: trial.value, **_facts(trial), **trial.params}


def _facts(trial: FrozenTrial) -> dict[str, float]:
    """Those of `FACTS` that are known."""
    known = trial.user_attrs
    former = {"parameters": known[FORMER_PARAMETERS]} if FORMER_PARAMETERS in known else {}
    return former | {name: known[name] for name in FACTS if name in known}


def write_results(study: Study, family: Family, settings: TuneSettings, folder: Path) -> None:
    """Write the curves of all trials and the parameters of the best one. Raises OSError."""
    trials = study.get_trials(deepcopy=False)
    write_whole(folder / CURVES, curves_csv(trials, family, settings))
    best = best_trials(study, 1)
    if best:
        found = {
            "family": settings.family,
            "dataset": settings.dataset,
            "preset": settings.preset,
            "epochs": settings.epochs,
            "trial": best[0].number,
            family.metric: best[0].value,
            "parameters": best[0].params,
        }
        write_whole(folder / BEST, json.dumps(found, indent=2) + "\n")


def curves_csv(trials: Sequence[FrozenTrial], family: Family, settings: TuneSettings) -> str:
    """The curves in the published format: a row for each trial with an epoch; other cells are empty."""
    facts = [name for name in FACTS if any(name in _facts(trial) for trial in trials)]
    epochs = range(1, settings.epochs + 1)
    prefix = PREFIX[family.metric]
    names = ["id", "base_model", "training_dataset", "outcome", *facts, *family.parameters]
    names += [f"{prefix}_{epoch}" for epoch in epochs]
    rows = []
    for trial in trials:
        if trial.intermediate_values:
            outcome = trial.user_attrs.get("outcome", ENDS.get(trial.state.name, "failed"))
            known = [_facts(trial).get(name) for name in facts]
            parameters = [trial.params.get(name) for name in family.parameters]
            curve = [trial.intermediate_values.get(epoch) for epoch in epochs]
            label = [trial.number, family.name, settings.dataset, outcome]
            rows.append(dict(zip(names, [*label, *known, *parameters, *curve], strict=True)))
    return csv_text(rows, names)
