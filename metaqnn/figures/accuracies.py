"""The accuracies that networks reached, and how the others failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import altair as alt
import numpy as np

from metaqnn.figures.style import (
    FAILED,
    INK,
    OBSERVED,
    PREDICTED,
    NothingToShow,
    colours,
    data,
    layered,
    percent_axis,
)
from metaqnn.output import last_line
from metaqnn.results.view import SearchView

KINDS = {"observed y_T": OBSERVED, "predicted y_hat_T of stopped networks": PREDICTED}
QUANTILES = {"least": 0.0, "lower": 0.25, "median": 0.5, "upper": 0.75, "most": 1.0}
LONGEST_MESSAGE = 160


def distribution(view: SearchView) -> alt.LayerChart:
    """Quantiles of the observed and of the predicted final accuracies at each epsilon."""
    rows = [*_boxes(view, "final_accuracy", 0), *_boxes(view, "predicted_accuracy", 1)]
    if not rows:
        raise NothingToShow("No network has been trained to the end or stopped with a prediction yet.")
    order = [f"{row.epsilon:g}" for row in view.summary.by_epsilon]
    base = alt.Chart(data(rows)).encode(
        x=alt.X("epsilon:N", sort=order, title="epsilon", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("series:N", sort=list(KINDS)),
        color=colours(KINDS),
        tooltip=[
            alt.Tooltip("epsilon:N"),
            alt.Tooltip("series:N", title="accuracies"),
            alt.Tooltip("networks:Q"),
            *(alt.Tooltip(f"{name}:Q", format=".2%") for name in QUANTILES),
        ],
    )
    whiskers = base.mark_rule(strokeWidth=2).encode(
        y=percent_axis(
            "least",
            f"final {view.config.metric_text}",
            [row[end] for row in rows for end in ("least", "most")],
        ),
        y2="most:Q",
    )
    boxes = base.mark_bar(size=14, opacity=0.4).encode(y="lower:Q", y2="upper:Q")
    medians = base.mark_tick(size=18, thickness=3).encode(y="median:Q")
    return layered(whiskers, boxes, medians)


def _boxes(view: SearchView, column: str, kind: int) -> Iterable[dict[str, Any]]:
    for row in view.summary.by_epsilon:
        values = [
            value
            for network in view.ended
            if network.epsilon == row.epsilon and (value := getattr(network, column)) is not None
        ]
        if values:
            quantiles = np.quantile(values, list(QUANTILES.values())).tolist()
            yield {
                "epsilon": f"{row.epsilon:g}",
                "series": list(KINDS)[kind],
                "networks": len(values),
                **dict(zip(QUANTILES, quantiles, strict=True)),
            }


def failures(view: SearchView) -> alt.LayerChart:
    """How many networks failed, by the way they failed."""
    if not view.failed:
        raise NothingToShow("No network failed." if view.ended else "No network has ended yet.")
    kinds = Counter(row.outcome for row in view.failed).most_common()
    rows = [_failure([row for row in view.failed if row.outcome == kind]) for kind, _ in kinds]
    base = alt.Chart(data(rows)).encode(
        x=alt.X("networks:Q", axis=None),  # the numbers are beside the bars
        y=alt.Y("kind:N", sort=None, title=None),
        tooltip=["kind:N", "networks:Q", alt.Tooltip("example:N", title="the last one"), "message:N"],
    )
    bars = base.mark_bar(color=FAILED, size=18)
    labels = base.mark_text(align="left", dx=5, color=INK, fontSize=12).encode(text="networks:Q")
    return layered(bars, labels, height=10 + 30 * len(rows))


def _failure(failed: list[Any]) -> dict[str, Any]:
    """The row of one way to fail, from all networks that failed in that way."""
    last = failed[-1]
    return {
        "kind": last.outcome.replace("_", " "),
        "networks": len(failed),
        "example": f"network {last.number}, {last.architecture}",
        "message": gist(last.message),
    }


def gist(message: str | None) -> str:
    """The gist of a message or traceback, for a cell of a table."""
    return last_line(message or "")[:LONGEST_MESSAGE] or "-"
