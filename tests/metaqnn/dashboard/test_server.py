"""Where a dashboard is served, and to whom: idle and endless clients are disconnected."""

import asyncio
import errno
import socket
import threading
import time
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest

from metaqnn.dashboard import Dashboard, server
from metaqnn.dashboard.server import AddressError, Complaints, Server, listen, url_of


@pytest.fixture
def taken():
    """A port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_a_port_that_is_taken_is_named(taken):
    with pytest.raises(AddressError, match=f"^port {taken} of 127.0.0.1 is taken; give another --port$"):
        listen("127.0.0.1", taken)


def test_by_default_the_next_free_port_is_used(taken, monkeypatch):
    monkeypatch.setattr(server, "FIRST_PORT", taken)
    with listen("127.0.0.1") as listening:
        assert taken < listening.getsockname()[1] < taken + server.TRIES


def test_when_all_are_taken_the_range_is_named(taken, monkeypatch):
    monkeypatch.setattr(server, "FIRST_PORT", taken)
    monkeypatch.setattr(server, "TRIES", 1)
    with pytest.raises(AddressError, match=f"^ports {taken} to {taken} are taken; give another --port$"):
        listen("127.0.0.1")


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.1", "not a host", "x" * 64])
def test_a_host_that_is_not_this_machine_is_named(host):
    with pytest.raises(AddressError) as caught:
        listen(host, 0)
    assert host[:50] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_url_is_that_of_the_socket():
    with listen("127.0.0.1", 0) as listening:
        assert url_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}/"


def test_a_dashboard_listens_on_the_loopback_only():
    with listen("127.0.0.1", 0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


GET = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def address(finished_run, monkeypatch):
    """The address of a dashboard with little patience, which accepts four clients."""
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    monkeypatch.setattr(server, "most_connections", lambda: 4)
    with listen("127.0.0.1", 0) as listening:
        serving = Server(Dashboard([finished_run.path]))
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()
        serving.should_exit = True
        thread.join()


def connected(address):
    client = socket.create_connection(address)
    client.settimeout(20)
    return client


def test_a_client_that_says_nothing_is_disconnected(address):
    with connected(address) as client:
        assert client.recv(1) == b""


def drip(client):
    client.sendall(GET[:30])
    for _ in range(200):
        client.sendall(b"x")
        time.sleep(0.1)


def test_so_is_one_that_never_comes_to_an_end(address):
    with connected(address) as client, pytest.raises(OSError, match=r"reset|pipe|abort"):
        drip(client)


def answered(client):
    client.request("GET", "/version")
    answer = client.getresponse()
    answer.read()
    return answer.status == 200


def test_one_that_asks_now_and_then_is_answered_on_one_connection(address):
    with closing(HTTPConnection("localhost", address[1], timeout=20)) as client:
        client.connect()
        own = client.sock
        for _ in range(4):
            assert answered(client)
            assert client.sock is own
            time.sleep(0.2)


def test_those_that_are_too_many_are_turned_away_and_others_served_later(address):
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(address)) for _ in range(12)]
        assert all(client.recv(1) == b"" for client in clients)
    with closing(HTTPConnection("localhost", address[1], timeout=20)) as client:
        assert answered(client)


def test_too_many_open_files_are_told_once_and_other_errors_as_ever(capsys, caplog):
    loop, complaints = asyncio.new_event_loop(), Complaints()
    for _ in range(3):
        complaints(loop, {"message": "accept", "exception": OSError(errno.EMFILE, "Too many open files")})
    complaints(loop, {"message": "a bug", "exception": ZeroDivisionError()})
    loop.close()
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "warning: too many open files; some clients wait (ulimit -n allows more)"
    assert "a bug" in caplog.text
