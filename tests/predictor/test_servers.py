"""Servers of databases: passwords go to those that the user has named, and to no others."""

import io

import pytest

from predictor import servers
from predictor.servers import UnknownServerError, remember, require_known

EVIL = {"host": "evil.example", "port": 5432, "user": "me"}


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """A machine on which no server was named, and a password for any server."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("PGHOST", "PGPORT", "METAQNN_SSLPASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGPASSWORD", "secret")


def test_a_server_that_nobody_named_is_refused_in_one_line_that_says_what_helps():
    with pytest.raises(UnknownServerError, match=r"\(host=evil.example\), so it gets no password: name it"):
        require_known(EVIL)


@pytest.mark.parametrize("name", ["PGPASSWORD", "METAQNN_SSLPASSWORD"])
def test_it_matters_only_where_there_is_a_password(monkeypatch, name):
    monkeypatch.delenv("PGPASSWORD")
    require_known(EVIL)
    monkeypatch.setenv(name, "secret")
    with pytest.raises(UnknownServerError):
        require_known(EVIL)


def test_an_address_that_names_a_file_to_write_to_is_refused_whatever_its_server(monkeypatch):
    monkeypatch.delenv("PGPASSWORD")
    with pytest.raises(UnknownServerError, match="sslkeylogfile, which writes to a file"):
        require_known({"dbname": "db", "sslkeylogfile": "precious"})


@pytest.mark.parametrize("setting", ["hostaddr", "service", "passfile", "gssdelegation"])
def test_the_users_own_password_files_are_not_misled(monkeypatch, setting):
    """libpq looks a password up under `host` and sends it to `hostaddr`."""
    monkeypatch.delenv("PGPASSWORD")
    remember({"host": "good.example"})
    with pytest.raises(UnknownServerError):
        require_known({"host": "good.example", setting: "evil"})


def test_a_server_that_was_named_once_stays_known_on_its_port_alone():
    remember(EVIL)
    require_known({"host": "evil.example", "user": "other"})
    with pytest.raises(UnknownServerError):
        require_known({**EVIL, "port": 5433})


def test_a_server_that_the_environment_names_is_known(monkeypatch):
    monkeypatch.setenv("PGHOST", "evil.example")
    require_known(EVIL)
    monkeypatch.setenv("PGPORT", "5433")
    with pytest.raises(UnknownServerError):
        require_known(EVIL)
    require_known({**EVIL, "port": "5433"})


def test_the_usual_server_of_this_machine_needs_no_name():
    require_known({"user": "me", "dbname": "searches"})
    with pytest.raises(UnknownServerError):
        require_known({"host": "/tmp/somebodys-socket"})


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("\n", False), ("n\n", False), ("", False)])
def test_at_a_terminal_the_user_is_asked_once(monkeypatch, answer, agreed):
    monkeypatch.setattr(servers.sys, "stdin", Terminal(answer))
    monkeypatch.setattr(servers.sys, "stderr", Terminal())
    if agreed:
        require_known(EVIL)
        require_known(EVIL)
    else:
        with pytest.raises(UnknownServerError):
            require_known(EVIL)
    assert servers.sys.stderr.getvalue().count("send the password there? [y/N]") == 1
