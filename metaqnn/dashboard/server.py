"""Serves a dashboard on a free address, until Ctrl-C.

Idle and endless connections are closed, and the number of open ones is limited.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from metaqnn.dashboard.application import Dashboard
from predictor.output import NO_FILES
from state_space.errors import quoted

PATIENCE = 10.0
"""Seconds between two looks at a connection; a client that has made no progress since is disconnected."""
BACKLOG = 32
"""Connections that are accepted at once."""
FIRST_PORT = 8500
TRIES = 100


def most_connections() -> int:
    """How many may be open: a quarter of the files that this process may open, from 8 to 1000."""
    files = os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else -1
    return 1000 if files < 0 else max(8, min(files // 4, 1000))


class Connection(H11Protocol):
    """HTTP/1.1, for clients that send whole requests and read the answers."""

    _seen: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the client, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            transport.close()
        else:
            self.loop.call_later(PATIENCE, self._look)

    def _look(self) -> None:
        """Close the connection if nothing has happened since the last look."""
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        waits_for_us = answering and not self.flow.write_paused
        if self.cycle is self._seen and not waits_for_us:
            self.transport.close()
            return
        self._seen = self.cycle
        self.loop.call_later(PATIENCE, self._look)


class Complaints:
    """An event loop's handler of errors, which reports too many open files once, not each time."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell the user."""
        if getattr(context.get("exception"), "errno", None) not in NO_FILES:
            loop.default_exception_handler(context)
        elif not self._told:
            self._told = True
            print("warning: too many open files; some clients wait (ulimit -n allows more)", file=sys.stderr)


class AddressError(ValueError):
    """An address that cannot be served on."""


def listen(host: str, port: int | None = None) -> socket.socket:
    """A socket that listens.

    Args:
        host: name or IP address of this machine.
        port: 0 for any; None for the first free one from FIRST_PORT on.

    Raises:
        AddressError: the port is taken or not allowed, or this machine has no such address.
    """
    if port is not None:
        return _bound(host, port)
    for candidate in range(FIRST_PORT, FIRST_PORT + TRIES):
        try:
            return _bound(host, candidate)
        except _PortTakenError:
            continue
    raise AddressError(f"ports {FIRST_PORT} to {FIRST_PORT + TRIES - 1} are taken; give another --port")


def url_of(listening: socket.socket) -> str:
    """The address for the browser."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(dashboard: Dashboard, listening: socket.socket) -> None:
    """Serve until Ctrl-C, which raises KeyboardInterrupt once pending answers are sent, or after a second."""
    gc.freeze()  # imported modules stay: garbage collections while figures are drawn can skip them
    Server(dashboard).run(sockets=[listening])


class Server(uvicorn.Server):
    """Serves a dashboard; when it shuts down, nobody is left waiting for figures."""

    def __init__(self, dashboard: Dashboard) -> None:
        config = uvicorn.Config(
            dashboard,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            log_level="error",  # clients are told what they did wrong
            http=Connection,
            backlog=BACKLOG,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._dashboard = dashboard

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        asyncio.get_running_loop().set_exception_handler(Complaints())
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut the dashboard down first."""
        self._dashboard.end()
        await super().shutdown(sockets)


class _PortTakenError(AddressError):
    pass


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:  # the latter where a part between dots is empty or too long
        reason = getattr(error, "strerror", None) or error
        raise AddressError(f"--host {quoted(host)} is not an address of this machine: {reason}") from None
    try:
        if os.name == "posix":  # elsewhere this option would let two servers share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise _PortTakenError(f"port {port} of {host} is taken; give another --port") from None
        raise AddressError(f"cannot serve on {host} port {port}: {error.strerror}") from None
    return listening
