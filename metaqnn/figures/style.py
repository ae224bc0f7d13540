"""What all figures share: colours, sizes, and the way from rows to a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, TypeVar

import altair as alt

T = TypeVar("T")

OBSERVED = "#1b6ca8"
OBSERVED_DARK = "#0b3c61"
OBSERVED_LIGHT = "#7db8e0"
OBSERVED_MEAN = "#2a9db0"
PREDICTED = "#e07b00"
PREDICTED_LIGHT = "#f4cf9f"
MIXED = "#dcdfe4"
FAILED = "#a33b3b"
INK = "#22262b"
"""Blue is observed, orange is predicted, in every figure; grey mixes the two, as the reward does."""

KIND_COLOURS = {
    "convolution": "#5b4b9a",
    "pooling": "#b84b94",
    "fully connected": "#2a7f61",
    "end": "#646c76",
}
"""Families of layers, see `state_space.layers`; the diagrams' style sheet has the same colours."""

FONT = "Helvetica, Arial, sans-serif"
HEIGHT = 320
LEGEND_COLUMNS = alt.ExprRef("containerSize()[0] < 500 ? 1 : 3")
"""A phone has room for one name per line."""
MOST_POINTS = 600
"""Most points of a line or cloud: a screen cannot show more, and they would make the page heavy."""


class NothingToShow(ValueError):  # noqa: N818 - it is an answer, not an error
    """A figure has nothing to show for this search; the message is a sentence that says why."""


def data(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as inline values of the chart, which Altair does not limit. NaN becomes null: JSON has none."""
    return alt.InlineData(values=[{key: _finite(value) for key, value in row.items()} for row in rows])


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def colours(names: Mapping[str, str]) -> alt.Color:
    """The colour of rows by their `series`, which is one of the names (name -> colour).

    Layers with the same names share one legend.
    """
    return alt.Color("series:N", scale=alt.Scale(domain=list(names), range=list(names.values())), title=None)


def thinned(rows: Sequence[T], most: int = MOST_POINTS) -> list[T]:
    """At most `most` of the rows (two or more), evenly spread, including the first and the last."""
    if len(rows) <= most:
        return list(rows)
    step = (len(rows) - 1) / (most - 1)
    return [rows[round(place * step)] for place in range(most)]


def percent_axis(field: str, title: str, **options: Any) -> alt.Y:
    """A vertical axis of shares in percent."""
    axis = alt.Axis(format=".0%", tickCount=6, tickMinStep=0.01)
    return alt.Y(f"{field}:Q", title=title, axis=axis, scale=alt.Scale(**options))


def layered(*layers: alt.Chart, height: int = HEIGHT) -> alt.LayerChart:
    """The layers as one chart, as wide as the page around it."""
    chart = alt.layer(*layers).properties(
        width="container", height=height, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )
    return (
        chart.configure(font=FONT, background="white")
        .configure_axis(
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal", labelColor=INK, titleColor=INK,
            gridColor="#eceef0", domainColor="#9aa1a9", tickColor="#9aa1a9", labelOverlap=True,
        )
        .configure_legend(
            orient="top", direction="horizontal", columns=LEGEND_COLUMNS, labelFontSize=12, labelLimit=0,
            labelColor=INK, symbolType="square", symbolOpacity=1, title=None,
        )
        .configure_view(stroke=None)
    )  # fmt: skip
