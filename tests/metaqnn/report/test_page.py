"""The page: what it says about searches in every state, and that data stays text."""

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from metaqnn.cli import main
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.figures import FIGURES, SearchView
from metaqnn.report import page as page_module
from metaqnn.report.drawing import draw
from metaqnn.report.page import page, state
from metaqnn.session.notes import write_note

HOSTILE = """</script><script>alert(1)</script>"><img src=x onerror=alert(1)>'-alert(1)-'{{ 7 * 7 }}"""


class Parsed(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.specs, self._script = [], [], {}, None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._script = dict(attributes).get("id") if tag == "script" else None

    def handle_data(self, text):
        if self._script is None:
            self.text.append(text)
        else:
            self.specs[self._script] = json.loads(text)

    def handle_endtag(self, tag):
        self._script = None


@pytest.fixture(scope="module", autouse=True)
def short():
    """Without Vega, which is a megabyte; the browser test has it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page_module, "bundle", lambda: b"vega")
        yield


def shown(view, run="run", owner=None):
    return page(view, Path(run), owner, [draw(figure, view) for figure in FIGURES])


@pytest.fixture(scope="module")
def parsed(finished_run):
    with closing(finished_run.reader()) as reader:
        return Parsed(shown(SearchView(reader)))


def test_a_note_stands_with_its_network(finished_run, tmp_path):
    with closing(finished_run.reader()) as reader:
        view = SearchView(reader)
        write_note(tmp_path, view.top(2)[1]["number"], "<b>use</b>")
        html = page(view, tmp_path, None, [])
    [article] = [part for part in html.split("<article>")[1:] if 'class="note"' in part]
    assert article.startswith("\n    <h3>2. network")
    assert "&lt;b&gt;use&lt;/b&gt;" in article


def test_the_best_networks_have_the_ranks_that_top_prints(finished_run, tmp_path, capsys):
    assert main(["top", str(finished_run.path)]) == 0
    ranks = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:1].isdigit()]
    with closing(finished_run.reader()) as reader:
        html = page(SearchView(reader), tmp_path, None, [])
    shown_ranks = re.findall(r"<article>\s*<h3>(\d+)\. network", html)
    assert shown_ranks == ranks[: len(shown_ranks)]
    assert len(shown_ranks) > len(set(shown_ranks))


def text_of(parsed):
    return re.sub(r"\s+", " ", " ".join(parsed.text))


def test_every_figure_has_a_place_and_a_specification(parsed, drawable):
    places = [attributes["data-spec"] for _, attributes in parsed.tags if "data-spec" in attributes]
    assert places == [f"spec-{figure.name}" for figure in drawable]
    assert list(parsed.specs) == places
    anchors = {attributes["id"] for tag, attributes in parsed.tags if tag == "section"}
    links = {attributes["href"] for tag, attributes in parsed.tags if tag == "a"}
    assert links == {f"#{anchor}" for anchor in anchors}


def test_without_javascript_the_page_says_where_the_figures_are(parsed):
    assert [tag for tag, _ in parsed.tags].count("noscript") == 1
    assert "The figures need JavaScript. They are also beside this page, as search.png" in text_of(parsed)
    assert "search" in [figure.name for figure in FIGURES]  # the example


def test_nothing_is_fetched(parsed):
    for _, attributes in parsed.tags:
        assert not {"src", "srcset", "data", "action", "style"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")


def test_only_the_scripts_of_the_page_may_run(parsed):
    (policy,) = (a["content"] for tag, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy")
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert re.fullmatch(r"('sha256-[A-Za-z0-9+/=]{44}' ?){3}", directives["script-src"])


def test_the_search_is_told_in_numbers_and_facts(parsed, finished_run):
    text = text_of(parsed)
    assert "Finished: all 24 networks have ended." in text
    assert "24 of 24" in text
    assert "1.0:12,0.5:6,0.1:6" in text  # the configuration
    assert "0" * 64 in text  # the fingerprint of the data
    assert "RuntimeError: the device caught fire" in text
    with closing(finished_run.reader()) as reader:
        best = reader.top(10)
    labels = [attributes.get("aria-label") for tag, attributes in parsed.tags if tag == "ol"]
    assert len(labels) == len(best)  # each is drawn once
    for network in best:
        assert network["architecture"] in labels
        assert f"network {network['number']}: {100 * network['final_accuracy']:.2f}%" in text


def test_audits_are_told_beside_their_figure(parsed):
    assert "would have beaten the best network at that time" in text_of(parsed)


def test_a_finished_search_of_one_network_is_told_in_the_singular(config):
    of_one = replace(config, schedule=EpsilonSchedule.parse("1.0:1"))
    view = SimpleNamespace(ended=[object()], config=of_one)
    assert state(view, None) == "Finished: its only network has ended."


def test_before_the_first_network(searched):
    parsed = Parsed(shown(searched(None)))
    text = text_of(parsed)
    assert "Not started: 24 networks to train." in text
    assert "interrupted" not in text
    assert parsed.specs == {}
    assert "No network has ended yet" not in text  # and no figure gives its own reason
    assert "metaqnn run --resume run to go on with the search" in text
    assert not [attributes for tag, attributes in parsed.tags if tag == "nav"]


@pytest.fixture
def half(run_copy):
    """The search as it was when 10 networks had ended and 2 were in training."""
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("DELETE FROM samples WHERE network_id > 12")
        connection.execute("DELETE FROM networks WHERE number > 12")
        connection.execute("UPDATE samples SET position = NULL WHERE network_id > 10")
        changes = ", ".join(
            f"{name} = NULL"
            for name in ("reward", "outcome", "finished_position", "final_accuracy", "message")
        )
        connection.execute(f"UPDATE networks SET {changes} WHERE number > 10")
    with closing(run_copy.reader()) as reader:
        yield SearchView(reader)


def test_a_running_search_says_so_with_its_progress(half):
    text = state(half, "process 7 on host")
    assert text.startswith("Running (process 7 on host): 10 of 24 networks have ended (42%), 2 in training.")
    assert "process 7 on host" in text_of(Parsed(shown(half, owner="process 7 on host")))


def test_networks_in_training_are_shown_with_their_epoch(half):
    text = text_of(Parsed(shown(half, owner="process 7 on host")))
    for network in half.training:
        last = network["trainings"][-1]["epochs"][-1]
        assert f"network {network['number']} epoch {last['epoch']} of 5" in text
        assert f"{100 * last['accuracy']:.2f}% of the validation images" in text
    assert [network["number"] for network in half.training] == [11, 12]
    assert ("In training network 11" in text, "Interrupted network 11" in text) == (True, False)


def test_networks_that_nobody_trains_any_more_are_interrupted(half):
    text = text_of(Parsed(shown(half)))
    assert ("In training network 11" in text, "Interrupted network 11" in text) == (False, True)


def test_a_balanced_accuracy_in_training_is_no_share_of_the_images(half, run_copy):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE searches SET config = json_set(config, '$.metric', 'balanced-accuracy')")
    text = text_of(Parsed(shown(half, owner="process 7 on host")))
    last = half.training[0]["trainings"][-1]["epochs"][-1]
    assert f"{100 * last['accuracy']:.2f}% balanced accuracy on the validation images" in text


def test_an_interrupted_search_says_so(half):
    assert state(half, None).startswith("Neither finished nor running: 10 of 24 networks")


def test_a_finished_search_in_an_audit_says_so(view):
    assert "being audited by process 7 on host" in state(view, "process 7 on host")


@pytest.fixture
def view(finished_run):
    with closing(finished_run.reader()) as reader:
        yield SearchView(reader)


def test_names_from_data_are_text_and_nothing_else(run_copy, poisoned):
    tags, words = {}, {}
    for name in (HOSTILE, "harmless"):
        with closing(poisoned(run_copy, name).reader()) as reader:
            parsed = Parsed(shown(SearchView(reader), owner=name))
        tags[name], words[name] = [tag for tag, _ in parsed.tags], text_of(parsed)
    assert tags[HOSTILE] == tags["harmless"]
    assert words[HOSTILE].count(HOSTILE) > 10
