"""Evaluations as text: tables for people, rows for CSV, everything for JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from predictor.curves.learning_curves import LearningCurves
from predictor.curves.wording import counted
from predictor.evaluation.experiment import Plan, SetResult
from predictor.evaluation.results import LEVELS, Cell, SplitResult
from predictor.output import finite_or_none, text_table

Column = tuple[str, Callable[[Cell], str]]
INTERVAL = 0.9
"""Nominal coverage of the intervals in the first table."""


def score_name(curves: LearningCurves) -> str:
    """What `LearningCurves.scores` are: the metric, its negative, or -log(perplexity)."""
    if curves.metric == "perplexity":
        return "-log(perplexity)"
    return curves.metric if curves.direction == "maximize" else f"-{curves.metric}"


def as_text(results: Sequence[SetResult], plan: Plan, *, calibration: bool) -> str:
    """A heading and a table of R^2 for every set, and with `calibration` one of coverage."""
    blocks = []
    for result in results:
        blocks += [f"{heading(result, plan)}\n\n{_r2_table(result)}"]
        if calibration:
            blocks.append(f"Share of test curves inside central intervals\n\n{_coverage_table(result)}")
    return "\n\n".join(blocks)


def heading(result: SetResult, plan: Plan) -> str:
    """What was evaluated, in one line."""
    curves, splits = result.curves, plan.splits
    return (
        f"{result.name}: {len(curves)} of {result.n_read} curves completed, T = {curves.T}; "
        f"{result.n_train} training curves, {counted(len(splits), 'split')} ({splits[0]}-{splits[-1]}), "
        f"mean ± standard deviation of R^2 and its worst split; share of test curves that "
        f"{100 * INTERVAL:g}% intervals hold, mean (lowest-highest split)"
    )


def as_rows(results: Sequence[SetResult]) -> list[dict[str, Any]]:
    """One row per set, method, feature set, fraction, split and uncertainty."""
    return [
        {
            "set": result.name,
            "metric": result.curves.metric,
            "scores": score_name(result.curves),
            "method": cell.variant.method,
            "features": cell.variant.feature_names,
            "fraction": cell.fraction,
            "tau": cell.tau,
            "depth_limit": cell.depth_limit,
            **_split_numbers(one, uncertainty),
        }
        for result in results
        for cell in result.cells
        for one in cell.results
        for uncertainty in one.pit
    ]


def _split_numbers(one: SplitResult, uncertainty: str) -> dict[str, Any]:
    covered = zip(LEVELS, one.coverage(uncertainty), strict=True)
    return {
        "split": one.split,
        "n_train": one.n_train,
        "n_test": len(one.y),
        "r2_metric": finite_or_none(one.r2_metric),
        "r2_scores": finite_or_none(one.r2_scores),
        "uncertainty": uncertainty,
        **{f"coverage_{level:g}": share for level, share in covered},
    }


def as_dict(results: Sequence[SetResult], plan: Plan) -> dict[str, Any]:
    """Every number, for JSON; `r2_metric` is in units of `metric`, `r2_scores` in those of `scores`."""
    return {
        "n_train": plan.n_train,
        "splits": list(plan.splits),
        "fractions": list(plan.fractions),
        "n_settings": plan.n_settings,
        "sets": [
            {
                "set": result.name,
                "metric": result.curves.metric,
                "scores": score_name(result.curves),
                "curves": result.n_read,
                "completed": len(result.curves),
                "T": result.curves.T,
                "n_train": result.n_train,
                "results": [cell.to_dict() for cell in result.cells],
            }
            for result in results
        ],
    }


def _r2_table(result: SetResult) -> str:
    metric, scores = result.curves.metric, score_name(result.curves)
    columns: list[Column] = [
        *_key_columns(result),
        ("test curves", lambda cell: str(len(cell.results[0].y))),
        *_r2_columns("r2_metric", metric),
        *(_r2_columns("r2_scores", scores) if scores.startswith("-log") else ()),
        (f"{100 * INTERVAL:g}% hold", _coverage_text),
    ]
    return _table(columns, result.cells)


def _r2_columns(name: str, unit: str) -> list[Column]:
    return [
        (f"R^2 of {unit}", lambda cell: mean_std_text(*cell.mean_std(name)) + _of_splits(cell, name)),
        ("worst (split)", lambda cell: _worst_text(*cell.worst(name))),
    ]


def _of_splits(cell: Cell, name: str) -> str:
    """How many splits a mean is over, if R^2 is not defined in all of them."""
    defined = sum(not np.isnan(getattr(one, name)) for one in cell.results)
    return f" ({defined} of {len(cell.results)} splits)" if 0 < defined < len(cell.results) else ""


def _worst_text(worst: float, split: int) -> str:
    return "not defined" if np.isnan(worst) else f"{worst:.4f} ({split})"


def _coverage_text(cell: Cell) -> str:
    """Such as 91.2% (88.0-94.1), of the first kind of uncertainty."""
    shares = 100 * np.array(cell.covered(cell.uncertainties[0], INTERVAL))
    return f"{shares.mean():.1f}% ({shares.min():.1f}-{shares.max():.1f})"


def _coverage_table(result: SetResult) -> str:
    pairs = [(cell, name) for cell in result.cells for name in cell.uncertainties]
    keys = _key_columns(result)
    rows = []
    for cell, name in pairs:
        shares = np.mean([one.coverage(name) for one in cell.results], axis=0)
        rows.append([*(text(cell) for _, text in keys), name, *(f"{100 * share:.1f}%" for share in shares)])
    headings = [heading for heading, _ in keys]
    return text_table([*headings, "uncertainty", *(f"{100 * level:g}%" for level in LEVELS)], rows)


def _key_columns(result: SetResult) -> list[Column]:
    columns: list[Column] = [
        ("method", lambda cell: cell.variant.method),
        ("features", lambda cell: cell.variant.feature_names),
        ("curve seen", lambda cell: f"{100 * cell.fraction:g}% ({counted(cell.tau, 'epoch')})"),
    ]
    if any(cell.depth_limit is not None for cell in result.cells):
        columns.append(
            ("layers, training / test", lambda cell: f"< {cell.depth_limit:g} / > {cell.depth_limit:g}")
        )
    return columns


def _table(columns: Sequence[Column], cells: Sequence[Cell]) -> str:
    return text_table(
        [heading for heading, _ in columns], [[text(cell) for _, text in columns] for cell in cells]
    )


def mean_std_text(mean: float, std: float) -> str:
    """Such as 0.9448 ± 0.0050; without the deviation if it is not defined."""
    if np.isnan(mean):
        return "not defined"
    return f"{mean:.4f}" if np.isnan(std) else f"{mean:.4f} ± {std:.4f}"
