"""Names from outside, of classes and folders, are shown and never obeyed: in HTML, SQL, paths and source."""

import ast
import json
import sqlite3
import subprocess
import warnings
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from metaqnn.cli import main

CLASSES = [
    "</script><script>alert(1)</script>",
    "'; DROP TABLE networks; --",
    "../../../../tmp/climbed",
    'two\nlines """ + __import__("os").system("touch obeyed") + """',
    "%s %(x)s {0} {{ 7 * 7 }} {% raw %}",
    "\N{PILE OF POO} \u202e \u0000x",
    "n" * 200,
]
RUN = "a'\"; DROP TABLE networks; -- <script>alert(1)<script> ..\n%s {{ 7 * 7 }} "
RUN += "$(touch obeyed) `touch obeyed` \N{PILE OF POO} " + "n" * 100
SEARCH = (
    *("--schedule", "1.0:3", "--epochs", "2", "--layer-limit", "2", "--conv-widths", "8"),
    *("--no-early-stopping", "--batch-size", "10", "--device", "cpu", "--threads", "1", "--quiet"),
)  # fmt: skip


class Elements(HTMLParser):
    """The tags of a page and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.handlers, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder to work in, with hostile images and two run folders: a hostile one and a harmless one."""
    folder = tmp_path_factory.mktemp("names")
    rng = np.random.default_rng(0)
    labels = np.arange(210) % len(CLASSES)
    images = (rng.integers(0, 40, (210, 8, 8)) + 30 * labels[:, None, None]).astype(np.uint8)
    arrays = {"x_train": images, "y_train": labels, "x_test": images[:50], "y_test": labels[:50]}
    for kind, names in (("hostile", CLASSES), ("harmless", [f"class {i}" for i in range(len(CLASSES))])):
        np.savez(folder / f"{kind}.npz", class_names=np.array(names), **arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for kind, run in (("hostile", RUN), ("harmless", "harmless")):
            assert main(["run", "--run-dir", run, "--dataset", f"{kind}.npz", *SEARCH]) == 0
    return folder


@pytest.fixture(autouse=True)
def nothing_outside(place, monkeypatch):
    """Check that nothing in that folder or above it changes, except what the test names."""
    monkeypatch.chdir(place)
    before = beside(place)
    wanted = []
    yield wanted.append
    assert beside(place) - before == set(wanted)
    assert not Path("/tmp/climbed").exists()


def beside(place):
    return {path.name for path in [*place.iterdir(), *place.parent.iterdir()]} - {"logs", "study.db"}


def ask(capfd, *command):
    """What a command prints. Hostile names must not make it fail."""
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main([str(part) for part in command]) == 0
    return capfd.readouterr().out


@pytest.mark.parametrize(
    "command", [["top"], ["show", RUN, "1"], ["report", "--no-figures"]], ids=lambda c: c[0]
)
def test_the_commands_that_read_say_of_it_what_they_say_of_a_harmless_one(capfd, command):
    name, *more = [part for part in command if part != RUN]
    hostile, harmless = (
        json.loads(ask(capfd, name, run, *more, "--format", "json")) for run in (RUN, "harmless")
    )
    assert shape(hostile) == shape(harmless)


def shape(value):
    """A value with its numbers and texts taken out."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


def test_it_is_gone_on_with_and_its_tables_are_there(capfd):
    ask(capfd, "run", "--resume", RUN, "--quiet")
    with closing(sqlite3.connect(Path(RUN) / "search.db")) as connection:
        assert connection.execute("SELECT count(*) FROM networks").fetchone() == (3,)
        stored = json.loads(connection.execute("SELECT images FROM searches").fetchone()[0])
    assert all(set(part) == set(CLASSES) for part in stored.values())


def test_the_report_has_the_elements_of_a_harmless_one(capfd, monkeypatch):
    monkeypatch.setattr(
        "metaqnn.report.files.png", lambda spec: b""
    )  # names are in the page, not in pictures
    pages = []
    for run in (RUN, "harmless"):
        ask(capfd, "report", run)
        pages.append(Elements((Path(run) / "report" / "index.html").read_text()))
    hostile, harmless = pages
    assert hostile.tags.count("script") == harmless.tags.count("script")
    assert hostile.handlers == harmless.handlers
    assert " ".join(RUN.split()) in " ".join(hostile.text.split())


def test_the_dashboards_pages_have_the_elements_of_harmless_ones():
    from metaqnn.dashboard import Dashboard

    testing = pytest.importorskip("starlette.testclient")
    dashboard = Dashboard([Path(RUN), Path("harmless")])
    try:
        client = testing.TestClient(dashboard, base_url="http://127.0.0.1", headers={"accept": "text/html"})
        overview = client.get("/")
        assert overview.status_code == 200
        links = sorted(
            {
                value
                for value in hrefs(overview.text)
                if value.startswith("/run") and not value.endswith(".csv")
            }
        )
        pages = [Elements(client.get(link).text) for link in links]
        assert len(pages) >= 2
        assert len({page.tags.count("script") for page in pages}) == 1
        assert not [handler for page in pages for handler in page.handlers]
        assert not [link for link in links if set(link) & set("<>\"'\n ")]
    finally:
        dashboard.end()


def hrefs(page):
    class Links(Elements):
        def handle_starttag(self, tag, attrs):
            self.tags += [value for name, value in attrs if name == "href"]

    return Links(page).tags


def test_an_export_is_source_in_which_names_are_literals(capfd, nothing_outside):
    nothing_outside("best")
    ask(capfd, "export", RUN, "--to", "best", "--formats", "torch,safetensors")
    source = (Path("best") / "model.py").read_text()
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "__import__"]
    assert json.loads((Path("best") / "model.json").read_text())["classes"] == CLASSES
    markdown = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    page = Elements(markdown.render((Path("best") / "README.md").read_text()))
    assert not {"script", "img"} & {*page.tags}
    assert not page.handlers
    assert "DROP TABLE" in page.text


def test_copies_for_other_programs(capfd):
    pytest.importorskip("optuna")
    pytest.importorskip("tensorboard")
    ask(capfd, "mirror", RUN, "--tensorboard", "logs", "--optuna", "sqlite:///study.db")
    import optuna

    assert optuna.get_all_study_names("sqlite:///study.db") == [RUN.replace("\n", "\\n")]  # shown
    assert {path.name for path in Path("logs").iterdir()} >= {f"network-{n:05}" for n in (1, 2, 3)}


TAB = """
source ./completion.bash
COMP_WORDS=(metaqnn top a); COMP_CWORD=2; COMP_LINE="metaqnn top a"; COMP_POINT=13
function=$(complete -p metaqnn | sed 's/.*-F \\([^ ]*\\) metaqnn/\\1/')
"$function" metaqnn a top
printf '%s' "${COMPREPLY[@]}"
"""


def test_completion_offers_the_folder_and_obeys_nothing(capfd, nothing_outside):
    nothing_outside("completion.bash")
    Path("completion.bash").write_text(ask(capfd, "completion", "bash"))
    done = subprocess.run(["bash", "--norc", "-c", TAB], capture_output=True, text=True, check=True)
    assert "DROP TABLE" in done.stdout
