"""Figures are drawn once per version of a search, and slow ones hold nobody up."""

import json
import threading

import altair as alt
import pytest

from metaqnn.dashboard.errors import EndingError, RunTroubleError
from metaqnn.dashboard.runs import addressed
from metaqnn.dashboard.snapshots import Snapshots, chart_json
from metaqnn.figures import Figure, NothingToShow

SECONDS = 300


@pytest.fixture
def snapshots():
    snapshots = Snapshots()
    yield snapshots
    snapshots.end()


@pytest.fixture
def run(finished_run):
    return addressed([finished_run.path])[finished_run.path.name]


def chart(_view=None):
    return alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_point().encode(x="x:Q")


def test_a_snapshot_stays_while_nothing_happens(snapshots, run):
    assert snapshots.of(run) is snapshots.of(run)


def test_a_new_event_makes_a_new_snapshot(snapshots, new_run, run_search):
    folder, database = new_run()
    run = addressed([folder.path])["fresh"]
    before = snapshots.of(run)
    assert before.view.summary.networks == 0
    run_search(database)
    after = snapshots.of(run)
    assert after.version != before.version
    assert after.view.summary.networks == 24


def test_a_run_that_was_replaced_by_another_makes_a_new_snapshot(snapshots, new_run):
    folder, database = new_run()
    run = addressed([folder.path])["fresh"]
    before = snapshots.of(run)
    database.close()
    folder.path.rename(folder.path.with_name("old"))
    new_run()
    assert snapshots.of(run).version != before.version


def test_a_figure_is_drawn_once(snapshots, run):
    drawn = []

    def draw(view):
        drawn.append(view)
        return chart()

    snapshot, figure = snapshots.of(run), Figure("f", "F", "", draw)
    answers = {snapshot.figure(figure).result(SECONDS) for _ in range(5)}
    assert drawn == [snapshot.view]
    assert len(answers) == 1


def test_a_figure_that_could_not_be_drawn_is_tried_again(snapshots, run):
    times = iter([OSError("the disk is asleep"), None])

    def draw(_view):
        if error := next(times):
            raise error
        return chart()

    snapshot, figure = snapshots.of(run), Figure("f", "F", "", draw)
    with pytest.raises(RunTroubleError, match="the disk is asleep"):
        snapshot.figure(figure).result(SECONDS)
    assert b"spec" in snapshot.figure(figure).result(SECONDS)


def test_after_the_end_nothing_is_drawn(run):
    snapshots = Snapshots()
    snapshot = snapshots.of(run)
    snapshots.end()
    with pytest.raises(EndingError, match="the dashboard is shutting down"):
        snapshot.figure(Figure("f", "F", "", chart))


def test_a_slow_figure_holds_no_other_up(snapshots, run):
    go_on = threading.Event()

    def draw_slowly(_view):
        assert go_on.wait(SECONDS)
        return chart()

    snapshot = snapshots.of(run)
    slow = snapshot.figure(Figure("slow", "", "", draw_slowly, slow=True))
    waiting = snapshot.figure(Figure("slow too", "", "", chart, slow=True))
    assert b"spec" in snapshot.figure(Figure("quick", "", "", chart)).result(SECONDS)
    assert not slow.done()
    assert not waiting.done()
    go_on.set()
    assert b"spec" in waiting.result(SECONDS)


def test_the_end_cuts_off_what_is_being_drawn_and_what_waits(run):
    snapshots, begun = Snapshots(), threading.Event()
    snapshot = snapshots.of(run)

    def endless():
        while True:
            begun.set()
            yield None

    def draw_for_ever(_view):
        for _ in snapshots._artists.watch(endless()):
            pass

    drawing = snapshot.figure(Figure("endless", "", "", draw_for_ever, slow=True))
    waiting = snapshot.figure(Figure("next", "", "", chart, slow=True))
    assert begun.wait(SECONDS)
    snapshots.end()
    for figure in (drawing, waiting):
        with pytest.raises(EndingError, match="the dashboard is shutting down"):
            figure.result(SECONDS)


def test_a_chart_becomes_json():
    assert json.loads(chart_json(chart))["spec"]["mark"] == {"type": "point"}


def test_an_empty_figure_says_why():
    def nothing():
        raise NothingToShow("No network has ended yet.")

    assert json.loads(chart_json(nothing)) == {"nothing": "No network has ended yet."}


def test_a_number_that_json_does_not_have_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        chart_json(lambda: alt.Chart(alt.InlineData(values=[{"x": float("nan")}])).mark_point())
