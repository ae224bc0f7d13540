"""Signals that must not interrupt a write."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

from predictor.interrupts import HANGUP, interrupt


class TimeUp(KeyboardInterrupt):
    """The time limit has passed; ends the work as Ctrl-C does."""


ALARM = (signal.SIGALRM,) if hasattr(signal, "SIGALRM") else ()
SIGNALS = (signal.SIGINT, signal.SIGTERM, *HANGUP, *ALARM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer SIGINT, SIGTERM, SIGHUP and SIGALRM until the block is done, then deliver the first of them.

    Signals that are ignored stay ignored. Only the main thread receives signals; in any other thread this
    does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    before: dict[int, Any] = {}
    try:
        for number in SIGNALS:
            if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None):
                before[number] = handler
                signal.signal(number, lambda *received: held.append(received))
        yield
    finally:
        _give_back(before)
        for number, frame in held[:1]:
            _deliver(number, frame)


def _give_back(handlers: Mapping[int, Any]) -> None:
    """Install all these handlers, even if one of them is called meanwhile; then raise what it raised."""
    raised: KeyboardInterrupt | None = None
    while True:
        try:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            break
        except KeyboardInterrupt as error:
            raised = raised or error
    if raised is not None:
        raise raised


def _deliver(number: int, frame: FrameType | None) -> None:
    handler = signal.getsignal(number)
    if callable(handler):
        handler(number, frame)
    elif handler == signal.SIG_DFL:
        signal.raise_signal(number)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TimeUp in the block after this many seconds; no limit if None or if the system has no alarms."""
    if seconds is None or not ALARM:
        yield
        return

    before = signal.signal(signal.SIGALRM, partial(interrupt, error=TimeUp))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
