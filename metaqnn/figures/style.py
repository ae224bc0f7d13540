"""What all figures share: colours, sizes, and the way from rows to a chart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, TypeVar

import altair as alt

T = TypeVar("T")

OBSERVED = "#1b6ca8"
OBSERVED_DARK = "#0b3c61"
OBSERVED_LIGHT = "#7db8e0"
TOP_5, TOP_15 = "#009e73", "#a14fc9"
PREDICTED = "#e07b00"
PREDICTED_LIGHT = "#f4cf9f"
FAILED = "#a33b3b"
INK = "#22262b"
"""Blue is observed, orange is predicted, in every figure; grey mixes the two, as the reward does. Where blue
is not enough, green and violet are observed, too."""
PAPER, GRID, AXIS, NEUTRAL = "#ffffff", "#eceef0", "#9aa1a9", "#7a828c"

KIND_COLOURS = {
    "convolution": "#5b4b9a",
    "pooling": "#b84b94",
    "fully connected": "#2a7f61",
    "end": "#646c76",
}
"""Families of layers, see `state_space.layers`; the diagrams' style sheet has the same colours."""

FIELD_COLOURS = ("#b9d9b0", "#63b38a", "#2a8a8c", "#23608c", "#2b3a78", "#1c1c4a")
"""From the smallest receptive field to the largest; the last colour serves for all larger ones."""

DARK = {
    OBSERVED: "#5aa9e6",
    OBSERVED_DARK: "#b5d9f7",
    OBSERVED_LIGHT: "#3f7fb3",
    TOP_5: "#4fd1a5",
    TOP_15: "#cf9bec",
    PREDICTED: "#f5a142",
    PREDICTED_LIGHT: "#8a5a1c",
    FAILED: "#ee7d7d",
    INK: "#e3e6ea",
    PAPER: "#1c2127",
    GRID: "#2c333b",
    AXIS: "#6d7781",
    NEUTRAL: "#a4acb5",
    **dict(zip(KIND_COLOURS.values(), ("#a598ec", "#e07fbf", "#57bd95", "#9aa3ad"), strict=True)),
    **dict(
        zip(FIELD_COLOURS, ("#5c8a5a", "#63b38a", "#3fb0b3", "#5aa0d8", "#8f9ff0", "#d0c8ff"), strict=True)
    ),
}
"""The counterpart of each colour on a dark page; the pages' script replaces them."""

FONT = "Helvetica, Arial, sans-serif"
HEIGHT = 320
LEGEND_COLUMNS = alt.ExprRef("containerSize()[0] < 500 ? 1 : 3")
"""A phone has room for one name per line."""
MOST_POINTS = 600
"""Most points of a line or cloud: a screen cannot show more, and they would make the page heavy."""


MARGIN, LEAST_MARGIN = 0.06, 0.01
"""How far an axis goes beyond the values: a share of their range, and at least this much."""


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


def lines(names: Mapping[str, tuple[str, list[int]]], field: str = "series") -> dict[str, Any]:
    """Colour and dashes of lines by a field of their rows (its value -> colour and dashes), in one legend."""
    legend = alt.Legend(symbolType="stroke", symbolStrokeWidth=3, symbolSize=500)
    looks = list(names.values())
    colour = alt.Scale(domain=list(names), range=[colour for colour, _ in looks])
    dashes = alt.Scale(domain=list(names), range=[dashes for _, dashes in looks])
    return {
        "color": alt.Color(f"{field}:N", scale=colour, legend=legend, title=None),
        "strokeDash": alt.StrokeDash(f"{field}:N", scale=dashes, legend=legend, title=None),
    }


def thinned(rows: Sequence[T], most: int = MOST_POINTS) -> list[T]:
    """At most `most` of the rows (two or more), evenly spread, including the first and the last."""
    if len(rows) <= most:
        return list(rows)
    step = (len(rows) - 1) / (most - 1)
    return [rows[round(place * step)] for place in range(most)]


def percents() -> alt.Axis:
    """The ticks of an axis of shares: 96.5%, 97%, 97.5%."""
    return alt.Axis(format=".1~%", tickCount=6, tickMinStep=0.001)


def whole(**options: Any) -> alt.Axis:
    """An axis of whole numbers: `tickMinStep` is only a wish, and ticks between them have no label."""
    return alt.Axis(tickMinStep=1, labelExpr="datum.value % 1 ? '' : format(datum.value, ',')", **options)


def percent_axis(field: str, title: str, values: Iterable[float | None]) -> alt.Y:
    """A vertical axis of shares in percent that fits the values."""
    scale = alt.Scale(domain=fitted(values), nice=False)
    return alt.Y(f"{field}:Q", title=title, axis=percents(), scale=scale)


def epoch_axis() -> alt.X:
    """A horizontal axis of epochs, from the first one shown to the last."""
    return alt.X("epoch:Q", title="epoch", axis=whole(), scale=alt.Scale(nice=False))


def fitted(values: Iterable[float | None]) -> list[float]:
    """The ends of an axis for shares: a little beyond the values, but outside of 0..1 only if they are."""
    known = [value for value in values if value is not None and isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    margin = max(MARGIN * (high - low), LEAST_MARGIN)
    return [max(low - margin, min(low, 0.0)), min(high + margin, max(high, 1.0))]


def clipped(share: float) -> float:
    """The end of an interval around a prediction, between 0 and 1, as accuracies are."""
    return min(max(share, 0.0), 1.0)


def layered(*layers: alt.Chart, height: int = HEIGHT) -> alt.LayerChart:
    """The layers as one chart, as wide as the page around it."""
    chart = alt.layer(*layers).properties(
        width="container", height=height, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )
    return (
        chart.configure(font=FONT, background=PAPER)
        .configure_axis(
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal", labelColor=INK, titleColor=INK,
            gridColor=GRID, domainColor=AXIS, tickColor=AXIS, labelOverlap=True,
        )
        .configure_legend(
            orient="top", direction="horizontal", columns=LEGEND_COLUMNS, labelFontSize=12, labelLimit=0,
            labelColor=INK, symbolType="square", symbolOpacity=1, title=None,
        )
        .configure_view(stroke=None)
    )  # fmt: skip
