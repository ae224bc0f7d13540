"""How a search improves: accuracies and rewards in order of finishing, and per epsilon."""

from __future__ import annotations

from itertools import accumulate
from statistics import fmean
from typing import Any

import altair as alt

from metaqnn.figures.style import (
    MIXED,
    OBSERVED,
    OBSERVED_DARK,
    OBSERVED_LIGHT,
    OBSERVED_MEAN,
    NothingToShow,
    colours,
    data,
    layered,
    percent_axis,
    thinned,
)
from metaqnn.results.summary import cumulative_top
from metaqnn.results.view import SearchView

BEST = {1: "best", 5: "mean of the best 5", 15: "mean of the best 15"}
MEAN_ACCURACY, MEAN_REWARD = "mean y_T at this epsilon", "mean reward at this epsilon"
SEARCH_COLOURS = {
    **dict(zip(BEST.values(), (OBSERVED_DARK, OBSERVED, OBSERVED_LIGHT), strict=True)),
    MEAN_ACCURACY: OBSERVED_MEAN,
    MEAN_REWARD: MIXED,
}
ROLLING_COLOURS = {"reward": "#7a828c", "observed accuracy": OBSERVED}


def networks_axis(field: str) -> alt.X:
    """A horizontal axis of networks in order of finishing."""
    scale, axis = alt.Scale(nice=False, domainMin=0), alt.Axis(tickCount=8, tickMinStep=1)
    return alt.X(f"{field}:Q", title="networks, in order of finishing", scale=scale, axis=axis)


def search(view: SearchView) -> alt.LayerChart:
    """Mean reward per epsilon as bars; the best, best 5 and best 15 observed accuracies so far as lines."""
    stages = _stages(view)
    bars = _stage_chart(stages, MEAN_REWARD).mark_rect(stroke="white")
    dashes = _stage_chart([row for row in stages if row["completed"]], MEAN_ACCURACY)
    labels = (
        alt.Chart(data(stages))
        .mark_text(angle=270, align="left", baseline="middle", dx=4, fontSize=10)
        .encode(x=networks_axis("middle"), y=alt.datum(0), text="label:N")
    )
    return layered(
        bars.encode(y="mean_reward:Q", y2=alt.datum(0)),
        dashes.mark_rule(strokeWidth=2, strokeDash=[3, 3]).encode(y="mean_accuracy:Q"),
        labels,
        _best_so_far(view),
    )


def _stage_chart(stages: list[dict[str, Any]], series: str) -> alt.Chart:
    return alt.Chart(data([{**row, "series": series} for row in stages])).encode(
        x=networks_axis("start"),
        x2="end:Q",
        color=colours(SEARCH_COLOURS),
        tooltip=[
            alt.Tooltip("epsilon:Q"),
            alt.Tooltip("networks:Q"),
            alt.Tooltip("mean_reward:Q", title="mean reward", format=".4f"),
            alt.Tooltip("mean_accuracy:Q", title="mean observed y_T", format=".2%"),
            *(alt.Tooltip(f"{name}:Q") for name in ("completed", "stopped", "failed")),
        ],
    )


def _best_so_far(view: SearchView) -> alt.Chart:
    steps = [row for k, name in BEST.items() for row in _steps(view, k, name)]
    return (
        alt.Chart(data(steps))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=networks_axis("position"),
            y=percent_axis("accuracy", "validation accuracy"),
            color=colours(SEARCH_COLOURS),
            tooltip=[
                alt.Tooltip("series:N", title="line"),
                alt.Tooltip("accuracy:Q", format=".2%"),
                alt.Tooltip("number:Q", title="since network"),
                alt.Tooltip("architecture:N"),
            ],
        )
    )


def _stages(view: SearchView) -> list[dict[str, Any]]:
    """The summary of each epsilon, and the position of its bar."""
    rows = view.summary.by_epsilon
    if not rows:
        raise NothingToShow("No network has ended yet.")
    ends = list(accumulate(row.networks for row in rows))
    return [
        {
            **vars(row),
            "label": f"ε {row.epsilon:g}",
            "start": end - row.networks,
            "middle": end - row.networks / 2,
            "end": end,
        }
        for row, end in zip(rows, ends, strict=True)
    ]


def _steps(view: SearchView, k: int, name: str) -> list[dict[str, Any]]:
    """Where the mean of the k best changes, and its value at the end."""
    means = cumulative_top([row.final_accuracy for row in view.ended], k)
    changes = [
        {
            "series": name,
            "position": position,
            "accuracy": mean,
            "number": network.number,
            "architecture": network.architecture,
        }
        for position, (mean, before, network) in enumerate(
            zip(means, [None, *means], view.ended, strict=False), start=1
        )
        if mean != before
    ]
    return [*changes, {**changes[-1], "position": len(means)}] if changes else []


def rolling(view: SearchView) -> alt.LayerChart:
    """Means of reward and observed accuracy over the networks that finished last."""
    if not view.ended:
        raise NothingToShow("No network has ended yet.")
    width = rolling_width(len(view.ended))
    rewards = [(row.finished_position, row.reward) for row in view.ended]
    accuracies = [
        (row.finished_position, row.final_accuracy) for row in view.ended if row.final_accuracy is not None
    ]
    rows = [
        {"series": name, "position": position, "mean": mean}
        for name, values in (("reward", rewards), ("observed accuracy", accuracies))
        for position, mean in thinned(_rolling(values, width))
    ]
    lines = (
        alt.Chart(data(rows))
        .mark_line(strokeWidth=2)
        .encode(
            x=networks_axis("position"),
            y=percent_axis("mean", f"mean of the last {width}", zero=False),
            color=colours(ROLLING_COLOURS),
            tooltip=[
                alt.Tooltip("series:N", title="mean of"),
                alt.Tooltip("mean:Q", format=".2%"),
                alt.Tooltip("position:Q", title="up to network"),
            ],
        )
    )
    return layered(lines)


def rolling_width(networks: int) -> int:
    """Networks that a rolling mean covers: a twentieth of all, from 5 to 100."""
    return min(100, max(5, networks // 20))


def _rolling(values: list[tuple[int, float]], width: int) -> list[tuple[int, float]]:
    """(position, mean of that value and the width - 1 before it)."""
    return [
        (values[end - 1][0], fmean(value for _, value in values[end - width : end]))
        for end in range(width, len(values) + 1)
    ]
