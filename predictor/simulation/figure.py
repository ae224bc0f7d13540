"""Speed-up against regret, rule by rule, in the manner of [PP] Figure 4."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from predictor.simulation.protocol import CurveSet, Trials

PANELS_PER_ROW = 2
COLORS = [f"C{number}" for number in range(10)]
RECOVERED, LOST = "^", "x"


def draw(trials: Sequence[Trials], path: Path) -> None:
    """Write `figure4` as a PNG file."""
    figure4(trials).savefig(path, dpi=150, format="png")


def figure4(trials: Sequence[Trials]) -> Figure:
    """One panel per set of curves.

    Each rule is a point at its mean speed-up and mean regret, with a bar from the smallest to the largest
    speed-up and "recovered of all orders" beside it: a triangle if the best network was recovered in more
    than half of the orders, and an x otherwise. A rule that let nothing complete in some order stands at the
    largest regret that there can be.
    """
    panels = [(s, list(group)) for s, group in groupby(trials, key=lambda trial: trial.curve_set)]
    columns = min(PANELS_PER_ROW, len(panels))
    rows = math.ceil(len(panels) / columns)
    n_rules = max(len(group) for _, group in panels)
    figure = Figure(figsize=(5.5 * columns, 3.8 * rows + 0.25 * n_rules), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel, (curve_set, group) in zip(axes, panels, strict=False):
        _panel(panel, curve_set, group)
    for empty in axes[len(panels) :]:
        empty.set_axis_off()
    _legend(figure, max((group for _, group in panels), key=len))
    return figure


def draw_anytime(trials: Sequence[Trials], path: Path) -> None:
    """Write `anytime` as a PNG file."""
    anytime(trials).savefig(path, dpi=150, format="png")


def anytime(trials: Sequence[Trials]) -> Figure:
    """One panel per set of curves: a line for each rule, regret over the median gap against epochs spent.

    Both axes as shares, mean over the orders; a line begins where something is completed in every order.
    """
    panels = [(s, list(group)) for s, group in groupby(trials, key=lambda trial: trial.curve_set)]
    columns = min(PANELS_PER_ROW, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(5.5 * columns, 3.8 * rows + 0.5), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    shares = np.geomspace(0.005, 1, 200)
    for panel, (curve_set, group) in zip(axes, panels, strict=False):
        for number, trial in enumerate(group):
            regrets = [
                np.nan if regret is None else regret for regret in trial.anytime_regrets(shares.tolist())
            ]
            panel.plot(shares, regrets, color=COLORS[number % len(COLORS)], label=str(trial.rule))
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}"))
        panel.set_title(Path(curve_set.name).name, fontsize=10)
        panel.set(xlabel="share of all epochs", ylabel="regret / median gap")
    for empty in axes[len(panels) :]:
        empty.set_axis_off()
    lines = max((panel.get_legend_handles_labels() for panel in axes), key=lambda found: len(found[0]))
    figure.legend(*lines, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def _panel(axes: Axes, curve_set: CurveSet, trials: Sequence[Trials]) -> None:
    final, tolerance = curve_set.curves.final, curve_set.tolerance
    regrets = [float(np.minimum(t.regrets, final.max() - final.min()).mean()) for t in trials]
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
    axes.set_title(Path(curve_set.name).name, fontsize=10)
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
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8)


def _scales(axes: Axes, linear_below: float, largest: float) -> None:
    """Logarithmic, but for small regrets, which may be zero; room for the largest."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}x"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yscale("symlog", linthresh=linear_below)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.set_ylim(-0.2 * linear_below, 2 * max(largest, linear_below))


def _regret_label(metric: str) -> str:
    return "mean regret (log-perplexity)" if metric == "perplexity" else f"mean regret ({metric})"
