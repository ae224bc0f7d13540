"""A run folder from somebody else cannot be used to collect the database password."""

import json
import socket
import threading
from contextlib import suppress

import pytest

from metaqnn.cli import main
from metaqnn.database.engine import connection_settings, named_url, postgresql_url
from metaqnn.session.run_folder import RunFolder
from predictor import LearningCurves
from predictor.servers import UnknownServerError


class Collector:
    """A server that asks every client for the password in clear text, and records what it hears."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.heard = b""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with suppress(OSError):  # until `close`
            while True:
                client, _ = self._listening.accept()
                client.settimeout(2)
                with client, suppress(OSError):
                    if client.recv(8)[4:] == bytes.fromhex("04d2162f"):  # may we speak TLS?
                        client.sendall(b"N")
                    client.recv(1024)
                    client.sendall(b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big"))
                    self.heard += client.recv(1024)

    def close(self):
        self._listening.close()


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def foreign(collector, tmp_path, monkeypatch):
    """A run folder that claims its search is on the collector; no server was ever named on this machine."""
    pytest.importorskip("psycopg")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    monkeypatch.delenv("PGHOST", raising=False)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    url = f"postgresql+psycopg://me@127.0.0.1:{collector.port}/db"
    folder.storage.write_text(json.dumps({"url": url, "search": 1}))
    return folder


COMMANDS = (["top"], ["report", "--no-figures"], ["audit"], ["run", "--quiet", "--resume"], ["finetune"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_sends_the_password_to_a_server_that_the_folder_names(foreign, collector, capsys, command):
    assert main([*command, str(foreign.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"was never named on this machine (host=127.0.0.1&port={collector.port})" in line
    assert collector.heard == b""


def test_nor_do_those_who_read_its_curves(foreign, collector):
    with pytest.raises(ValueError, match="was never named on this machine"):
        LearningCurves.read(foreign.path)
    assert collector.heard == b""


def test_who_has_named_the_server_sends_it(foreign, collector, capsys):
    """Otherwise the tests above could not fail."""
    named_url(foreign.storage.read_text().split('"')[3])
    assert main(["top", str(foreign.path)]) == 2
    assert b"hunter2" in collector.heard
    assert "cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["conninfo", "plugin", "context"])
def test_nor_is_it_sent_where_a_setting_that_is_not_postgresqls_leads(foreign, collector, capsys, name):
    """psycopg takes `conninfo`, and connects to the host in it."""
    url = f"postgresql+psycopg://me@/db?{name}=host%3D127.0.0.1%20port%3D{collector.port}"
    foreign.storage.write_text(json.dumps({"url": url, "search": 1}))
    assert main(["top", str(foreign.path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"PostgreSQL has no setting '{name}'" in line
    assert collector.heard == b""


def test_the_name_of_another_server_does_not_help(foreign):
    with pytest.raises(UnknownServerError):
        foreign.open_search("postgresql://me@good.example/db")


def test_the_password_of_a_client_key_is_not_stored_either(monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("METAQNN_SSLPASSWORD", "")  # so that it is restored afterwards: an address sets it
    monkeypatch.delenv("METAQNN_SSLPASSWORD")
    url = postgresql_url("postgresql://me@host/db?sslkey=key.pem&sslpassword=geheim")
    shown = (repr(url), url.render_as_string(hide_password=False), repr(connection_settings(url)))
    assert not any("geheim" in text for text in shown)
    assert url.query == {"sslkey": "key.pem"}
