"""How a search improves: accuracies and rewards in order of finishing, and per epsilon."""

from __future__ import annotations

from itertools import accumulate, groupby
from statistics import fmean
from typing import Any

import altair as alt

from metaqnn.figures.style import (
    GRID,
    HEIGHT,
    INK,
    NEUTRAL,
    OBSERVED,
    OBSERVED_DARK,
    TOP_5,
    TOP_15,
    NothingToShow,
    colours,
    data,
    layered,
    lines,
    percent_axis,
    thinned,
    whole,
)
from metaqnn.results.summary import cumulative_top
from metaqnn.results.view import SearchView

BEST = {1: "best", 5: "mean of the best 5", 15: "mean of the best 15"}
MEAN_ACCURACY, MEAN_REWARD = "mean y_T at this epsilon", "mean reward at this epsilon"
SOLID = [1, 0]
SEARCH_LINES = {
    BEST[1]: (OBSERVED_DARK, SOLID),
    BEST[5]: (TOP_5, [8, 3]),
    BEST[15]: (TOP_15, [2, 2]),
    MEAN_ACCURACY: (OBSERVED, SOLID),
    MEAN_REWARD: (NEUTRAL, SOLID),
}
ROLLING_COLOURS = {"reward": NEUTRAL, "observed y_T": OBSERVED}

STAGE_TOOLTIP = [
    alt.Tooltip("epsilon:Q"),
    alt.Tooltip("networks:Q"),
    alt.Tooltip("mean_reward:Q", title="mean reward", format=".2%"),
    alt.Tooltip("mean_accuracy:Q", title="mean observed y_T", format=".2%"),
    *(alt.Tooltip(f"{name}:Q") for name in ("completed", "stopped", "failed")),
]


def networks_axis(field: str) -> alt.X:
    """A horizontal axis of networks in order of finishing."""
    scale = alt.Scale(nice=False, domainMin=0)
    return alt.X(f"{field}:Q", title="networks, in order of finishing", scale=scale, axis=whole(tickCount=8))


def search(view: SearchView) -> alt.LayerChart:
    """The best, best 5 and best 15 observed accuracies so far; means per epsilon, between shaded stripes."""
    stages = _stages(view)
    steps = [row for k, name in BEST.items() for row in _steps(view, k, name)]
    means = [row for stage in stages for row in _means(stage)]
    y = percent_axis(
        "accuracy", f"validation {view.config.metric_text}", [row["accuracy"] for row in (*steps, *means)]
    )
    labels = (
        alt.Chart(data(stages))
        .mark_text(angle=270, align="left", baseline="middle", dx=4, fontSize=10, color=INK)
        .encode(x=networks_axis("middle"), y=alt.value(HEIGHT), text="label:N")
    )
    shown = {row["series"] for row in (*steps, *means)}
    looks = lines({name: look for name, look in SEARCH_LINES.items() if name in shown})
    return layered(_stripes(stages), _mean_chart(means, y, looks), labels, _best_so_far(steps, y, looks))


def _stripes(stages: list[dict[str, Any]]) -> alt.Chart:
    """Every other stage is shaded; all of them answer to the pointer."""
    shaded = [{**stage, "shade": place % 2} for place, stage in enumerate(stages, start=1)]
    return (
        alt.Chart(data(shaded))
        .mark_rect(color=GRID)
        .encode(
            x=networks_axis("start"),
            x2="end:Q",
            opacity=alt.Opacity("shade:Q", scale=None, legend=None),
            tooltip=STAGE_TOOLTIP,
        )
    )


def _means(stage: dict[str, Any]) -> list[dict[str, Any]]:
    shown = {MEAN_REWARD: stage["mean_reward"], MEAN_ACCURACY: stage["mean_accuracy"]}
    return [{**stage, "series": name, "accuracy": mean} for name, mean in shown.items() if mean is not None]


def _mean_chart(means: list[dict[str, Any]], y: alt.Y, looks: dict[str, Any]) -> alt.Chart:
    return (
        alt.Chart(data(means))
        .mark_rule(strokeWidth=4, opacity=0.75)
        .encode(x=networks_axis("start"), x2="end:Q", y=y, **looks, tooltip=STAGE_TOOLTIP)
    )


def _best_so_far(steps: list[dict[str, Any]], y: alt.Y, looks: dict[str, Any]) -> alt.Chart:
    return (
        alt.Chart(data(steps))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=networks_axis("position"),
            y=y,
            **looks,
            tooltip=[
                alt.Tooltip("series:N", title="line"),
                alt.Tooltip("accuracy:Q", format=".2%"),
                alt.Tooltip("number:Q", title="since network"),
                alt.Tooltip("architecture:N"),
            ],
        )
    )


def _stages(view: SearchView) -> list[dict[str, Any]]:
    """The summary of each epsilon, and its stripe; one to which the schedule returns has several stripes."""
    rows = {row.epsilon: row for row in view.summary.by_epsilon}
    if not rows:
        raise NothingToShow("No network has ended yet.")
    proposed = [row.epsilon for row in sorted(view.ended, key=lambda row: row.number)]
    stages = [(rows[epsilon], len(list(same))) for epsilon, same in groupby(proposed)]
    ends = accumulate(networks for _, networks in stages)
    return [
        {
            **vars(row),
            "label": f"ε {row.epsilon:g}",
            "start": end - networks,
            "middle": end - networks / 2,
            "end": end,
        }
        for (row, networks), end in zip(stages, ends, strict=True)
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
    """Means of reward and observed y_T over the networks that finished last."""
    if not view.ended:
        raise NothingToShow("No network has ended yet.")
    width = rolling_width(len(view.ended))
    if len(view.ended) < width:
        so_far = f"{len(view.ended)} {'has' if len(view.ended) == 1 else 'have'} ended so far"
        raise NothingToShow(f"Each mean is over {width} networks; {so_far}.")
    rows = _rolling_means(view, width)
    means = (
        alt.Chart(data(rows))
        .mark_line(strokeWidth=2, point=len(rows) <= 2)  # a line of one point would not be seen
        .encode(
            x=networks_axis("position"),
            y=percent_axis("mean", f"mean of the last {width}", [row["mean"] for row in rows]),
            color=colours(ROLLING_COLOURS),
            tooltip=[
                alt.Tooltip("series:N", title="mean of"),
                alt.Tooltip("mean:Q", format=".2%"),
                alt.Tooltip("position:Q", title="up to network"),
            ],
        )
    )
    return layered(means)


def rolling_width(networks: int) -> int:
    """Networks that a rolling mean covers: a twentieth of all, from 5 to 100."""
    return min(100, max(5, networks // 20))


def _rolling_means(view: SearchView, width: int) -> list[dict[str, Any]]:
    """The points of both lines."""
    rewards = [(row.finished_position, row.reward) for row in view.ended]
    accuracies = [(row.finished_position, row.final_accuracy) for row in view.completed]
    return [
        {"series": name, "position": position, "mean": mean}
        for name, values in zip(ROLLING_COLOURS, (rewards, accuracies), strict=True)
        for position, mean in thinned(_rolling(values, width))
    ]


def _rolling(values: list[tuple[int, float]], width: int) -> list[tuple[int, float]]:
    """(position, mean of that value and the width - 1 before it)."""
    return [
        (values[end - 1][0], fmean(value for _, value in values[end - width : end]))
        for end in range(width, len(values) + 1)
    ]
