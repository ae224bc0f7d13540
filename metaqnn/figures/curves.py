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
    clipped,
    colours,
    data,
    epoch_axis,
    layered,
    percent_axis,
    thinned,
)
from metaqnn.results.audits import audited_after
from metaqnn.results.view import SearchView

TO_THE_END, STOPPED, FORECAST = "observed, to the end", "observed until the stop", "forecast y_hat_T ± sigma"
SERIES = {TO_THE_END: OBSERVED, STOPPED: OBSERVED_LIGHT, FORECAST: PREDICTED}
BEST, OTHERS = 3, 4
"""How many networks are shown of the best, and of each other group: completed, stopped and audited."""

ENDS = "accuracy", "low", "high"
"""The values of a row that the vertical axis must span."""
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
    fans = [row for stop in stops for row in _fan(stop, view.config.epochs)]
    y = percent_axis(
        "accuracy",
        f"validation {view.config.metric_text}",
        [row[end] for row in (*observed, *fans) for end in ENDS if end in row],
    )
    bands, forecasts = _fans(fans, y, faded)
    lines = (
        _chart(observed, y, TOOLTIPS["observed y_t"])
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=30))
        .encode(detail="line:N", opacity=faded)
        .add_params(hover)
    )
    crosses = (
        _chart(stops, y, TOOLTIPS["stop"])
        .mark_point(shape="cross", angle=45, size=110, filled=True)
        .encode(color=alt.value(INK), opacity=faded)
    )
    return layered(bands, forecasts, lines, crosses)


def _chart(rows: list[dict[str, Any]], y: alt.Y, more: list[alt.Tooltip]) -> alt.Chart:
    return alt.Chart(data(rows)).encode(
        x=epoch_axis(),
        y=y,
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
    searched_to_end = network["outcome"] == "completed" or audited_after(network) is not None
    for training in last_attempts(network["trainings"]):
        whole = training["purpose"] == "audit" or searched_to_end
        name = {
            "series": TO_THE_END if whole else STOPPED,
            "line": f"{network['number']} {training['purpose']}",
        }
        for row in training["epochs"]:
            lines.append({**facts, **name, "epoch": row["epoch"], "accuracy": row["accuracy"]})
            if row["stop"]:
                stops.append({**facts, **name, **{key: row[key] for key in STOP_KEYS}})
    return lines, stops


def last_attempts(trainings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last attempt of the search and that of the audit: the ones whose curves count."""
    return list({training["purpose"]: training for training in trainings}.values())


def _fans(rows: list[dict[str, Any]], y: alt.Y, faded: Any) -> tuple[alt.Chart, alt.Chart]:
    """The forecasts: from the stop at (t, y_t) to y_hat_T ± sigma at T, as bands and as lines."""
    base = _chart(rows, y, TOOLTIPS["predicted"]).encode(detail="number:N")
    band = base.mark_area(opacity=0.15).encode(
        y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q", tooltip=alt.value(None)
    )
    return band, base.mark_line(strokeDash=[5, 4], strokeWidth=2).encode(opacity=faded)


def _fan(stop: dict[str, Any], T: int) -> list[dict[str, Any]]:
    y_t, y_hat_T, sigma = stop["accuracy"], stop["predicted_accuracy"], stop["sigma"] or 0.0
    if y_hat_T is None:
        return []
    start = {**stop, "series": FORECAST, "low": y_t, "high": y_t}
    end = {"low": clipped(y_hat_T - sigma), "high": clipped(y_hat_T + sigma)}
    return [start, {**start, "epoch": T, "accuracy": y_hat_T, **end}]
