"""Ctrl-C and termination never cut a write in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HANGUP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
"""A closed terminal, where there is such a thing."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, *HANGUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back SIGINT, SIGTERM and SIGHUP until the block is done, then deliver them.

    Only the main thread receives signals; in any other thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    handlers = {number: signal.signal(number, lambda *received: held.append(received)) for number in SIGNALS}
    try:
        yield
    finally:
        for watched, handler in handlers.items():
            signal.signal(watched, handler)
        for number, frame in held[:1]:
            _deliver(number, frame)


def _deliver(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(number)
    if callable(handler):
        handler(number, frame)
    elif handler == signal.SIG_DFL:
        signal.raise_signal(number)


def interrupt_on_termination() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does: all stop a search the same way.

    SIGHUP stays ignored where it was, as under nohup.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    for number in HANGUP:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
