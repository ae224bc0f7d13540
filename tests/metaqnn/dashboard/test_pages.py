"""The pages as HTML: complete, escaped, usable without JavaScript."""

import errno
import re
import sqlite3
from contextlib import closing
from html import unescape
from html.parser import HTMLParser

import pytest

HOSTILE = "<img src=x onerror=alert(1)>\"'{{ 7 * 7 }}"


class Page(HTMLParser):
    """The text, links and identifiers of a page."""

    def __init__(self, answer):
        super().__init__()
        self.status, self.tags, self.links, self.labels, self.fields = answer.status_code, [], {}, [], []
        self._words, self._link = [], None
        self.feed(answer.text)
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self._link = found.get("href") if tag == "a" else self._link
        if tag == "label":
            self.labels.append(found["for"])
        if tag in ("input", "select") and found.get("type") not in ("hidden", "checkbox"):
            self.fields.append(found["id"])

    def handle_endtag(self, tag):
        self._link = None if tag == "a" else self._link

    def handle_data(self, text):
        self._words.append(text)
        if self._link is not None:
            self.links[text.strip()] = self._link


@pytest.fixture
def page(client, finished_run):
    """page(path): a page of a dashboard of the finished run."""
    browser = client(finished_run)
    return lambda path: Page(browser.get(path))


@pytest.fixture
def networks(finished_run):
    """All networks of the finished run."""
    reader = finished_run.reader()
    yield [reader.network(row.number) for row in reader.ended()]
    reader.close()


def change(folder, statement, *values):
    with closing(sqlite3.connect(folder.database)) as connection, connection:
        connection.execute(statement, values)


def test_a_single_run_is_shown_at_once(client, finished_run):
    answer = client(finished_run).get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/runs/finished")


def test_a_run_has_its_numbers_and_figures(page, networks):
    found = page("/runs/finished")
    finals = [network["final_accuracy"] for network in networks if network["final_accuracy"] is not None]
    assert f"{100 * max(finals):.2f}%" in found.text
    assert "Networks 24 of 24" in found.text
    assert "What was found Network" in found.text
    assert "What next metaqnn finetune" in found.text
    assert f"Epochs trained {sum(network['epochs_trained'] for network in networks)}" in found.text
    assert "figures need JavaScript" in found.text


@pytest.mark.parametrize("path", ["/", "/runs/copy", "/runs/copy/networks/3", "/runs/copy/curves?network=3"])
def test_every_page_with_figures_says_that_they_need_javascript(client, finished_run, run_copy, path):
    html = client(finished_run, run_copy).get(path).text
    assert "data-chart=" in html
    assert html.count("<noscript>") == 1
    assert "figures need JavaScript" in html


def test_the_table_has_all_networks_and_marks_predictions(page, networks):
    found = page("/runs/finished/networks")
    assert "1 to 24 of 24 networks" in found.text
    for network in networks:
        assert found.links[str(network["number"])] == f"/runs/finished/networks/{network['number']}"
        assert network["architecture"] in found.text
        if network["outcome"] == "stopped":
            assert f"~{100 * network['predicted_accuracy']:.2f}%" in found.text
    assert found.text.count("~") == sum(n["outcome"] == "stopped" for n in networks) + 1  # the caption's own


def test_the_table_can_be_used_by_following_links(page, networks):
    table = page("/runs/finished/networks?outcome=stopped")
    by_size = page(f"/runs/finished/networks{table.links['Parameters']}")
    sizes = {
        network["number"]: network["parameters"] for network in networks if network["outcome"] == "stopped"
    }
    numbers = [int(text) for text in by_size.links if text.isdecimal()]
    assert numbers == sorted(sizes, key=lambda number: -sizes[number])


@pytest.mark.parametrize("path", ["networks", "curves?network=3"])
def test_every_field_of_a_form_has_a_label(page, path):
    found = page(f"/runs/finished/{path}")
    assert found.fields
    assert sorted(found.fields) == sorted(found.labels)


def test_the_filter_shows_what_it_filters_by(client, finished_run):
    path = (
        "/runs/finished/networks?accuracy=12.345&parameters=50000&epsilon=0.55&outcome=stopped&text=%22P(2%22"
    )
    html = client(finished_run).get(path).text
    for shown in ('value="12.345"', 'value="50000"', 'value="&#34;P(2&#34;"', "<option selected>stopped"):
        assert shown in html
    assert '<option value="0.55" selected>' in html


def test_filters_that_nothing_passes_are_answered_in_words(page):
    assert "No network matches the filters." in page("/runs/finished/networks?text=FC(7)").text


def test_a_network_has_everything_that_the_database_knows(page, networks):
    for network in networks:
        found = page(f"/runs/finished/networks/{network['number']}")
        assert network["architecture"] in found.text
        assert f"Outcome {network['outcome']}" in found.text
        for training in network["trainings"]:
            for epoch in training["epochs"]:
                assert f"{epoch['epoch']} {100 * epoch['accuracy']:.2f}%" in found.text
                if epoch["stop"] is not None:
                    assert f"{'stop' if epoch['stop'] else 'continue'}: {epoch['reason']}" in found.text
        if network["outcome"] == "stopped":
            assert f"Forecast ŷ T ~{100 * network['predicted_accuracy']:.2f}%" in found.text
            assert "Audit, attempt 1" in found.text
        if network["message"]:
            assert " ".join(network["message"].split()) in found.text


@pytest.mark.parametrize(
    ("stopping", "reward", "said"),
    [
        (
            "rank-envelope",
            "forecast",
            "becomes the reward of a stopped network, is by the method stacked. These two need not",
        ),
        (
            "rank-envelope",
            "last-seen",
            "becomes the reward of a stopped network, is by the last accuracy seen. These two",
        ),
        ("published", "forecast", "Forecasts and probabilities are by the rule published."),
    ],
)
def test_a_network_says_whose_its_forecasts_are(client, run_copy, stopping, reward, said):
    change(
        run_copy,
        "UPDATE searches SET config = json_set(config, '$.stopping', ?, '$.reward', ?)",
        stopping,
        reward,
    )
    found = Page(client(run_copy).get("/runs/copy/networks/8"))
    assert said in found.text
    assert ("forecast at the stop" in found.text) == (stopping != "published")


def test_an_audit_in_the_search_that_diverged_is_called_one(client, run_copy, reader):
    number, stop = next((row.number, row.epochs) for row in reader.ended() if row.outcome == "stopped")
    page = f"/runs/copy/networks/{number}"
    said = f"Outcome diverged as an audit: the rule would have stopped it after epoch {stop}"
    change(run_copy, "UPDATE networks SET outcome = 'diverged' WHERE number = ?", number)
    assert said not in Page(client(run_copy).get(page)).text  # in the epoch of the decision
    change(run_copy, "UPDATE networks SET epochs = epochs + 1 WHERE number = ?", number)
    assert said in Page(client(run_copy).get(page)).text


def test_networks_lead_to_their_neighbours(page):
    first, middle, last = (page(f"/runs/finished/networks/{number}") for number in (1, 12, 24))
    assert "Previous" not in first.links
    assert middle.links["Previous"] == "/runs/finished/networks/11"
    assert middle.links["Next"] == "/runs/finished/networks/13"
    assert "Next" not in last.links


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/runs/nowhere", 404, "there is no run 'nowhere' here; the runs are finished"),
        ("/runs/finished/networks/99", 404, "there is no network 99; this search has 1 to 24"),
        ("/runs/finished/networks/0", 404, "there is no network '0'; networks have numbers, from 1"),
        ("/runs/finished/networks/x", 404, "there is no network 'x'; networks have numbers, from 1"),
        ("/runs/finished/networks/" + "9" * 40, 404, "there is no network '" + "9" * 40),
        ("/runs/finished/pages", 404, "there is no page '/runs/finished/pages' here"),
        (
            "/runs/finished/networks?accuracy=high",
            400,
            "accuracy is 'high'; it must be a number from 0 to 100",
        ),
        ("/runs/finished/networks?page=7", 400, "page is 7; the last page is 1"),
        ("/runs/finished/networks?x=1", 400, "there is no filter 'x'"),
        ("/runs/%3Cscript%3E", 404, "there is no run '<script>' here"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(page, path, status, reason):
    found = page(path)
    assert found.status == status
    assert reason in found.text
    assert found.links["All runs"] == "/"
    assert found.tags.count("script") == 3


def test_strings_from_data_are_shown_as_they_are(client, run_copy):
    change(run_copy, "UPDATE networks SET architecture = ? || number, message = ?", HOSTILE, HOSTILE)
    change(run_copy, "UPDATE networks SET outcome = ? WHERE number = 1", HOSTILE[:16])
    change(run_copy, "UPDATE decisions SET reason = ?", HOSTILE)
    hostile = run_copy.path.rename(run_copy.path.with_name(f"<b>{HOSTILE[:4]}"))
    browser = client(type(run_copy)(hostile))
    (run,) = re.findall(r"/runs/[^/]*", browser.get("/", follow_redirects=False).headers["location"])
    for path in ("", "/networks", "/networks/1", "/networks/3", "/networks?text=%3Cimg%22%3E"):
        answer = browser.get(run + path)
        assert answer.status_code == 200
        assert "<img" not in answer.text
        assert "<b>" not in answer.text
    assert unescape(browser.get(f"{run}/networks/3").text).count(HOSTILE) > 5


def test_a_search_that_has_not_begun_says_so(client, new_run):
    folder, _ = new_run()
    browser = client(folder)
    found = Page(browser.get("/runs/fresh"))
    assert "No network has ended yet." in found.text
    assert "Networks 0 of 24" in found.text
    assert "What next metaqnn run --resume" in found.text
    assert "No network has been proposed yet." in Page(browser.get("/runs/fresh/networks")).text
    assert Page(browser.get("/runs/fresh/networks/1")).status == 404


def test_a_network_in_training_is_shown_as_such_while_a_process_works_on_it(client, run_copy):
    change(run_copy, "DELETE FROM trainings WHERE network_id = 24")
    change(
        run_copy,
        "UPDATE networks SET outcome = NULL, reward = NULL, finished_position = NULL, finished_at = NULL, "
        "attempt = NULL, epochs = NULL, epochs_trained = NULL, seconds = NULL, last_accuracy = NULL, "
        "final_accuracy = NULL, predicted_accuracy = NULL, message = NULL WHERE number = 24",
    )
    browser = client(run_copy)
    cell = re.compile("<(?:td|dd)>(in training|interrupted)</")
    for path in ("networks/24", "networks?outcome=in+training", "curves?network=24"):
        assert cell.findall(browser.get(f"/runs/copy/{path}").text) == ["interrupted"]
        with run_copy.lock():
            assert cell.findall(browser.get(f"/runs/copy/{path}").text) == ["in training"]
    found = Page(browser.get("/runs/copy/networks/24"))
    assert "No epoch has been trained yet." in found.text
    running = Page(browser.get("/runs/copy"))
    assert "Interrupted network 24 in its first epoch of 5" in running.text
    table = Page(browser.get("/runs/copy/networks?outcome=in+training"))
    assert "1 to 1 of 1 networks" in table.text
    assert "in training or interrupted" in table.text  # the choice in the filter


def test_what_next_is_said_of_a_search_that_ended_not_of_one_that_is_watched_here(client, run_copy):
    browser = client(run_copy)
    assert "What next metaqnn " in Page(browser.get("/runs/copy")).text
    with run_copy.lock():
        running = Page(browser.get("/runs/copy")).text
    assert "Was stopping right?" in running
    assert "What next" not in running


def test_a_reason_is_told_even_if_no_more_files_can_be_opened(client, finished_run, monkeypatch):
    browser = client(finished_run)
    monkeypatch.setattr("jinja2.PackageLoader.get_source", out_of_files)
    monkeypatch.setattr("metaqnn.session.run_folder.SearchReader", out_of_files)
    found = Page(browser.get("/runs/finished"))
    assert found.status == 503
    assert "run finished cannot be read: [Errno 24] Too many open files" in found.text


def out_of_files(*_):
    raise OSError(errno.EMFILE, "Too many open files")
