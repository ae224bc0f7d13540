"""Where a dashboard is served."""

import socket

import pytest

from metaqnn.dashboard import server
from metaqnn.dashboard.server import AddressError, listen, url_of


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


@pytest.mark.parametrize("host", ["nowhere.invalid", "203.0.113.1", "not a host"])
def test_a_host_that_is_not_this_machine_is_named(host):
    with pytest.raises(AddressError) as caught:
        listen(host, 0)
    assert host in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_url_is_that_of_the_socket():
    with listen("127.0.0.1", 0) as listening:
        assert url_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}/"


def test_a_dashboard_listens_on_the_loopback_only():
    with listen("127.0.0.1", 0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
