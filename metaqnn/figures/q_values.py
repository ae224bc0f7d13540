"""What the agent has learned: Q-values of layers, by depth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean
from typing import Any

import altair as alt

from metaqnn.figures.style import FIELD_COLOURS, KIND_COLOURS, NothingToShow, colours, data, layered, whole
from metaqnn.output import counted
from metaqnn.results.learned import TriedAction
from metaqnn.results.view import SearchView
from state_space.errors import StateSpaceError
from state_space.layers import Convolution

FIRST_LAYERS = 3
"""How many layers have their preferred kinds told in words."""


def by_kind(view: SearchView) -> alt.LayerChart:
    """Mean and largest Q-value of the actions that add a layer of each kind at each depth."""
    groups = ((tried.action.family, tried) for tried in _tried(view))
    return _chart(_rows(groups), KIND_COLOURS)


def by_receptive_field(view: SearchView) -> alt.LayerChart:
    """The same for convolutions of each receptive field."""
    fields = [(tried.action.size, tried) for tried in _tried(view) if isinstance(tried.action, Convolution)]
    sizes = sorted({size for size, _ in fields})
    palette = (*FIELD_COLOURS, *FIELD_COLOURS[-1:] * len(sizes))
    names = {f"{size}x{size}": colour for size, colour in zip(sizes, palette, strict=False)}
    return _chart(_rows((f"{size}x{size}", tried) for size, tried in fields), names)


def in_words(view: SearchView) -> list[str]:
    """What the agent prefers as the first layers."""
    rows = _rows((tried.action.family, tried) for tried in _tried(view))
    depths = sorted({row["depth"] for row in rows})[:FIRST_LAYERS]
    return [
        *(_preference(depth, [row for row in rows if row["depth"] == depth]) for depth in depths),
        f"Q-values begin at {view.config.initial_q:g} and change slowly: where few networks have tried a "
        "layer, its Q-value is still close to that, whatever their rewards.",
    ]


def _preference(depth: int, rows: list[dict[str, Any]]) -> str:
    """One sentence about the kinds of layer at a depth, the end of the network among them."""
    best, *others = sorted(rows, key=lambda row: -row["largest"])
    said = f"For layer {depth}, the agent expects most of {_told(best)}"
    return f"{said}, least of {_told(others[-1])}." if others else f"{said}; nothing else has been tried."


def _told(row: dict[str, Any]) -> str:
    name = "ending the network" if row["series"] == "end" else row["series"]
    return f"{name} (at most {row['largest']:.3f}; {counted(row['networks'], 'network')})"


def _tried(view: SearchView) -> list[TriedAction]:
    try:
        tried = view.tried_actions
    except StateSpaceError as error:
        raise NothingToShow(f"The Q-values cannot be restored: {error}") from None
    if not tried:
        raise NothingToShow("No network has ended yet, so the agent has learned nothing.")
    return tried


def _rows(groups: Iterable[tuple[str, TriedAction]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, int], list[TriedAction]] = defaultdict(list)
    for series, tried in groups:
        found[series, tried.depth].append(tried)
    return [
        {
            "series": series,
            "depth": depth,
            "mean": fmean(tried.q for tried in actions),
            "largest": max(tried.q for tried in actions),
            "actions": len(actions),
            "networks": sum(tried.networks for tried in actions),
        }
        for (series, depth), actions in sorted(found.items())
    ]


def _chart(rows: list[dict[str, Any]], names: dict[str, str]) -> alt.LayerChart:
    base = alt.Chart(data(rows)).encode(
        x=alt.X("depth:Q", title="depth of the layer", axis=whole()),
        color=colours(names),
        tooltip=[
            alt.Tooltip("series:N", title="layer"),
            alt.Tooltip("depth:Q"),
            alt.Tooltip("mean:Q", title="mean Q-value", format=".4f"),
            alt.Tooltip("largest:Q", title="largest Q-value", format=".4f"),
            alt.Tooltip("actions:Q", title="state-action pairs tried"),
            alt.Tooltip("networks:Q", title="networks that tried them"),
        ],
    )
    y = alt.Y("mean:Q", title="Q-value", scale=alt.Scale(zero=False))
    means = base.mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=40)).encode(y=y)
    largest = base.mark_line(strokeWidth=1.5, strokeDash=[4, 4], point=alt.OverlayMarkDef(size=20))
    return layered(largest.encode(y="largest:Q"), means)
