"""`metaqnn dashboard` as a user starts and ends it."""

import signal
import subprocess
import sys
import urllib.request
import webbrowser

import pytest

from metaqnn.cli import main
from metaqnn.dashboard import server

METAQNN = [sys.executable, "-m", "metaqnn", "dashboard"]


def test_it_prints_its_address_serves_and_ends_tidily(finished_run):
    """By Ctrl-C; how it ends by other signals is in tests/reliability/test_kills_of_commands.py."""
    pipe = subprocess.PIPE
    command = [*METAQNN, str(finished_run.path), "--port", "0"]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        address = process.stdout.readline().split()[1]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address) as answer:
            assert b"24" in answer.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (0, "", "dashboard stopped\n")


@pytest.fixture
def started(monkeypatch, capsys):
    """started(argument, ...): runs the command with a server that ends at once; what was printed."""
    served = []
    monkeypatch.setattr(server, "serve", lambda application, listening: served.append(listening.close()))

    def start(*arguments):
        assert main(["dashboard", *map(str, arguments)]) == 0
        assert served == [None]
        return capsys.readouterr()

    return start


def test_the_latest_run_is_a_run(started, finished_run, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mine").symlink_to(finished_run.path)
    monkeypatch.chdir(tmp_path)
    assert "dashboard: http://" in started("latest", "--port", "0").out


def test_tunings_and_trainings_among_searches_are_left_out(started, finished_run, tmp_path, capsys):
    for name, mark in (("tune-x", "study.json"), ("train-x", "train.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / mark).touch()
    printed = started(tmp_path / "train-x", finished_run.path, tmp_path / "tune-x", "--port", "0")
    assert printed.err.splitlines() == [
        f"note: '{tmp_path / name}' holds no search and is left out" for name in ("train-x", "tune-x")
    ]
    assert main(["dashboard", str(tmp_path / "tune-x")]) == 2
    assert "holds a tuning, not a search" in capsys.readouterr().err


def test_a_browser_is_opened_on_demand(started, finished_run, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    printed = started(finished_run.path, "--open", "--port", "0").out
    assert opened == [printed.split()[1]]


def test_by_default_no_browser_is_opened(started, finished_run, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail("opened a browser"))
    started(finished_run.path, "--port", "0")


def test_another_address_than_the_loopback_is_warned_about(started, finished_run):
    printed = started(finished_run.path, "--port", "0", "--host", "0.0.0.0")
    assert printed.err == "warning: everybody who can reach this machine can read these runs\n"


@pytest.mark.parametrize("host", ["127.1", "LOCALHOST"])
def test_another_way_to_write_the_loopback_answers_its_own_names_only(
    monkeypatch, capsys, finished_run, host
):
    testing = pytest.importorskip("starlette.testclient")
    answers = []

    def serve(application, listening):
        client = testing.TestClient(application, base_url=server.url_of(listening))
        for name in (client.base_url.netloc.decode(), f"{host}:8500", "evil.example"):
            answers.append(client.get("/version", headers={"Host": name}).status_code)
        listening.close()

    monkeypatch.setattr(server, "serve", serve)
    assert main(["dashboard", str(finished_run.path), "--host", host, "--port", "0"]) == 0
    assert answers == [200, 200, 400]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("port", ["x", "-1", "65536", "80.5", ""])
def test_a_port_that_is_none_is_quoted(capsys, finished_run, port):
    with pytest.raises(SystemExit) as caught:
        main(["dashboard", str(finished_run.path), f"--port={port}"])
    assert caught.value.code == 2
    assert f"{port!r} is not a whole number from 0 to 65535" in capsys.readouterr().err


def test_a_missing_run_is_named_before_anything_is_served(capsys, finished_run, tmp_path):
    assert main(["dashboard", str(finished_run.path), str(tmp_path / "nowhere")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"metaqnn: error: there is no folder '{tmp_path / 'nowhere'}'")
