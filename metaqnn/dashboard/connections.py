"""Connections to a dashboard: idle and endless ones are closed, and only so many are open at a time."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 10.0
"""Seconds between two looks at a connection; who has got on with nothing in between is disconnected."""
BACKLOG = 32
"""Connections that are accepted at once."""
NO_FILES = {errno.EMFILE, errno.ENFILE}


def most_connections() -> int:
    """How many may be open: a quarter of the files that this process may have, 1000 at most."""
    files = os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else -1
    return 1000 if files < 0 else max(8, min(files // 4, 1000))


class Connection(H11Protocol):
    """HTTP/1.1, for clients that ask whole questions and read the answers."""

    _seen: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the client, unless there are too many."""
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
    """What an event loop calls where something fails: too many open files are told once, not each time."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell the user."""
        if getattr(context.get("exception"), "errno", None) not in NO_FILES:
            loop.default_exception_handler(context)
        elif not self._told:
            self._told = True
            print("warning: too many open files; some clients wait (ulimit -n allows more)", file=sys.stderr)
