"""Learning curves: what was observed, what was forecast, and where trainings were stopped."""

from __future__ import annotations

from typing import Any

import altair as alt

from metaqnn.figures.style import (
    INK,
    OBSERVED,
    OBSERVED_LIGHT,
    PREDICTED,
    NothingToShow,
    colours,
    data,
    layered,
    percent_axis,
    thinned,
)
from metaqnn.results.view import SearchView

TO_THE_END, STOPPED, FORECAST = "observed, to the end", "observed until the stop", "forecast y_hat_T ± sigma"
SERIES = {TO_THE_END: OBSERVED, STOPPED: OBSERVED_LIGHT, FORECAST: PREDICTED}
BEST, OTHERS = 3, 4
"""Networks shown: this many of the best, and of each other group: completed, stopped and audited."""

STOP_KEYS = ("epoch", "accuracy", "predicted_accuracy", "sigma", "reason")
_PREDICTED = [
    alt.Tooltip("predicted_accuracy:Q", title="predicted ~y_hat_T", format=".2%"),
    alt.Tooltip("sigma:Q", format=".2%"),
]
TOOLTIPS = {
    "observed y_t": [alt.Tooltip("accuracy:Q", title="observed y_t", format=".2%")],
    "predicted": _PREDICTED,
    "stop": [*_PREDICTED, alt.Tooltip("reason:N")],
}


def curves(view: SearchView) -> alt.LayerChart:
    """Observed curves of some networks, and their forecasts as fans that begin at the stop."""
    shown = [_curves(view.network(number)) for number in chosen(view)]
    if not shown:
        raise NothingToShow("No network has been trained to the end or stopped yet.")
    observed = [row for lines, _ in shown for row in lines]
    stops = [stop for _, found in shown for stop in found]
    hover = alt.selection_point(name="network", on="pointerover", fields=["number"])
    faded = alt.condition(hover, alt.value(1.0), alt.value(0.2))
    bands, forecasts = _fans(stops, view.config.epochs, faded)
    lines = (
        _chart(observed, TOOLTIPS["observed y_t"])
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=30))
        .encode(detail="line:N", opacity=faded)
        .add_params(hover)
    )
    crosses = (
        _chart(stops, TOOLTIPS["stop"])
        .mark_point(shape="cross", angle=45, size=110, filled=True)
        .encode(color=alt.value(INK), opacity=faded)
    )
    return layered(bands, forecasts, lines, crosses)


def _chart(rows: list[dict[str, Any]], more: list[alt.Tooltip]) -> alt.Chart:
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(nice=False))
    return alt.Chart(data(rows)).encode(
        x=x,
        y=percent_axis("accuracy", "validation accuracy", zero=False),
        color=colours(SERIES),
        tooltip=[
            alt.Tooltip("number:Q", title="network"),
            alt.Tooltip("outcome:N"),
            alt.Tooltip("epoch:Q"),
            *more,
            alt.Tooltip("architecture:N"),
        ],
    )


def chosen(view: SearchView) -> list[int]:
    """Numbers of the networks whose curves are shown: the best, and some of each outcome, evenly spread."""
    best = [network["number"] for network in view.top(BEST)]
    by_outcome = {
        outcome: [row.number for row in view.ended if row.outcome == outcome]
        for outcome in ("completed", "stopped")
    }
    audited = [audit["number"] for audit in view.audits]
    some = [thinned(numbers, OTHERS) for numbers in (*by_outcome.values(), audited)]
    return list(dict.fromkeys([*best, *(number for numbers in some for number in numbers)]))


def _curves(network: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The observed curves of a network, from the search and from its audit, and where the rule stopped it."""
    facts = {key: network[key] for key in ("number", "architecture", "outcome")}
    lines, stops = [], []
    for training in network["trainings"]:
        if training["purpose"] == "search" and training["attempt"] != network["attempt"]:
            continue
        whole = training["purpose"] == "audit" or network["outcome"] == "completed"
        name = {
            "series": TO_THE_END if whole else STOPPED,
            "line": f"{network['number']} {training['purpose']}",
        }
        for row in training["epochs"]:
            lines.append({**facts, **name, "epoch": row["epoch"], "accuracy": row["accuracy"]})
            if row["stop"]:
                stops.append({**facts, **name, **{key: row[key] for key in STOP_KEYS}})
    return lines, stops


def _fans(stops: list[dict[str, Any]], T: int, faded: Any) -> tuple[alt.Chart, alt.Chart]:
    """The forecasts: from the stop at (t, y_t) to y_hat_T ± sigma at T, as bands and as lines."""
    forecasts = [stop for stop in stops if stop["predicted_accuracy"] is not None]
    rows = [row for stop in forecasts for row in _fan({**stop, "series": FORECAST}, T)]
    base = _chart(rows, TOOLTIPS["predicted"]).encode(detail="number:N")
    band = base.mark_area(opacity=0.15).encode(y="low:Q", y2="high:Q", tooltip=alt.value(None))
    return band, base.mark_line(strokeDash=[5, 4], strokeWidth=2).encode(opacity=faded)


def _fan(stop: dict[str, Any], T: int) -> list[dict[str, Any]]:
    y_t, y_hat_T, sigma = stop["accuracy"], stop["predicted_accuracy"], stop["sigma"] or 0.0
    end = {"epoch": T, "accuracy": y_hat_T, "low": y_hat_T - sigma, "high": y_hat_T + sigma}
    return [{**stop, "low": y_t, "high": y_t}, {**stop, **end}]
