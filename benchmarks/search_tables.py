"""Searches on the surrogate trainer side by side: a table, every number as CSV, and a picture."""

import csv
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from search_measures import SearchFile, measure, noise_floor
from tabulate import tabulate

REFERENCE = "none"
TOLERANCE = 0.003
COMPARED = ("best_trained", "best_of_all", "mean_at_0.1", "policy_at_0.1")
Row = dict[str, float]


def measured(searches: Sequence[SearchFile]) -> dict[str, dict[int, Row]]:
    """Rule -> seed -> all numbers."""
    references = {search.seed: search for search in searches if search.rule == REFERENCE}
    rows: dict[str, dict[int, Row]] = {}
    for search in searches:
        rows.setdefault(search.rule, {})[search.seed] = measure(search, references.get(search.seed))
    return rows


def as_table(searches: Sequence[SearchFile]) -> str:
    """Means over the seeds with their standard errors; then what differs from the reference, seed by seed."""
    rows = measured(searches)
    names = list(next(iter(next(iter(rows.values())).values())))
    all_means = [
        [rule, len(by_seed), *(mean_and_error([row[name] for row in by_seed.values()]) for name in names)]
        for rule, by_seed in rows.items()
    ]
    lines = [tabulate(all_means, ["rule", "seeds", *names], tablefmt="github")]
    if REFERENCE in rows:
        lines += ["", f"Differences from {REFERENCE}, seed by seed:", _difference_table(rows)]
        references = [search for search in searches if search.rule == REFERENCE]
        if len(references) > 1:
            floor = with_error(*noise_floor(references))
            lines += ["", f"Agreement of Q-values between seeds of {REFERENCE}: {floor}"]
    return "\n".join(lines)


def differences(rows: dict[str, dict[int, Row]], rule: str, name: str) -> npt.NDArray[np.float64]:
    """The rule's number minus the reference's, for each seed that both have."""
    reference = rows[REFERENCE]
    return np.array(
        [row[name] - reference[seed][name] for seed, row in rows[rule].items() if seed in reference]
    )


def write_csv(searches: Sequence[SearchFile], path: Path) -> None:
    """One line per search with all its numbers."""
    rows = [
        {"rule": rule, "seed": seed, **row}
        for rule, by_seed in measured(searches).items()
        for seed, row in by_seed.items()
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            [{k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
        )


def draw(searches: Sequence[SearchFile], path: Path) -> None:
    """Left: mean true y_T at each epsilon. Right: differences from the reference against the speed-up."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _by_epsilon(left, searches)
    _against_speed_up(right, measured(searches))
    figure.savefig(path, dpi=150, format="png")


def _difference_table(rows: dict[str, dict[int, Row]]) -> str:
    body = [
        [rule, *(mean_and_error(differences(rows, rule, name)) for name in COMPARED)]
        for rule in rows
        if rule != REFERENCE
    ]
    return tabulate(body, ["rule", *COMPARED], tablefmt="github")


def mean_and_error(values: Sequence[float] | npt.NDArray[np.float64]) -> str:
    return with_error(float(np.mean(values)), standard_error(values))


def with_error(mean: float, error: float) -> str:
    if np.isnan(mean):
        return "-"
    digits = 0 if abs(mean) >= 100 else 2 if abs(mean) >= 2 else 4
    return f"{mean:.{digits}f} ± {error:.{digits}f}"


def standard_error(values: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Of the mean; NaN of a single value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _by_epsilon(axes: Axes, searches: Sequence[SearchFile]) -> None:
    for rule, group in groupby(sorted(searches, key=lambda s: s.rule), key=lambda s: s.rule):
        curves = []
        for search in group:
            epsilon, true = search.columns["epsilon"], search.columns["true"]
            stages = np.unique(epsilon)[::-1]
            curves.append([true[epsilon == stage].mean() for stage in stages])
        axes.plot(stages, np.mean(curves, axis=0), marker=".", label=rule)
    axes.invert_xaxis()
    axes.set(xlabel="epsilon", ylabel="mean true y_T of the networks")
    axes.legend(fontsize=7)


def _against_speed_up(axes: Axes, rows: dict[str, dict[int, Row]]) -> None:
    for color, (rule, by_seed) in enumerate(sorted(rows.items())):
        speed_up = np.mean([row["speed_up"] for row in by_seed.values()])
        for name, marker in zip(("best_trained", "mean_at_0.1"), "^o", strict=True):
            values = differences(rows, rule, name)
            axes.errorbar(
                speed_up, values.mean(), yerr=standard_error(values), fmt=marker, color=f"C{color}", capsize=3
            )
    axes.axhline(-TOLERANCE, color="0.7", linestyle=":", linewidth=1)
    axes.set(
        xlabel="speed-up",
        ylabel="difference from no early stopping\n(triangle: best trained, circle: mean at 0.1)",
    )
