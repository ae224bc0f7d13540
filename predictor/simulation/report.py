"""Results of the protocol as a table for people, and as JSON and CSV for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from predictor.output import csv_text, finite_or_none, text_table
from predictor.simulation.engine import Result
from predictor.simulation.protocol import CurveSet, Trials, by_set

SHARES = (0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.6)
"""Shares of all epochs after which the anytime regret is reported."""
CLOSE = 0.05
"""Four decimals are too few for regrets if the results span less than this."""


def as_table(trials: Sequence[Trials]) -> str:
    """One table per set of curves, one line per rule."""
    blocks = []
    for curve_set, group in by_set(trials).items():
        headings = (
            "rule", "speed-up", "recovered", "mean regret", "max regret",
            f"within {curve_set.tolerance:g}", "stopped", "false stops", "ms/decision",
        )  # fmt: skip
        title = _title(curve_set, of_networks(group))
        blocks.append(f"{title}\n{text_table(headings, [_line(trial) for trial in group])}")
    return "\n\n".join(blocks)


def as_anytime_table(trials: Sequence[Trials]) -> str:
    """One table per set of curves: regret in percent of the median gap after shares of all epochs."""
    blocks = []
    for curve_set, group in by_set(trials).items():
        headings = ("rule", *(f"{share:.0%}" for share in SHARES), "all", "end at")
        rows = [_anytime_line(trial) for trial in group]
        which = ", ".join(filter(None, [of_networks(group), "regret in percent of the median gap"]))
        title = f"{curve_set.name}: {which}, after shares of all epochs"
        blocks.append(f"{title}\n{text_table(headings, rows)}")
    return "\n\n".join(blocks)


def _anytime_line(trial: Trials) -> list[str]:
    regrets = trial.anytime_regrets([*SHARES, 1.0])
    return [str(trial.rule), *map(_percent, regrets), f"{trial.end_share:.3f}"]


def _percent(regret: float | None) -> str:
    """Two digits, three from 100 on."""
    if regret is None:
        return "-"
    return f"{100 * regret:.0f}" if regret >= 0.995 else f"{100 * regret:.2g}"


def _milliseconds(ms: float) -> str:
    """Three digits, more from 1000 on."""
    return f"{ms:.0f}" if ms >= 999.5 else f"{ms:.3g}"


def as_csv(trials: Sequence[Trials]) -> str:
    """One row for each set and rule, with every number that is not of a single order."""
    return csv_text([{**_set_numbers(trial.curve_set, [trial]), **_numbers(trial)} for trial in trials])


def as_json(trials: Sequence[Trials]) -> str:
    """Every number, including those of each order; null for undefined ones, as a regret if all stopped."""
    sets = [
        {
            **_set_numbers(curve_set, group),
            "rules": [
                {
                    **_numbers(trial),
                    "regrets": [*map(finite_or_none, trial.regrets)],
                    "by_order": _by_order(trial),
                }
                for trial in group
            ],
        }
        for curve_set, group in by_set(trials).items()
    ]
    return json.dumps({"sets": sets}, indent=2, ensure_ascii=False, allow_nan=False)


def _title(curve_set: CurveSet, part: str) -> str:
    curves = curve_set.curves
    best = f"{curves.metric} {float(curves.to_values(curves.final.max())):.5g}"
    if not part:
        return f"{curve_set.name}: {len(curves)} networks x {curves.T} epochs, best {best}"
    of_these = f"regrets are relative to the best of these (best of all: {best})"
    return f"{curve_set.name}: {part} x {curves.T} epochs; {of_these}"


def of_networks(trials: Sequence[Trials]) -> str:
    """Which part of the set each order has, as a clause for titles; empty if it is the whole set."""
    n = _subset(trials)
    return "" if n is None else f"{n} of {len(trials[0].curve_set.curves)} networks per order"


def _subset(trials: Sequence[Trials]) -> int | None:
    """How many networks each order has, None for all of the set."""
    n = len(trials[0].results[0].epochs)
    return None if n == len(trials[0].curve_set.curves) else n


def _regret(regret: float, curve_set: CurveSet) -> str:
    """Four decimals, or three digits if all results lie close together."""
    close = float(np.ptp(curve_set.curves.final)) < CLOSE
    return f"{regret:.3g}" if close else f"{regret:.4f}"


def _line(trial: Trials) -> list[str]:
    orders, regrets = len(trial.orders), trial.regrets
    false_stops = trial.false_stop_share
    return [
        str(trial.rule),
        f"{trial.speed_up:.2f}x",
        f"{trial.recovered} of {orders}",
        _regret(sum(regrets) / orders, trial.curve_set),
        _regret(max(regrets), trial.curve_set),
        f"{trial.within_tolerance} of {orders}",
        f"{trial.stopped_share:.1%}",
        "-" if false_stops is None else f"{false_stops:.2%}",
        _milliseconds(trial.ms_per_decision),
    ]


def _set_numbers(curve_set: CurveSet, trials: Sequence[Trials]) -> dict[str, Any]:
    curves = curve_set.curves
    return {
        "file": curve_set.name,
        "networks": len(curves),
        "left_out": curve_set.left_out,
        "subset": _subset(trials),
        "epochs": curves.T,
        "metric": curves.metric,
        "best": float(curves.to_values(curves.final.max())),
        "tolerance": curve_set.tolerance,
    }


def _numbers(trial: Trials) -> dict[str, Any]:
    return {
        "rule": str(trial.rule),
        "orders": len(trial.orders),
        "speed_up": trial.speed_up,
        "recovered": trial.recovered,
        "mean_regret": finite_or_none(sum(trial.regrets) / len(trial.regrets)),
        "max_regret": finite_or_none(max(trial.regrets)),
        "within_tolerance": trial.within_tolerance,
        "stopped_share": trial.stopped_share,
        "false_stop_share": trial.false_stop_share,
        "ms_per_decision": trial.ms_per_decision,
        "end_share": trial.end_share,
        **_anytime_numbers(trial),
    }


def _anytime_numbers(trial: Trials) -> dict[str, float | None]:
    """Regrets over the median gap, by share of all epochs."""
    return {
        f"anytime_regret_{share:g}": regret
        for share, regret in zip(SHARES, trial.anytime_regrets(SHARES), strict=True)
    }


def _by_order(trial: Trials) -> list[dict[str, Any]]:
    return [
        {"order": order, **_order_numbers(result)}
        for order, result in zip(trial.orders, trial.results, strict=True)
    ]


def _order_numbers(result: Result) -> dict[str, Any]:
    return {
        "speed_up": result.speed_up,
        "recovered": result.recovered,
        "regret": finite_or_none(result.regret),
        "epochs_trained": result.epochs_trained,
        "stopped": result.stopped,
        "false_stops": result.false_stops,
        "decisions": result.decisions,
        "seconds": result.seconds,
    }
