"""The data that the pages' script requests."""

import re
import threading
import time

import pytest

from metaqnn.dashboard import charts
from metaqnn.figures import FIGURES, Figure, NothingToShow, SearchView
from metaqnn.session.notes import write_note

SLOW = next(figure for figure in FIGURES if figure.slow)


@pytest.fixture
def of_run(client, finished_run):
    """of_run(path): what a dashboard of the finished run answers below the run's address."""
    browser = client(finished_run)
    return lambda path, **options: browser.get(f"/runs/finished{path}", **options)


@pytest.mark.parametrize("figure", [FIGURES[0], FIGURES[4], SLOW], ids=lambda figure: figure.name)
def test_figures_are_those_of_the_report(of_run, finished_run, figure):
    reader = finished_run.reader()
    try:
        view = SearchView(reader)
        expected = {"spec": figure.draw(view).to_dict()}
        if figure.words is not None:
            expected["words"] = figure.words(view)
    except NothingToShow as reason:
        expected = {"nothing": str(reason)}
    reader.close()
    answer = of_run(f"/figures/{figure.name}.json")
    assert answer.status_code == 200
    assert answer.json() == expected


@pytest.mark.parametrize("path", ["/version", "/figures/search.json", "/networks/1/chart.json"])
def test_what_has_not_changed_is_not_sent_again(of_run, path):
    first = of_run(path)
    again = of_run(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert of_run(path, headers={"If-None-Match": '"older"'}).content == first.content


def test_an_event_changes_the_version_and_what_is_drawn(client, new_run, run_search):
    folder, database = new_run()
    browser = client(folder)
    paths = ["/version", "/runs/fresh/version", "/runs/fresh/figures/search.json", "/comparison.json"]
    before = [browser.get(path) for path in paths]
    assert before[2].json() == {"nothing": "No network has ended yet."}
    run_search(database)
    after = [
        browser.get(path, headers={"If-None-Match": b.headers["ETag"]})
        for path, b in zip(paths, before, strict=True)
    ]
    assert [answer.status_code for answer in after] == [200] * 4
    assert "spec" in after[2].json()


def test_the_beginning_and_the_end_of_a_process_change_the_version_which_is_that_of_the_pages(
    client, run_copy
):
    browser = client(run_copy)

    def versions():
        for page in ("", "/networks", "/networks/1", "/curves"):
            html = browser.get(f"/runs/copy{page}").text
            yield re.search(r'data-version="([^"]*)"', html)[1]
        yield browser.get("/runs/copy/version").text

    (before,) = {*versions()}
    with run_copy.lock():
        (running,) = {*versions()}
    (after,) = {*versions()}
    assert before == after != running


def test_notes_and_long_trainings_change_the_version_but_not_that_of_figures(client, run_copy, long_training):
    browser = client(run_copy)

    def versions():
        figure = browser.get("/runs/copy/figures/search.json")
        return browser.get("/runs/copy/version").text, figure.headers["ETag"]

    found = [versions()]
    for change in (
        lambda: write_note(run_copy.path, 3, "odd"),
        lambda: long_training(run_copy.path, network=3),
        lambda: long_training(run_copy.path, network=3, seed=1).unlink(),
    ):
        time.sleep(0.02)  # file systems tell times apart by a few milliseconds
        change()
        found.append(versions())
    assert [len(set(kind)) for kind in zip(*found, strict=True)] == [4, 1]


def test_every_event_changes_the_version(client, new_run, run_search):
    folder, database = new_run()
    browser, versions = client(folder), []
    for name in ("propose", "add_epoch", "finish"):
        write = getattr(database, name)

        def watched(*args, write=write, **kwargs):
            result = write(*args, **kwargs)
            versions.append(browser.get("/runs/fresh/version").text)
            return result

        setattr(database, name, watched)
    run_search(database)
    assert len(versions) > 100
    assert len(set(versions)) == len(versions)


def test_others_are_answered_while_a_slow_figure_is_drawn(client, finished_run, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def draw(_view):
        begun.set()
        assert go_on.wait(20)
        raise NothingToShow("at last")

    monkeypatch.setitem(charts.BY_NAME, "slow", Figure("slow", "", "", draw, slow=True))
    browser, answers = client(finished_run), []
    askers = [
        threading.Thread(
            target=lambda: answers.append(browser.get("/runs/finished/figures/slow.json").json())
        )
        for _ in range(3)
    ]
    for asker in askers:
        asker.start()
    assert begun.wait(20)
    for path in ("/runs/finished", "/runs/finished/networks", "/runs/finished/figures/search.json"):
        assert browser.get(path).status_code == 200
    assert answers == []
    go_on.set()
    for asker in askers:
        asker.join()
    assert answers == [{"nothing": "at last"}] * 3


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/runs/nowhere/version", 404, "there is no run 'nowhere' here; the runs are finished"),
        ("/runs/finished/figures/x.json", 404, "there is no figure 'x'; figures are search, "),
        ("/runs/finished/networks/99/chart.json", 404, "there is no network 99; this search has 1 to 24"),
        ("/comparison.json?with=x", 404, "there is no run 'x' here; the runs are finished"),
        ("/comparison.json?over=days", 400, "over is 'days'; it must be one of networks, epochs"),
    ],
)
def test_wrong_addresses_are_answered_with_one_line_for_programs(client, finished_run, path, status, reason):
    answer = client(finished_run).get(path, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.text.startswith(reason)
    assert "\n" not in answer.text


def test_the_comparison_goes_on_without_a_run_that_cannot_be_read(client, finished_run, run_copy):
    browser = client(finished_run, run_copy)
    run_copy.database.write_bytes(b"garbage " * 1000)
    answer = browser.get("/comparison.json")
    assert answer.status_code == 200
    assert '"finished"' in answer.text
    assert '"copy"' not in answer.text


def test_the_script_for_charts_may_be_kept_by_the_browser(client, finished_run):
    answer = client(finished_run).get("/vega.js?1")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"].startswith("text/javascript")
