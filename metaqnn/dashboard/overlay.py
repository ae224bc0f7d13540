"""The curves of chosen networks in one chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
from starlette.datastructures import QueryParams

from metaqnn.config.bounds import ROW
from metaqnn.dashboard.errors import FilterError
from metaqnn.dashboard.table import number
from metaqnn.figures import NothingToShow
from metaqnn.figures.curves import last_attempts
from metaqnn.figures.style import data, epoch_axis, layered, lines, percent_axis

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8c8c8c", "#9467bd")
"""Six colours of Okabe and Ito, which colour-blind people can tell apart, a grey and a violet."""
DASHES = ([1, 0], [6, 3])
MOST = len(COLOURS)
"""Curves that one chart may have."""


def chosen_networks(values: QueryParams) -> list[int]:
    """The networks that an address asks for, in its order, without repetitions.

    Raises:
        FilterError: something else is asked for, or more than `MOST` networks.
    """
    if unknown := sorted(set(values) - {"network"}):
        raise FilterError(f"there is no parameter {unknown[0]!r}; the only one is network")
    given = filter(None, map(str.strip, values.getlist("network")))  # fields of a form may be left blank
    numbers = list(dict.fromkeys(int(number(ROW)("network", text)) for text in given))
    if len(numbers) > MOST:
        raise FilterError(f"{len(numbers)} networks are chosen; choose at most {MOST}")
    return numbers


def overlay(networks: Sequence[dict[str, Any]], metric_text: str) -> alt.LayerChart:
    """Observed accuracies epoch by epoch, of the search and, thinner, of audits afterwards.

    Args:
        networks: as `SearchReader.network` gives them, at most `MOST`.
        metric_text: what their accuracies are, in words.
    """
    rows = [row for network in networks for row in _rows(network)]
    if not rows:
        raise NothingToShow("No network is chosen." if not networks else "No epoch has been trained yet.")
    looks = {
        f"network {network['number']}": (COLOURS[place], DASHES[place % len(DASHES)])
        for place, network in enumerate(networks)
    }
    chart = (
        alt.Chart(data(rows))
        .mark_line(point=alt.OverlayMarkDef(size=30))
        .encode(
            x=epoch_axis(),
            y=percent_axis(
                "accuracy", f"observed validation {metric_text}", [row["accuracy"] for row in rows]
            ),
            **lines(looks),
            strokeWidth=alt.StrokeWidth("width:Q", scale=None, legend=None),
            detail="purpose:N",
            tooltip=[
                alt.Tooltip("series:N", title="curve of"),
                alt.Tooltip("purpose:N"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("accuracy:Q", title="observed y_t", format=".2%"),
                alt.Tooltip("architecture:N"),
            ],
        )
    )
    return layered(chart)


def _rows(network: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "series": f"network {network['number']}",
            "architecture": network["architecture"],
            "purpose": training["purpose"],
            "width": 1 if training["purpose"] == "audit" else 2,
            "epoch": epoch["epoch"],
            "accuracy": epoch["accuracy"],
        }
        for training in last_attempts(network["trainings"])
        for epoch in training["epochs"]
    ]
