"""metaqnn note, and where its notes are shown."""

import csv
import io
import json

import pytest

from metaqnn.cli import main


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def noted(capsys, run_copy):
    """The number of the best network, which has a note."""
    _, out, _ = run(capsys, "top", run_copy.path, "-k", 1, "--format", "json")
    number = json.loads(out)[0]["number"]
    assert run(capsys, "note", run_copy.path, number, "use <this>") == (
        0,
        f"network {number}: use <this>\n",
        "",
    )
    return number


def test_commands_show_the_note(capsys, run_copy, noted):
    listed = run(capsys, "top", run_copy.path)[1]
    assert f"* network {noted}: use <this>\n" in listed
    assert listed.splitlines()[2].split()[:2] == ["1", f"{noted}*"]
    assert "use <this>" in run(capsys, "show", run_copy.path, noted)[1]
    assert (
        json.loads(run(capsys, "show", run_copy.path, noted, "--format", "json")[1])["note"] == "use <this>"
    )
    first, second = csv.DictReader(
        io.StringIO(run(capsys, "top", run_copy.path, "-k", 2, "--format", "csv")[1])
    )
    assert (first["note"], second["note"]) == ("use <this>", "")


def test_an_empty_note_removes_it(capsys, run_copy, noted):
    assert run(capsys, "note", run_copy.path, noted, "") == (0, f"network {noted}: no note\n", "")
    assert "*" not in run(capsys, "top", run_copy.path)[1]
    assert "note" not in run(capsys, "show", run_copy.path, noted)[1]


def test_a_note_needs_a_network(capsys, run_copy):
    code, _, said = run(capsys, "note", run_copy.path, 999, "x")
    assert (code, said) == (2, "metaqnn: error: there is no network 999; this search has 1 to 24\n")
    assert not (run_copy.path / "notes.json").exists()


@pytest.fixture
def client_of(run_copy):
    """What the dashboard answers."""
    testing = pytest.importorskip("starlette.testclient")
    from metaqnn.dashboard import Dashboard

    dashboard = Dashboard([run_copy.path])
    yield lambda path: testing.TestClient(dashboard, base_url="http://127.0.0.1").get(path).text
    dashboard.end()


def test_the_dashboard_shows_it(run_copy, noted, client_of):
    for page in ("", "/networks", f"/networks/{noted}"):
        assert '<p class="note">use &lt;this&gt;</p>' in client_of(f"/runs/copy{page}")
    [row] = [r for r in csv.DictReader(io.StringIO(client_of("/runs/copy/networks.csv"))) if r["note"]]
    assert (int(row["number"]), row["note"]) == (noted, "use <this>")
