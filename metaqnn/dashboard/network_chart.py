"""The chart of one network: what was observed epoch by epoch, and what the stopping rule expected of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from metaqnn.config.search import SearchConfig
from metaqnn.figures import NothingToShow
from metaqnn.figures.style import (
    FAILED,
    KIND_COLOURS,
    NEUTRAL,
    OBSERVED,
    OBSERVED_LIGHT,
    PREDICTED,
    clipped,
    colours,
    data,
    layered,
    percent_axis,
    whole,
)
from metaqnn.results.settings import compared_with, forecaster

OBSERVATION = "observed y_t"
AUDIT = "observed in the audit"
COLOURS = {OBSERVATION: OBSERVED, AUDIT: OBSERVED_LIGHT}
BY_RULE, AT_STOP = KIND_COLOURS["pooling"], PREDICTED
"""Colours of forecasts: by the stopping rule, and by the model that forecasts at a stop if it is another."""
FAINT = 0.3
"""Opacity of forecasts that a later one has replaced."""
TOOLTIP = [
    alt.Tooltip("series:N", title="shown"),
    alt.Tooltip("training:N"),
    alt.Tooltip("made:Q", title="after epoch"),
    alt.Tooltip("value:Q", title="accuracy", format=".2%"),
]


def network_chart(network: dict[str, Any], config: SearchConfig) -> alt.LayerChart:
    """Accuracies, forecasts of epoch T and the stop of a network.

    Args:
        network: as `SearchReader.network` gives it.
        config: the configuration of its search.
    """
    epochs = [(training, epoch) for training in network["trainings"] for epoch in training["epochs"]]
    if not epochs:
        raise NothingToShow("No epoch has been trained yet.")
    observed = [_observed(*pair) for pair in epochs]
    with_forecast = [pair for pair in epochs if pair[1]["predicted_accuracy"] is not None]
    fans = [row for pair in with_forecast for row in _fan(*pair, config)]
    fans = [{**row, "weight": 1 if row["made"] == fans[-1]["made"] else FAINT} for row in fans]
    best = [
        _row(best_so_far(config), training, epoch, epoch["best_accuracy"])
        for training, epoch in epochs
        if epoch["best_accuracy"] is not None
    ]
    shown = (*best, *fans, *observed)
    base = _base(config, shown)
    ends = base.transform_filter(alt.datum.epoch == config.epochs).properties(data=data(fans))
    fading = {"opacity": alt.Opacity("weight:Q", scale=None, legend=None)}
    stops = alt.Chart(data([{"epoch": epoch["epoch"]} for _, epoch in epochs if epoch["stop"]]))
    stops = stops.encode(x="epoch:Q")
    return layered(
        base.properties(data=data(best)).mark_line(strokeDash=[4, 3], strokeWidth=1.5),
        base.properties(data=data(fans)).mark_line(strokeDash=[5, 4]).encode(detail="fan:N", **fading),
        ends.mark_rule(strokeWidth=2).encode(y="low:Q", y2="high:Q", **fading),
        ends.mark_point(filled=True, shape="diamond", size=60).encode(**fading),
        base.properties(data=data(observed)).mark_line(point=alt.OverlayMarkDef(size=40), strokeWidth=2),
        stops.mark_rule(color=FAILED, strokeDash=[2, 2]),
        stops.mark_text(text="stop", color=FAILED, align="left", dx=4, baseline="top").encode(y=alt.value(0)),
    )


def _base(config: SearchConfig, shown: Sequence[dict[str, Any]]) -> alt.Chart:
    """What the layers have in common. The legend explains only what is shown."""
    scale = alt.Scale(domain=[1, max(config.epochs, 2)], nice=False)
    series = {row["series"] for row in shown}
    values = [row[end] for row in shown for end in ("value", "low", "high") if end in row]
    return alt.Chart().encode(
        x=alt.X("epoch:Q", title="epoch", axis=whole(), scale=scale),
        y=percent_axis("value", f"validation {config.metric_text}", values),
        color=colours({name: colour for name, colour in _colours(config).items() if name in series}),
        detail="training:N",
        tooltip=TOOLTIP,
    )


def _colours(config: SearchConfig) -> dict[str, str]:
    makers = {forecast_by(config, stop=False): BY_RULE, forecast_by(config, stop=True): AT_STOP}
    return {**COLOURS, best_so_far(config): NEUTRAL, **makers}


def best_so_far(config: SearchConfig) -> str:
    """What the legend calls the accuracy that forecasts are compared with."""
    return f"{compared_with(config)} y_T so far"


def forecast_by(config: SearchConfig, *, stop: bool) -> str:
    """What the legend calls a forecast."""
    return f"forecast by {forecaster(config, stop)}"


def _observed(training: dict[str, Any], epoch: dict[str, Any]) -> dict[str, Any]:
    series = AUDIT if training["purpose"] == "audit" else OBSERVATION
    return _row(series, training, epoch, epoch["accuracy"])


def _fan(training: dict[str, Any], epoch: dict[str, Any], config: SearchConfig) -> list[dict[str, Any]]:
    """The ends of a forecast's line: the accuracy observed when it was made, and that expected at epoch T."""
    series = forecast_by(config, stop=bool(epoch["stop"]))
    forecast, sigma = epoch["predicted_accuracy"], epoch["sigma"] or 0.0
    start = _row(series, training, epoch, epoch["accuracy"])
    start |= {"fan": f"{start['training']} {epoch['epoch']}"}
    limits = {"low": clipped(forecast - sigma), "high": clipped(forecast + sigma)}
    return [start, {**start, "epoch": config.epochs, "value": forecast, **limits}]


def _row(series: str, training: dict[str, Any], epoch: dict[str, Any], value: float) -> dict[str, Any]:
    name = f"{training['purpose']} {training['attempt']}"
    at = epoch["epoch"]
    return {"series": series, "training": name, "epoch": at, "made": at, "value": value}
