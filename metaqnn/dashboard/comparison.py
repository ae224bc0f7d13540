"""Runs on the same images in one chart: the best observed accuracy so far."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, cycle
from typing import Any

import altair as alt

from metaqnn.dashboard.overlay import COLOURS
from metaqnn.dashboard.runs import Run, run_at
from metaqnn.dashboard.table import one_of
from metaqnn.figures import NothingToShow, SearchView
from metaqnn.figures.style import data, layered, lines, percent_axis, whole

OVER = {"networks": "networks, in order of finishing", "epochs": "epochs trained, all attempts counted"}
"""The possible horizontal axes, with their titles."""
SETTINGS = "seed", "validation images", "T"
"""They decide on which images of a data set a run is measured, and after how many epochs."""
DASHES = ([1, 0], [6, 3], [2, 2], [9, 3, 2, 3])
LOOKS = [(colour, dashes) for dashes in DASHES for colour in COLOURS]
"""Of the runs, in turn: lines are told apart by their colours, and where these repeat, by their dashes."""


def chosen_axis(values: Mapping[str, str]) -> str:
    """The key of OVER that an address asks for.

    Raises:
        FilterError: there is no such axis.
    """
    return one_of(OVER)("over", values.get("over", "networks"))


def chosen_run(values: Mapping[str, str], runs: Mapping[str, Run]) -> str:
    """The address of the run that others are compared with, the first by default.

    Raises:
        NotThereError: there is no such run.
    """
    return run_at(runs, values.get("with", next(iter(runs)))).address


def on_the_same_images(views: Mapping[str, SearchView], run: str) -> dict[str, SearchView]:
    """The views with a run's images and metric; none if that run is not among them."""
    if run not in views:
        return {}
    return {name: view for name, view in views.items() if _measured(view) == _measured(views[run])}


def _measured(view: SearchView) -> tuple[str, str]:
    return view.search["data_fingerprint"], view.config.metric


def comparison(views: Mapping[str, SearchView], over: str) -> alt.LayerChart:
    """The best observed y_T so far of each run, as steps.

    Args:
        views: the searches by the names that the legend shows.
        over: a key of OVER.
    """
    rows = [row for name, view in views.items() for row in _steps(name, view, over)]
    if not rows:
        raise NothingToShow("No network has been trained to the end yet.")
    title = f"best validation {next(iter(views.values())).config.metric_text} so far"
    shown = list(dict.fromkeys(row["run"] for row in rows))
    chart = (
        alt.Chart(data(rows))
        .mark_line(interpolate="step-after", strokeWidth=2, point=alt.OverlayMarkDef(size=20))
        .encode(
            x=alt.X("position:Q", title=OVER[over], axis=whole(), scale=alt.Scale(nice=False, domainMin=0)),
            y=percent_axis("accuracy", title, [row["accuracy"] for row in rows]),
            **lines(dict(zip(shown, cycle(LOOKS), strict=False)), "run"),
            tooltip=[
                alt.Tooltip("run:N"),
                alt.Tooltip("accuracy:Q", format=".2%"),
                alt.Tooltip("position:Q", title=over),
                alt.Tooltip("number:Q", title="since network"),
                alt.Tooltip("architecture:N"),
                *(alt.Tooltip(f"{name}:Q") for name in SETTINGS),
            ],
        )
    )
    return layered(chart)


def _steps(name: str, view: SearchView, over: str) -> list[dict[str, Any]]:
    """A row for each network that was the best when it finished, and one for the present end of the run."""
    epochs = accumulate(row.epochs_trained or 0 for row in view.ended)
    config = view.config
    settings = dict(zip(SETTINGS, (config.seed, config.validation_size, config.epochs), strict=True))
    best, rows, position = -1.0, [], 0
    for place, (network, trained) in enumerate(zip(view.ended, epochs, strict=True), start=1):
        position = place if over == "networks" else trained
        if network.final_accuracy is not None and network.final_accuracy > best:
            best = network.final_accuracy
            rows.append(
                {
                    "run": name,
                    "position": position,
                    "accuracy": best,
                    "number": network.number,
                    "architecture": network.architecture,
                    **settings,
                }
            )
    return [*rows, {**rows[-1], "position": position}] if rows else []
