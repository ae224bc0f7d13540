"""The dashboard in a real browser: drawn, live, quiet, narrow enough, and usable by keyboard."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from metaqnn.figures import FIGURES

NAMES = [figure.name for figure in FIGURES]
PAGES = ["/", "/runs/finished", "/runs/finished/networks", "/runs/finished/networks/3", "/runs/nowhere"]
PAGES += ["/runs/finished/curves?network=3&network=8"]


def drawn(visit, name="search"):
    """Wait until a figure is drawn."""
    visit.page.wait_for_selector(f"#{name} .chart[data-state=drawn] canvas")


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_the_window_make_no_errors_and_ask_nobody_else(
    visit, served, finished_run, run_copy, width
):
    address = served(finished_run, run_copy)
    seen = visit(address, width)
    for path in PAGES:
        seen.page.goto(address + path)
        for chart in seen.page.query_selector_all(".chart:not([data-slow])"):
            chart.scroll_into_view_if_needed()
            chart.wait_for_selector("canvas, p")
        assert seen.overflow() <= 0, path
        assert [p for p in seen.problems if "404" not in p] == [], path
        assert all(request.startswith((f"{address}/", "data:")) for request in seen.requests)


@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_name_of_a_run_leaves_the_numbers_of_all_runs_in_sight(
    visit, served, finished_run, tmp_path, width
):
    named = shutil.copytree(finished_run.path, tmp_path / ("Y" * 200))
    seen = visit(served(finished_run, type(finished_run)(named)), width)
    for number in seen.page.query_selector_all("#runs tbody td:nth-child(2)"):
        box = number.bounding_box()
        assert box["x"] + box["width"] <= width


def test_reasons_of_decisions_are_not_cut_on_a_wide_screen(visit, served, run_copy):
    reason = "ranked 17th of 60 after epoch 1; the best network ranked 13th there, so up to the 15th go on"
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE decisions SET reason = ?", (reason,))
        connection.execute("UPDATE epochs SET seconds = 12.34")
        connection.execute("UPDATE searches SET config = json_set(config, '$.stopping', 'rank-envelope')")
        stops = connection.execute("SELECT number FROM networks WHERE outcome = 'stopped'").fetchall()
    seen = visit(f"{served(run_copy)}/runs/copy/networks/{stops[0][0]}", 1400)
    text = seen.page.inner_text("#epochs")
    assert f"stop: {reason}" in text
    assert "forecast at the stop" in text
    table = "document.querySelector('#epochs .scroll')"
    assert seen.page.evaluate(f"{table}.scrollWidth - {table}.clientWidth") == 0


def test_all_figures_are_drawn_the_slow_ones_last_and_printed(visit, served, finished_run, drawable):
    seen = visit(f"{served(finished_run)}/runs/finished")
    for figure in drawable:
        drawn(seen, figure.name)  # also far below the window: the page may be printed
    asked = [request.rpartition("/")[2] for request in seen.requests if "/figures/" in request]
    slow = {f"{figure.name}.json" for figure in FIGURES if figure.slow}
    assert set(asked[-len(slow) :]) == slow
    seen.page.emulate_media(media="print")
    printed = seen.page.locator(".chart canvas:visible").count()
    assert printed == len(drawable)
    assert seen.problems == []


def test_a_chart_out_of_sight_is_drawn_anew_when_it_is_looked_at(visit, served, run_copy):
    seen = visit(f"{served(run_copy)}/runs/copy")
    drawn(seen, "failures")
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET outcome = 'crashed' WHERE number = 4")
        connection.execute(
            "UPDATE samples SET proposal = proposal + 1 WHERE proposal = (SELECT max(proposal) FROM samples)"
        )  # an event
    before = len(seen.requests)
    seen.until(f"document.body.dataset.version !== '{seen.page.get_attribute('body', 'data-version')}'")
    assert not any("failures.json" in request for request in seen.requests[before:])
    with seen.page.expect_response("**/failures.json"):
        seen.page.locator("#failures").scroll_into_view_if_needed()
    assert seen.problems == []


def test_a_slow_figure_is_offered_anew_only_where_the_search_has_progressed_since(visit, served, run_copy):
    seen = visit(f"{served(run_copy)}/runs/copy")
    drawn(seen, "q-kinds")
    before = seen.page.get_attribute("body", "data-version")
    with run_copy.lock():
        seen.until(f"document.body.dataset.version !== '{before}'")
        assert seen.page.query_selector("#q-kinds button") is None
    assert seen.problems == []


def test_the_button_of_a_figure_that_is_up_to_date_goes_when_it_is_pressed(visit, served, finished_run):
    seen = visit(f"{served(finished_run)}/runs/finished")
    drawn(seen, "q-kinds")
    seen.page.route("**/version", lambda route: route.fulfill(body="another_idle"))
    seen.page.click("#q-kinds button:text-is('Draw again')")
    seen.page.wait_for_selector("#q-kinds button", state="detached")
    assert seen.problems == []


def test_charts_follow_the_colours_of_the_screen_without_being_fetched_again(
    visit, served, finished_run, drawable
):
    seen = visit(f"{served(finished_run)}/runs/finished")
    for figure in drawable:
        drawn(seen, figure.name)
    fetched = [request for request in seen.requests if request.endswith(".json")]
    corner = "[...document.querySelector('#search canvas').getContext('2d').getImageData(1, 1, 1, 1).data]"
    for scheme, colour in (("dark", [28, 33, 39, 255]), ("light", [255, 255, 255, 255])):
        seen.page.emulate_media(color_scheme=scheme)
        seen.until(f"JSON.stringify({corner}) === '{colour}'.replaceAll(' ', '')")
    assert [request for request in seen.requests if request.endswith(".json")] == fetched
    assert seen.problems == []


def test_a_page_moves_on_with_its_search_and_says_when_the_run_is_gone(visit, served, new_run, run_search):
    folder, database = new_run()
    seen = visit(f"{served(folder)}/runs/fresh")
    seen.page.wait_for_selector("#now .nothing-yet")
    assert not seen.page.is_visible(".figure")  # one line instead of one for each figure
    assert "0 of 24" in seen.page.inner_text("#numbers")
    run_search(database)
    drawn(seen)
    seen.page.wait_for_selector("#numbers:has-text('24 of 24')")
    drawn(seen, "q-kinds")
    assert seen.problems == []
    database.close()
    shutil.rmtree(folder.path)
    seen.page.wait_for_selector("#trouble:not([hidden])")
    assert "run fresh cannot be read" in seen.page.inner_text("#trouble")


def test_a_refresh_that_fails_is_said_and_tried_again(visit, served, new_run, run_search):
    folder, database = new_run()
    seen = visit(f"{served(folder)}/runs/fresh")
    seen.page.route("**/runs/fresh", lambda route: route.fulfill(status=503, body="busy"))
    run_search(database)
    seen.page.wait_for_selector("#trouble:has-text('cannot be brought up to date: 503')")
    seen.page.unroute("**/runs/fresh")
    seen.page.wait_for_selector("#numbers:has-text('24 of 24')")
    seen.page.wait_for_selector("#trouble", state="hidden")
    database.close()


def test_hostile_strings_stay_strings(visit, served, run_copy):
    hostile = "<img src=/x onerror=alert(1)><script>alert(2)</script>"
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET architecture = ? || number, message = ?", (hostile, hostile))
        connection.execute("UPDATE decisions SET reason = ?", (hostile,))
    address = served(run_copy)
    seen = visit(f"{address}/runs/copy")
    for path in ("", "/networks", "/networks/3"):
        seen.page.goto(f"{address}/runs/copy{path}")
        seen.page.wait_for_timeout(300)
        canvas = seen.page.query_selector(".chart")
        if canvas is not None:
            canvas.wait_for_selector("canvas")
            canvas.hover()  # a tooltip, too, is made of strings from data
        assert seen.page.query_selector("img") is None
        assert hostile in seen.page.inner_text("body") or path == ""
        assert seen.problems == []


def test_the_table_is_filtered_and_sorted_by_keyboard(visit, served, finished_run):
    seen = visit(f"{served(finished_run)}/runs/finished/networks")
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    seen.page.focus("#text")
    seen.page.keyboard.type("P(2,2)")
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")
    seen.page.focus("thead a[href*='sort=parameters']")
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")
    assert "text=P" in seen.page.url
    assert seen.page.get_attribute("th[aria-sort]", "aria-sort") == "descending"
    cells = [row.inner_text() for row in seen.page.query_selector_all("td.architecture")]
    assert cells
    assert all("P(2,2)" in text for text in cells)
    assert seen.problems == []


def test_curves_are_chosen_in_the_table_and_the_choice_outlives_a_refresh(visit, served, run_copy):
    seen = visit(f"{served(run_copy)}/runs/copy/networks")
    for number in (3, 8):
        seen.page.check(f"input[value='{number}']")
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET epsilon = 0.25 WHERE number = 5")
        connection.execute(
            "UPDATE samples SET proposal = 99 WHERE proposal = (SELECT max(proposal) FROM samples)"
        )
    seen.page.wait_for_selector("#table td:text-is('0.25')")
    assert seen.page.is_checked("input[value='3']")
    seen.page.click("text=Draw the chosen curves")
    seen.page.wait_for_selector(".chart[data-state=drawn] canvas")
    assert seen.page.url.endswith("/curves?network=3&network=8") or "network=8&network=3" in seen.page.url
    assert seen.problems == []


def test_without_javascript_the_pages_say_what_is_missing(browser, served, finished_run):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served(finished_run)}/runs/finished")
    assert "The figures need JavaScript." in page.inner_text("noscript")
    with page.expect_navigation():
        page.click("text=All networks")
    page.select_option("#outcome", "stopped")
    with page.expect_navigation():
        page.click("text=Filter")
    assert {cell.inner_text() for cell in page.query_selector_all("td:nth-child(6)")} == {"stopped"}
    context.close()
