"""Pictures of an evaluation: R^2 against the fraction seen, predicted against true, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from predictor.evaluation.experiment import SetResult
from predictor.evaluation.results import PIT_BINS, Cell, mean_std, pit_counts

PANEL = 3.2
"""Inches."""
COLUMNS = 4


def draw_all(results: Sequence[SetResult], folder: Path) -> list[Path]:
    """Draw all figures that the results allow into the folder, and return their paths."""
    drawn, stems = [], [Path(result.name).stem for result in results]
    numbered = len(set(stems)) < len(stems)
    for number, (stem, result) in enumerate(zip(stems, results, strict=True), 1):
        suffix = f"{stem}_{number}" if numbered else stem
        figures = {
            "fractions": fractions_figure(result),
            "predicted": predicted_figure(result),
            "calibration": calibration_figure(result),
        }
        for name, figure in figures.items():
            if figure is not None:
                drawn.append(folder / f"{name}_{suffix}.png")
                figure.savefig(drawn[-1], dpi=110)
    return drawn


def fractions_figure(result: SetResult) -> Figure | None:
    """Mean R^2 in the metric's own units against the fraction of the curve, [PP] Figure 3.

    None if there is only one fraction. Bars are standard deviations over splits. As in the paper, methods
    without any positive R^2 are not drawn; the legend names them.
    """
    lines: dict[str, list[Cell]] = {}
    for cell in result.cells:
        lines.setdefault(_label(cell), []).append(cell)
    if max(len(cells) for cells in lines.values()) < 2:
        return None
    figure, axes = _panels(1, width=2 * PANEL)
    axis = axes[0]
    for label, cells in lines.items():
        cells = sorted({cell.tau: cell for cell in cells}.values(), key=lambda cell: cell.tau)
        means, deviations = np.array([cell.mean_std("r2_metric") for cell in cells]).T
        if np.nanmax(means, initial=-np.inf) <= 0:
            axis.plot([], [], label=f"{label}: nowhere above 0")
            continue
        fractions = [100 * cell.tau / result.curves.T for cell in cells]
        axis.errorbar(fractions, means, np.nan_to_num(deviations), label=label, marker="o", ms=3, capsize=2)
    axis.set(ylim=(0, 1.02), xlabel="% of the curve seen", ylabel=f"R² of {result.curves.metric}")
    axis.set_title(result.name, fontsize="medium")
    axis.legend(fontsize="x-small")
    axis.grid(alpha=0.3)
    return figure


def predicted_figure(result: SetResult) -> Figure:
    """Predicted against true final values of the first split's test curves, [PP] Figure 2."""
    cells = _first_fraction(result)
    figure, axes = _panels(len(cells))
    for axis, cell in zip(axes, cells, strict=True):
        one = cell.results[0]
        axis.scatter(one.y, one.y_hat, s=4, alpha=0.5)
        low, high = float(one.y.min()), float(one.y.max())
        margin = 0.05 * (high - low)
        axis.plot([low, high], [low, high], color="black", lw=0.8)
        axis.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
        outside = int(np.sum((one.y_hat < low - margin) | (one.y_hat > high + margin)))
        note = f", {outside} outside" if outside else ""
        axis.set_title(f"{_label(cell)}\nR² {one.r2_metric:.3f}{note}", fontsize="small")
        axis.set(xlabel=f"true final {result.curves.metric}", ylabel="predicted")
    return figure


def calibration_figure(result: SetResult) -> Figure:
    """Histograms of the PIT, p(y_T <= the observed y_T): flat if calibrated. Bars show its mean and spread.

    There is a panel per cell; lines are kinds of uncertainty, and error bars standard deviations over splits.
    """
    cells = _first_fraction(result)
    figure, axes = _panels(len(cells))
    centres = (np.arange(PIT_BINS) + 0.5) / PIT_BINS
    for axis, cell in zip(axes, cells, strict=True):
        for name in cell.uncertainties:
            shares = [PIT_BINS * pit_counts(o.pit[name]) / len(o.y) for o in cell.results]
            means, deviations = np.array([mean_std(column) for column in np.transpose(shares)]).T
            axis.errorbar(
                centres, means, np.nan_to_num(deviations), label=name, drawstyle="steps-mid", capsize=2
            )
        axis.axhline(1, color="black", lw=0.8)
        axis.set(xlim=(0, 1), ylim=(0, None), xlabel="PIT", ylabel="density")
        axis.set_title(_label(cell), fontsize="small")
        axis.legend(fontsize="x-small")
    return figure


def _first_fraction(result: SetResult) -> list[Cell]:
    first = result.cells[0].fraction
    return [cell for cell in result.cells if cell.fraction == first]


def _label(cell: Cell) -> str:
    features = "" if cell.variant.features is None else f", {cell.variant.feature_names}"
    limit = "" if cell.depth_limit is None else f", depth {cell.depth_limit:g}"
    return f"{cell.variant.method}{features}{limit}"


def _panels(n: int, width: float = PANEL) -> tuple[Figure, list[Axes]]:
    columns = min(n, COLUMNS)
    rows = -(-n // columns)
    figure = Figure(figsize=(width * columns, PANEL * rows * (1.25 if n == 1 else 1)), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for unused in axes[n:]:
        unused.set_axis_off()
    return figure, axes[:n]
