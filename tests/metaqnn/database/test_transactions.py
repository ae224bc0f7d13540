"""Events on PostgreSQL are applied exactly once, wherever the connection is cut."""

import os
import signal
import socket
import threading
import time
from contextlib import closing, suppress

import pytest
from sqlalchemy import event

from metaqnn.database import ReplayDatabase, ownership, transactions
from metaqnn.database.engine import UnreachableError
from trainers import EpochReport

NETWORK = {"number": 1, "architecture": "[SM(10)]", "num_params": 0, "depth": 1, "parameters": 9, "macs": 9}


class Wire:
    """A relay on the loopback interface that can cut a connection around a COMMIT."""

    def __init__(self, port):
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        # At the next COMMIT: "before" the server hears of it, "after" it has but nobody hears back, or
        # "half-open": as before, but the server does not notice that anything was cut.
        self.cut = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):  # until `close`
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._target)
                except OSError:
                    client.close()
                    continue
                for relay, ends in ((self._ask, (client, server)), (self._answer, (server, client))):
                    threading.Thread(target=relay, args=ends, daemon=True).start()

    def _ask(self, client, server):
        with suppress(OSError):
            while data := client.recv(2**16):
                cut, self.cut = (self.cut, None) if b"COMMIT" in data else (None, self.cut)
                if cut is not None:
                    client.shutdown(socket.SHUT_RDWR)
                if cut == "half-open":
                    return
                if cut != "before":
                    server.sendall(data)
                if cut is not None:
                    break
            time.sleep(0.3)  # the server has time to commit
            server.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _answer(server, client):
        with suppress(OSError):
            while data := server.recv(2**16):
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.close()


@pytest.fixture
def wire(server):
    wire = Wire(server.port)
    yield wire
    wire.close()


@pytest.fixture
def database(new_postgresql, wire, record, monkeypatch):
    monkeypatch.setattr(ownership, "LOCK_SECONDS", 0.2)
    database = ReplayDatabase.create(new_postgresql().set(port=wire.port), record)
    yield database
    database.close()


def report(epoch):
    return EpochReport(1, 0.001, epoch, 0.5, 1.0, 0.1)


@pytest.mark.parametrize("cut", ["before", "after", "half-open"])
def test_a_lost_commit_is_made_once_and_the_user_is_told(database, wire, caplog, cut):
    wire.cut = cut
    network_id = database.propose(0, 1.0, NETWORK)
    wire.cut = cut
    database.repeat(1, 1.0, network_id, None)
    wire.cut = cut
    database.add_epoch(network_id, report(1))
    database.add_epoch(network_id, report(2))
    assert wire.cut is None
    assert [row.id for row in database.stored_networks()] == [network_id]
    assert [tuple(row)[:2] for row in database.stored_samples()] == [(0, network_id), (1, network_id)]
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 6  # lost and back, for each of the first three events
    assert "cannot be reached" in messages[0]
    assert "the database is back" in messages[1]


def test_only_a_commit_that_was_made_is_not_repeated(database, wire):
    calls = []

    def write(connection):
        calls.append(1)
        connection.exec_driver_sql("UPDATE searches SET seconds = seconds + 1")
        return len(calls)

    wire.cut = "after"
    assert transactions.run_transaction(database.engine, write) == 1
    wire.cut = "before"
    assert transactions.run_transaction(database.engine, write) == 3
    assert database._seconds() == 2


@pytest.mark.parametrize("statement", range(1, 4))
def test_an_event_that_is_cut_at_any_statement_is_there_once(database, server, statement):
    database.propose(0, 1.0, NETWORK)
    seen = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def cut(connection, *_):
        seen.append(1)
        if len(seen) == statement:
            pid = connection.connection.dbapi_connection.info.backend_pid
            with server.admin() as admin:
                admin.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")

    database.add_epoch(1, report(1))
    assert len(seen) > 3 >= statement
    with closing(database.engine.connect()) as connection:
        assert connection.exec_driver_sql("SELECT epoch FROM epochs").fetchall() == [(1,)]


def test_a_server_that_stays_away_is_given_up_in_one_line(database, server, monkeypatch):
    monkeypatch.setattr(transactions, "PATIENCE", 0.5)
    server.stop()
    try:
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=r"given up after 0 s.*resume with metaqnn run") as error:
            database.propose(0, 1.0, NETWORK)
        assert 0.5 < time.monotonic() - began < 60
        assert "\n" not in str(error.value)
    finally:
        server.start()
    database.propose(0, 1.0, NETWORK)
    assert len(database.stored_networks()) == 1


def test_ctrl_c_ends_the_waiting(database, server):
    server.stop()
    try:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            database.propose(0, 1.0, NETWORK)
        assert time.monotonic() - began < 60
    finally:
        server.start()
    assert database.stored_networks() == []


def test_other_errors_are_not_waited_for(database):
    with pytest.raises(ZeroDivisionError):
        transactions.run_transaction(database.engine, lambda connection: 1 / 0)
