"""Speed-up against regret, rule by rule, in the manner of [PP] Figure 4."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from predictor.output import short_names
from predictor.simulation.protocol import CurveSet, Trials, by_set
from predictor.simulation.report import of_networks

PANELS_PER_ROW = 2
COLORS = [
    *(f"C{number}" for number in range(10)),
    *("black", "gold", "navy", "lime", "darkred", "teal", "indigo", "tan", "deeppink", "slategray"),
]
RECOVERED, LOST = "^", "x"
LEGEND: dict[str, Any] = {"loc": "outside lower center", "ncols": 2, "frameon": False, "fontsize": 8}


def draw(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG file."""
    figure.savefig(path, dpi=150, format="png")


def figure4(trials: Sequence[Trials]) -> Figure:
    """One panel per set of curves.

    Each rule is a point at its mean speed-up and mean regret, with a bar from the smallest to the largest
    speed-up and "recovered of all orders" beside it: a triangle if the best network was recovered in more
    than half of the orders, and an x otherwise. An order in which nothing was completed counts with the
    largest possible regret.
    """
    groups = by_set(trials)
    rules = max(groups.values(), key=len)
    figure, axes = _panels(groups, legend=0.25 * len(rules))
    for panel, (curve_set, group) in zip(axes, groups.items(), strict=True):
        _points(panel, curve_set, group)
    _legend(figure, rules)
    return figure


def anytime(trials: Sequence[Trials]) -> Figure:
    """One panel per set of curves: a line for each rule, regret over the median gap against epochs spent.

    Both axes are shares, means over the orders; a line begins once something is completed in every order.
    """
    groups = by_set(trials)
    figure, axes = _panels(groups, legend=0.5)
    for panel, group in zip(axes, groups.values(), strict=True):
        _lines(panel, group)
    lines = max((panel.get_legend_handles_labels() for panel in axes), key=lambda found: len(found[0]))
    figure.legend(*lines, **LEGEND)
    return figure


def _panels(groups: Mapping[CurveSet, Sequence[Trials]], legend: float) -> tuple[Figure, list[Axes]]:
    """Axes for each set of curves, under its name, and `legend` inches for a legend below."""
    columns = min(PANELS_PER_ROW, len(groups))
    rows = math.ceil(len(groups) / columns)
    figure = Figure(figsize=(5.5 * columns, 3.8 * rows + legend), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for empty in axes[len(groups) :]:
        empty.set_axis_off()
    names = short_names([curve_set.name for curve_set in groups])
    for panel, group, name in zip(axes, groups.values(), names, strict=False):
        panel.set_title(": ".join(filter(None, [name, of_networks(group)])), fontsize=10)
    return figure, axes[: len(groups)]


def _lines(axes: Axes, trials: Sequence[Trials]) -> None:
    shares = np.geomspace(0.005, 1, 200)
    for number, trial in enumerate(trials):
        regrets = np.array(trial.anytime_regrets(shares.tolist()), dtype=np.float64)  # NaN for None
        axes.plot(shares, regrets, color=COLORS[number % len(COLORS)], label=str(trial.rule))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}"))
    axes.set(xlabel="share of all epochs", ylabel="regret / median gap")


def _points(axes: Axes, curve_set: CurveSet, trials: Sequence[Trials]) -> None:
    final, tolerance = curve_set.curves.final, curve_set.tolerance
    regrets = [
        float(np.mean([min(result.regret, np.ptp(final[result.order])) for result in trial.results]))
        for trial in trials
    ]
    for number, (trial, regret) in enumerate(zip(trials, regrets, strict=True)):
        speed_ups = [result.speed_up for result in trial.results]
        axes.errorbar(
            trial.speed_up,
            regret,
            xerr=[[trial.speed_up - min(speed_ups)], [max(speed_ups) - trial.speed_up]],
            fmt=RECOVERED if 2 * trial.recovered > len(trial.orders) else LOST,
            color=COLORS[number % len(COLORS)],
        )
        axes.annotate(
            f"{trial.recovered}/{len(trial.orders)}",
            (trial.speed_up, regret),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=7,
        )
    axes.axhline(tolerance, color="0.7", linestyle=":", linewidth=1)
    _scales(axes, tolerance or 1e-3, max(regrets))
    axes.set(xlabel="speed-up", ylabel=_regret_label(curve_set.curves.metric))


def _legend(figure: Figure, trials: Sequence[Trials]) -> None:
    handles = [
        Line2D([], [], color=COLORS[number % len(COLORS)], marker="o", linestyle="", label=str(trial.rule))
        for number, trial in enumerate(trials)
    ]
    notes = {
        "best recovered in more than half of the orders": RECOVERED,
        "not so": LOST,
    }
    handles += [
        Line2D([], [], color="0.4", marker=marker, linestyle="", label=note) for note, marker in notes.items()
    ]
    handles.append(Line2D([], [], color="0.7", linestyle=":", label="tolerance"))
    figure.legend(handles=handles, **LEGEND)


def _scales(axes: Axes, linear_below: float, largest: float) -> None:
    """Logarithmic, except for small regrets, which may be zero; room for the largest."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}x"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yscale("symlog", linthresh=linear_below)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.set_ylim(-0.2 * linear_below, 2 * max(largest, linear_below))


def _regret_label(metric: str) -> str:
    return "mean regret (log-perplexity)" if metric == "perplexity" else f"mean regret ({metric})"
