"""The results of long trainings as text: a table for people, JSON and CSV for programs."""

from __future__ import annotations

from typing import Any

from metaqnn.database import SearchRecord
from metaqnn.finetune.candidates import Candidate
from metaqnn.finetune.finetuning import Finetuning
from metaqnn.finetune.summary import FinetuningSummary, Mean, SeedResult
from metaqnn.output import as_json, count, percent, rows_as_text
from metaqnn.results.accuracy import CONFIDENCE, beats_guess, guess_text
from state_space.errors import printable
from trainers.chance import constant_guess, limit_of_guessing
from trainers.metric import ACCURACY, Metric, in_words

COLUMNS = {
    "network": "id",
    "validation": "validation",
    "test": "test error",
    "uncertainty": "95% interval",
    "balanced": "balanced test error",
    "training": "training",
    "parameters": "parameters",
    "architecture": "architecture",
}


def finetuning_text(
    finetuning: Finetuning, summary: FinetuningSummary, output_format: str, search: SearchRecord
) -> str:
    """The summary in that format.

    Args:
        finetuning: where it comes from.
        summary: test errors.
        output_format: table, json or csv.
        search: whose networks they are.
    """
    if output_format == "json":
        return as_json({**_facts(finetuning, search), **summary.to_dict()})
    if output_format == "csv":
        return rows_as_text(_runs(summary), "csv", {})
    return _table(finetuning, summary, search)


def _facts(finetuning: Finetuning, search: SearchRecord) -> dict[str, Any]:
    """What programs are told besides the results."""
    recipe = finetuning.trainer.recipe
    return {
        "folder": str(finetuning.files.folder),
        "recipe": {**vars(recipe), "phases": recipe.phases},
        "confidence": CONFIDENCE,
        "guess": search.guess,
        "guess_limit": search.guess_limit,
        "test_error_of_guess": 1 - _test_guess(finetuning)[0],
    }


def _table(finetuning: Finetuning, summary: FinetuningSummary, search: SearchRecord) -> str:
    """A row for each network and the ensemble, and remarks on them."""
    several = finetuning.seeds > 1
    columns = {**COLUMNS, "uncertainty": "standard error"} if several else dict(COLUMNS)
    if finetuning.trainer.metric.name == ACCURACY:
        del columns["balanced"]
    rows = [_network_row(candidate, mean, several) for candidate, mean in summary.networks]
    if summary.ensemble.runs:
        rows.append(_ensemble_row(summary, several))
    failed = [line for candidate, mean in summary.networks for line in _failures(candidate, mean)]
    return "\n".join(
        [
            rows_as_text(rows, "table", columns),
            "",
            *failed,
            _note(finetuning),
            *_guesses(finetuning, summary, search),
        ]
    )


def _network_row(candidate: Candidate, mean: Mean, several: bool) -> dict[str, str]:
    return {
        "network": str(candidate.number),
        "validation": percent(candidate.validation_accuracy),
        **_shown(mean, several),
        "parameters": count(candidate.parameters),
        "architecture": candidate.architecture,
    }


def _ensemble_row(summary: FinetuningSummary, several: bool) -> dict[str, str]:
    members = sorted({len(run.members) for run in summary.ensemble.runs})
    return {
        "network": "ensemble",
        "validation": "",
        **_shown(summary.ensemble, several),
        "training": "",
        "parameters": "",
        "architecture": f"mean of the softmax outputs of {' or '.join(map(str, members))} networks",
    }


def _shown(mean: Mean, several: bool) -> dict[str, str]:
    """Its cells; `several` seeds have a standard error, also where only one of them ended well."""
    last, ended = mean.runs[-1], len(mean.rates)
    if several:
        uncertainty = percent(mean.standard_error)
        training = f"{ended} of {len(mean.runs)} ended well"
    else:
        uncertainty = "-" if last.test is None else f"{percent(last.test.low)} to {percent(last.test.high)}"
        training = last.outcome
    return {
        "test": percent(mean.rate),
        "uncertainty": uncertainty,
        "balanced": percent(mean.balanced_rate),
        "training": training,
    }


def _failures(candidate: Candidate, mean: Mean) -> list[str]:
    """A line for each training that failed."""
    return [
        f"network {candidate.number}, seed {run.seed}: {printable(f'{run.outcome}: {run.message}')}"
        for run in mean.runs
        if run.test is None
    ]


def _note(finetuning: Finetuning) -> str:
    images, metric = f"{len(finetuning.trainer.test_labels):,} test images", finetuning.trainer.metric.name
    each = "" if metric == ACCURACY else f", each counting alike (validation is {in_words(metric)})"
    if finetuning.seeds > 1:
        return f"test error: mean over the seeds on {images}{each}, and the standard error of that mean"
    return (
        f"test error on {images}{each}; the interval is Wilson's and does not say how much another seed "
        "would change"
    )


def _guesses(finetuning: Finetuning, summary: FinetuningSummary, search: SearchRecord) -> list[str]:
    """What guessing reaches on the validation and on the test images.

    Networks trained for balanced accuracy may have more test errors than a guess: no warning then.
    """
    observed = [candidate.validation_accuracy for candidate, _ in summary.networks]
    best = max((accuracy for accuracy in observed if accuracy is not None), default=None)
    lines = (
        [] if search.guess is None else [f"validation: {guess_text(search.guess, search.guess_limit, best)}"]
    )
    errors = [run.test.rate for _, mean in summary.networks for run in mean.runs if run.test is not None]
    guess, limit = _test_guess(finetuning)
    judged = errors and search.config.metric == ACCURACY
    beaten = beats_guess(1 - min(errors), limit) if judged else True
    line = f"test error: {percent(1 - guess)} by always guessing the commonest class"
    return [*lines, line if beaten else f"{line}: NO network is clearly better than that"]


def _test_guess(finetuning: Finetuning) -> tuple[float, float]:
    """The share of test images that a constant guess gets right, and what guessing hardly ever reaches."""
    trainer = finetuning.trainer
    metric = Metric.of(ACCURACY, trainer.test_labels, trainer.num_classes)
    return constant_guess(metric), limit_of_guessing(metric)


def _runs(summary: FinetuningSummary) -> list[dict[str, Any]]:
    """One row per training and per ensemble."""
    rows = []
    for candidate, mean in summary.networks:
        about = {"architecture": candidate.architecture, "validation_accuracy": candidate.validation_accuracy}
        rows += [_run_row(str(candidate.number), run, about) for run in mean.runs]
    about = {"architecture": None, "validation_accuracy": None}
    return rows + [_run_row("ensemble", run, about) for run in summary.ensemble.runs]


def _run_row(network: str, run: SeedResult, about: dict[str, Any]) -> dict[str, Any]:
    return {"network": network, **run.to_dict(), **about}
