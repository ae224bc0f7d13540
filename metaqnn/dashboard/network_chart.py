"""The chart of one network: what was observed epoch by epoch, and what the stopping rule expected of it."""

from __future__ import annotations

from typing import Any

import altair as alt

from metaqnn.figures import NothingToShow
from metaqnn.figures.style import (
    FAILED,
    OBSERVED,
    OBSERVED_LIGHT,
    PREDICTED,
    colours,
    data,
    layered,
    percent_axis,
)

OBSERVATION = "observed y_t"
AUDIT = "observed in the audit"
FORECAST = "forecast ŷ_T ± σ"
BEST = "best y_T so far"
COLOURS = {OBSERVATION: OBSERVED, AUDIT: OBSERVED_LIGHT, FORECAST: PREDICTED, BEST: "#7a828c"}
TOOLTIP = [
    alt.Tooltip("series:N", title="shown"),
    alt.Tooltip("training:N"),
    alt.Tooltip("epoch:Q"),
    alt.Tooltip("value:Q", title="accuracy", format=".2%"),
]


def network_chart(network: dict[str, Any], T: int) -> alt.LayerChart:
    """Accuracies, forecasts and the stop of a network.

    Args:
        network: as `SearchReader.network` gives it.
        T: epochs of a full training.
    """
    epochs = [(training, epoch) for training in network["trainings"] for epoch in training["epochs"]]
    if not epochs:
        raise NothingToShow("No epoch has been trained yet.")
    observed = [_observed(*pair) for pair in epochs]
    forecasts = [_forecast(*pair) for pair in epochs if pair[1]["predicted_accuracy"] is not None]
    best = [_best(*pair) for pair in epochs if pair[1]["best_accuracy"] is not None]
    base = _base(T, {row["series"] for row in (*observed, *forecasts, *best)})
    stops = alt.Chart(data([{"epoch": epoch["epoch"]} for _, epoch in epochs if epoch["stop"]]))
    stops = stops.encode(x="epoch:Q")
    diamonds = base.properties(data=data(forecasts))
    return layered(
        base.properties(data=data(best)).mark_line(strokeDash=[4, 3], strokeWidth=1.5),
        diamonds.mark_rule(strokeWidth=2, opacity=0.5).encode(y="low:Q", y2="high:Q"),
        diamonds.mark_point(filled=True, shape="diamond", size=60, opacity=1),
        base.properties(data=data(observed)).mark_line(point=alt.OverlayMarkDef(size=40), strokeWidth=2),
        stops.mark_rule(color=FAILED, strokeDash=[2, 2]),
        stops.mark_text(text="stop", color=FAILED, align="left", dx=4, baseline="top").encode(y=alt.value(0)),
    )


def _base(T: int, shown: set[str]) -> alt.Chart:
    """What the layers have in common. The legend explains only what is shown."""
    scale = alt.Scale(domain=[1, max(T, 2)], nice=False)
    return alt.Chart().encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1), scale=scale),
        y=percent_axis("value", "validation accuracy", zero=False),
        color=colours({series: colour for series, colour in COLOURS.items() if series in shown}),
        detail="training:N",
        tooltip=TOOLTIP,
    )


def _observed(training: dict[str, Any], epoch: dict[str, Any]) -> dict[str, Any]:
    series = AUDIT if training["purpose"] == "audit" else OBSERVATION
    return _row(series, training, epoch, epoch["accuracy"])


def _forecast(training: dict[str, Any], epoch: dict[str, Any]) -> dict[str, Any]:
    forecast, sigma = epoch["predicted_accuracy"], epoch["sigma"] or 0.0
    limits = {"low": forecast - sigma, "high": forecast + sigma}
    return {**_row(FORECAST, training, epoch, forecast), **limits}


def _best(training: dict[str, Any], epoch: dict[str, Any]) -> dict[str, Any]:
    return _row(BEST, training, epoch, epoch["best_accuracy"])


def _row(series: str, training: dict[str, Any], epoch: dict[str, Any], value: float) -> dict[str, Any]:
    name = f"{training['purpose']} {training['attempt']}"
    return {"series": series, "training": name, "epoch": epoch["epoch"], "value": value}
