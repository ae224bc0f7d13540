"""Early stopping: were the predictions right, and what did it save?"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import altair as alt

from metaqnn.config.stopping import compared
from metaqnn.figures.progress import networks_axis
from metaqnn.figures.style import (
    AXIS,
    FAILED,
    OBSERVED,
    PREDICTED,
    PREDICTED_LIGHT,
    NothingToShow,
    clipped,
    colours,
    data,
    fitted,
    layered,
    percent_axis,
    percents,
    thinned,
)
from metaqnn.results.audits import is_false_stop
from metaqnn.results.view import SearchView

RIGHT, WRONG = "rightly stopped", "wrongly stopped"
VERDICTS = {RIGHT: PREDICTED, WRONG: FAILED}
EPOCHS = {"trained": OBSERVED, "saved by early stopping": PREDICTED_LIGHT}
AUDIT_TOOLTIP = [
    alt.Tooltip("number:Q", title="network"),
    alt.Tooltip("observed:Q", title="observed y_T", format=".2%"),
    alt.Tooltip("predicted:Q", title="predicted ~y_hat_T", format=".2%"),
    alt.Tooltip("sigma:Q", format=".2%"),
    alt.Tooltip("best:Q", title="compared with", format=".2%"),
    alt.Tooltip("epoch:Q", title="stop after epoch"),
    alt.Tooltip("audited:N"),
    alt.Tooltip("architecture:N"),
]
UNITS = {"hours": 3600.0, "minutes": 60.0}
TIME = {"spent on training": OBSERVED, "without early stopping, estimated": PREDICTED}


def audits(view: SearchView) -> alt.LayerChart:
    """Predicted against observed final accuracies of the audited networks, with sigma."""
    tolerance, _ = compared(view.config.stopping)
    found = [
        _audit(audit, tolerance)
        for audit in view.audits
        if audit["predicted_accuracy"] is not None and audit["final_accuracy"] is not None
    ]
    if not found:
        raise NothingToShow(_why_no_audit(view))
    rows = [
        row for verdict in VERDICTS for row in thinned([row for row in found if row["series"] == verdict])
    ]
    values = [row[name] for row in rows for name in ("observed", "low", "high")]
    ends = fitted(values)
    scale = alt.Scale(domain=ends, nice=False)
    x = alt.X("observed:Q", title="observed y_T", axis=percents(), scale=scale)
    base = alt.Chart(data(rows)).encode(x=x, color=colours(VERDICTS))
    diagonal = (
        alt.Chart(data([{"observed": end, "predicted": end} for end in ends]))
        .mark_line(color=AXIS, strokeDash=[4, 4])
        .encode(x=x, y=percent_axis("predicted", "predicted y_hat_T", values))
    )
    sigmas = base.mark_rule(strokeWidth=1.5, opacity=0.5).encode(y="low:Q", y2="high:Q")
    points = base.mark_circle(size=70, opacity=0.9).encode(y="predicted:Q", tooltip=AUDIT_TOOLTIP)
    return layered(diagonal, sigmas, points)


def _audit(audit: dict[str, Any], tolerance: float) -> dict[str, Any]:
    predicted, sigma = audit["predicted_accuracy"], audit["sigma"] or 0.0
    return {
        "series": WRONG if is_false_stop(audit, tolerance) else RIGHT,
        "number": audit["number"],
        "architecture": audit["architecture"],
        "observed": audit["final_accuracy"],
        "predicted": predicted,
        "low": clipped(predicted - sigma),
        "high": clipped(predicted + sigma),
        "sigma": audit["sigma"],
        "best": audit["best_accuracy"],
        "epoch": audit["epochs"],
        "audited": "during the search" if audit["in_loop"] else "by metaqnn audit",
    }


def _why_no_audit(view: SearchView) -> str:
    if any(audit["final_accuracy"] is not None for audit in view.audits):
        return "The stopping rule of this search makes no predictions of y_T."
    if not view.audit_summary.stops:
        return "The rule has stopped no network, so there is no prediction to check."
    return "No stopped network has been trained to the end; `metaqnn audit` does that."


def epochs(view: SearchView) -> alt.LayerChart:
    """Epochs trained and epochs saved at each epsilon."""
    _require_a_stop(view)
    rows = [row for stage in view.summary.by_epsilon for row in _epochs(view, stage.epsilon, stage.epochs)]
    bars = (
        alt.Chart(data(rows))
        .mark_bar()
        .encode(
            x=alt.X("epsilon:N", sort=None, title="epsilon", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("epochs:Q", title="epochs", stack=True),
            color=colours(EPOCHS),
            order=alt.Order("rank:Q"),
            tooltip=["epsilon:N", alt.Tooltip("series:N", title="epochs were"), "epochs:Q"],
        )
    )
    return layered(bars)


def _epochs(view: SearchView, epsilon: float, trained: int) -> list[dict[str, Any]]:
    saved = sum(
        view.config.epochs - row.epochs
        for row in view.ended
        if row.epsilon == epsilon and row.outcome == "stopped"
    )
    counts = zip(EPOCHS, (trained, saved), strict=True)
    return [
        {"epsilon": f"{epsilon:g}", "series": series, "epochs": count, "rank": rank}
        for rank, (series, count) in enumerate(counts)
    ]


def time(view: SearchView) -> alt.LayerChart:
    """Cumulative training time, and what it would have been without early stopping."""
    _require_a_stop(view)
    rows, unit = _times(view)
    lines = (
        alt.Chart(data(rows))
        .mark_line(strokeWidth=2)
        .encode(
            x=networks_axis("position"),
            y=alt.Y("time:Q", title=f"{unit} of training"),
            color=colours(TIME),
            strokeDash=alt.StrokeDash(
                "series:N", scale=alt.Scale(domain=list(TIME), range=[[1, 0], [5, 4]]), title=None
            ),
            tooltip=[
                alt.Tooltip("series:N", title="time"),
                alt.Tooltip("position:Q", title="networks"),
                alt.Tooltip("time:Q", title=unit, format=".2f"),
            ],
        )
    )
    return layered(lines)


def _times(view: SearchView) -> tuple[list[dict[str, Any]], str]:
    """The points of both lines, and the unit of their times."""
    spent = list(accumulate(row.seconds or 0.0 for row in view.ended))
    full = list(accumulate(_full_seconds(row, view) for row in view.ended))
    if not spent[-1]:
        raise NothingToShow("No training time was recorded.")
    unit, size = next((item for item in UNITS.items() if full[-1] >= 2 * item[1]), ("seconds", 1.0))
    rows = [
        {"series": series, "position": position, "time": seconds / size}
        for series, values in zip(TIME, (spent, full), strict=True)
        for position, seconds in thinned(list(enumerate(values, start=1)))
    ]
    return rows, unit


def _full_seconds(row: Any, view: SearchView) -> float:
    """Training time of a network had it not been stopped, assuming that all epochs take equally long."""
    seconds: float = row.seconds or 0.0
    return seconds + (view.config.epochs - (row.epochs or 0)) * view.seconds_per_epoch.get(row.number, 0.0)


def _require_a_stop(view: SearchView) -> None:
    if not view.summary.stopped:
        raise NothingToShow("No network was stopped early, so nothing was saved.")
