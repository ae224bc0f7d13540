"""Which choices matter: depth, kinds and widths of layers against accuracy."""

from __future__ import annotations

from typing import Any

import altair as alt

from metaqnn.figures.style import (
    AXIS,
    INK,
    NEUTRAL,
    OBSERVED,
    OBSERVED_DARK,
    NothingToShow,
    colours,
    data,
    layered,
    thinned,
)
from metaqnn.results.choices import Importance, choices
from metaqnn.results.view import SearchView
from state_space.errors import StateSpaceError

FEWEST = 30
"""Fewest networks for which importances are worth showing."""
LINES, MARKED = 150, 10
"""Networks drawn in parallel coordinates, and how many of them are marked as the best."""
CHOSEN = "layers", "convolutions", "pooling layers", "fully connected layers", "filters per convolution"
"""The axes before those of parameters and accuracy."""
BEST, OTHERS = f"the best {MARKED}", "others"
COLOURS = {BEST: OBSERVED_DARK, OTHERS: OBSERVED}


def matter(view: SearchView) -> alt.LayerChart:
    """What a model of the accuracies loses when it no longer knows a choice."""
    found = _importance(view)
    rows = [{"choice": name, "loss": max(loss, 0.0)} for name, loss in found.losses.items()]
    base = alt.Chart(data(rows)).encode(
        x=alt.X("loss:Q", title="R² that the model loses when this choice is shuffled"),
        y=alt.Y("choice:N", sort=None, title=None, axis=alt.Axis(labelLimit=200)),
        tooltip=["choice:N", alt.Tooltip("loss:Q", title="loss of R²", format=".3f")],
    )
    return layered(base.mark_bar(color=NEUTRAL, size=18), height=10 + 34 * len(rows))


def matter_in_words(view: SearchView) -> list[str]:
    """The same in sentences."""
    found = _importance(view)
    first, second = list(found.losses)[:2]
    return [
        f"From these choices, the model explains {found.explained:.0%} of the differences between networks "
        f"that it had not seen (R² {found.explained:.2f}). It relies most on {first}, then on {second}."
    ]


def _importance(view: SearchView) -> Importance:
    known = view.summary.completed + view.summary.stopped
    if known < FEWEST:
        raise NothingToShow(
            f"No importances are shown for fewer than {FEWEST} networks with a result; so far: {known}."
        )
    try:
        found = view.importance
    except StateSpaceError as error:
        raise NothingToShow(f"The architectures cannot be read: {error}") from None
    if found.explained <= 0:
        raise NothingToShow("The numbers and sizes of layers do not explain the accuracies.")
    return found


def parallel(view: SearchView) -> alt.LayerChart:
    """Networks as lines through their choices, parameters and accuracy, each on an axis of its own."""
    if not view.best_first:
        raise NothingToShow("No network has been trained to the end.")
    ranked = view.best_first[::-1]
    try:
        drawn = [_described(row) for row in _shown(ranked)]
    except StateSpaceError as error:
        raise NothingToShow(f"The architectures cannot be read: {error}") from None
    best = {row.number for row in ranked[-MARKED:]}
    rows, ends = _scaled(drawn, best)
    axes = list(drawn[0]["axes"])
    x = alt.X(
        "axis:N", sort=axes, title=None, axis=alt.Axis(labelAngle=-40, labelLimit=200, labelOverlap=False)
    )
    y = alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[-0.06, 1.06], nice=False))
    lines = (
        alt.Chart(data(rows))
        .mark_line()
        .encode(
            x=x,
            y=y,
            detail="number:N",
            color=colours(COLOURS),
            opacity=alt.Opacity("weight:Q", scale=None, legend=None),
            tooltip=[alt.Tooltip("number:Q", title="network"), alt.Tooltip("axis:N"), alt.Tooltip("value:N")],
        )
    )
    labels = alt.Chart(data(ends)).mark_text(fontSize=11, color=INK).encode(x=x, y=y, text="value:N")
    posts = alt.Chart(data(ends)).mark_rule(color=AXIS).encode(x=x)
    return layered(posts, lines, labels, height=360)


def _shown(ranked: list[Any]) -> list[Any]:
    """Some of the networks, evenly spread over the ranks, and all of the best."""
    return [*thinned(ranked[:-MARKED], LINES - MARKED), *ranked[-MARKED:]]


def _described(row: Any) -> dict[str, Any]:
    known = choices(row.architecture)
    axes = {name: known[name] for name in CHOSEN} | {"parameters": row.parameters, "y_T": row.final_accuracy}
    return {"number": row.number, "axes": axes}


def _scaled(drawn: list[dict[str, Any]], best: set[int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The points of all lines, each axis from 0 to 1, and the ends of the axes."""
    rows, ends = [], []
    for axis in drawn[0]["axes"]:
        values = [one["axes"][axis] for one in drawn]
        low, high = min(values), max(values)
        for one, value in zip(drawn, values, strict=True):
            place = 0.5 if high == low else (value - low) / (high - low)
            is_best = one["number"] in best
            look = {"series": BEST if is_best else OTHERS, "weight": 0.9 if is_best else 0.2}
            point = {"number": one["number"], "axis": axis, "place": place, "value": _text(axis, value)}
            rows.append({**point, **look})
        places = ((-0.04, low), (1.04, high))
        ends += [{"axis": axis, "place": place, "value": _text(axis, end)} for place, end in places]
    return rows, ends


def _text(axis: str, value: float) -> str:
    return f"{value:.1%}" if axis == "y_T" else f"{value:,.0f}"
