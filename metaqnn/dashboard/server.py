"""Serves a dashboard on a free address, until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket

import uvicorn

from metaqnn.dashboard.application import Dashboard
from metaqnn.dashboard.connections import BACKLOG, Complaints, Connection

FIRST_PORT = 8500
TRIES = 100


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
    gc.freeze()  # what was imported stays: collections while figures are drawn need not walk through it
    Server(dashboard).run(sockets=[listening])


class Server(uvicorn.Server):
    """Serves a dashboard; when it shuts down, nobody is left waiting for figures."""

    def __init__(self, dashboard: Dashboard) -> None:
        config = uvicorn.Config(
            dashboard,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            log_level="error",  # what clients do wrong, they are told
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
    except OSError as error:
        raise AddressError(f"--host {host!r} is not an address of this machine: {error.strerror}") from None
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
