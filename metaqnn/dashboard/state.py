"""The state of a run, in one word and some numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metaqnn.dashboard.runs import Run
from metaqnn.figures import SearchView
from metaqnn.output import command
from metaqnn.results.summary import Summary
from metaqnn.session.run_folder import RunFolder


@dataclass(frozen=True)
class RunState:
    """The state of a run.

    Attributes:
        word: not started, running, paused or finished.
        detail: more about it.
        summary: its numbers.
        best: number of the network with the best observed y_T, None if there is none yet.
        dataset: its images.
        fingerprint: of these images.
        rule: the stopping rule.
    """

    word: str
    detail: str
    summary: Summary
    best: int | None
    dataset: str
    fingerprint: str
    rule: str


def run_state(run: Run, view: SearchView) -> RunState:
    """Ask the run folder and the search."""
    finals = [row for row in view.ended if row.final_accuracy is not None]
    best = max(finals, key=lambda row: (row.final_accuracy, -row.parameters, -row.number), default=None)
    return RunState(
        *_word(run, view),
        summary=view.summary,
        best=None if best is None else best.number,
        dataset=view.config.dataset,
        fingerprint=view.record["data_fingerprint"],
        rule=view.config.stopping,
    )


def by_images(states: Mapping[str, RunState]) -> dict[str, str]:
    """Of each set of images and metric, the address of the first run -> the name of the data set."""
    first = {_measured(state): address for address, state in reversed(list(states.items()))}
    return {address: state.dataset for address, state in states.items() if first[_measured(state)] == address}


def _measured(state: RunState) -> tuple[str, str]:
    return state.fingerprint, state.summary.metric


def _word(run: Run, view: SearchView) -> tuple[str, str]:
    owner = RunFolder(run.path).owner()
    finished = len(view.ended) >= view.config.schedule.total
    if owner is not None:
        return "running", f"an audit, {owner}" if finished else owner
    if finished:
        return "finished", "all planned networks have ended"
    if view.nothing_new is not None:
        return "finished", view.nothing_new
    begun = view.ended or view.in_training
    return "paused" if begun else "not started", f"resume with: {command('run', '--resume', run.path)}"
