"""Accuracy against size: which networks are worth their parameters or their time?"""

from __future__ import annotations

from typing import Any

import altair as alt

from metaqnn.figures.style import (
    OBSERVED_DARK,
    OBSERVED_LIGHT,
    NothingToShow,
    colours,
    data,
    layered,
    percent_axis,
    thinned,
)
from metaqnn.results.pareto import pareto_front
from metaqnn.results.view import SearchView

OTHERS, FRONT = "trained to the end", "none is better without being larger"
COLOURS = {OTHERS: OBSERVED_LIGHT, FRONT: OBSERVED_DARK}


def by_parameters(view: SearchView) -> alt.LayerChart:
    """Observed y_T against parameters, with the Pareto front."""
    return _chart(view, "parameters", "parameters")


def by_macs(view: SearchView) -> alt.LayerChart:
    """Observed y_T against multiply-accumulates per image, with the Pareto front."""
    return _chart(view, "macs", "multiply-accumulates per image")


def _chart(view: SearchView, cost: str, title: str) -> alt.LayerChart:
    networks = [_network(row, cost) for row in view.completed]
    if not networks:
        raise NothingToShow("No network has been trained to the end yet.")
    front = [{**row, "series": FRONT} for row in pareto_front(networks, "accuracy", "cost")]
    best = {row["number"] for row in front}
    others = thinned([row for row in networks if row["number"] not in best])
    y = percent_axis("accuracy", "observed y_T", [row["accuracy"] for row in networks])
    x = alt.X("cost:Q", title=title, scale=alt.Scale(type="log", nice=False), axis=alt.Axis(format="~s"))
    base = alt.Chart().encode(x=x, y=y, color=colours(COLOURS), tooltip=_tooltip(title))
    return layered(
        base.properties(data=data(others)).mark_circle(size=45, opacity=0.6),
        base.properties(data=data(front)).mark_line(interpolate="step-after", strokeWidth=2),
        base.properties(data=data(front)).mark_point(shape="diamond", filled=True, size=90, opacity=1),
    )


def _network(row: Any, cost: str) -> dict[str, Any]:
    return {
        "series": OTHERS,
        "number": row.number,
        "architecture": row.architecture,
        "accuracy": row.final_accuracy,
        "cost": max(1, getattr(row, cost)),
    }


def _tooltip(title: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("number:Q", title="network"),
        alt.Tooltip("accuracy:Q", title="observed y_T", format=".2%"),
        alt.Tooltip("cost:Q", title=title, format=","),
        alt.Tooltip("architecture:N"),
    ]
