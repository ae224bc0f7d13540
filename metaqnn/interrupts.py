"""Signals that must not interrupt a write, and streams that are closed or that nobody reads any more."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO, TextIOWrapper
from types import FrameType
from typing import Any, TextIO

from predictor.interrupts import interrupt


class TimeUp(KeyboardInterrupt):
    """The time limit has passed; ends the work as Ctrl-C does."""


HANGUP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
"""A closed terminal, where there is such a thing."""
ALARM = (signal.SIGALRM,) if hasattr(signal, "SIGALRM") else ()
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SIGNALS = (signal.SIGINT, signal.SIGTERM, *HANGUP, *ALARM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP until the block is done, then deliver them.

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


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TimeUp in the block after this many seconds; no limit if None or if the system has no alarms."""
    if seconds is None or not ALARM:
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def interrupt_on_termination() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does: all stop a search the same way.

    SIGHUP stays ignored where it was, as under nohup.
    """
    signal.signal(signal.SIGTERM, interrupt)
    for number in HANGUP:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)


def open_closed_streams() -> None:
    """Point streams that the shell has closed (`2>&-`) at nothing, so that no file takes their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115 - gets the stream's own number, the lowest
            os.set_inheritable(stream.fileno(), True)  # by worker processes
            setattr(sys, name, stream)


class _Forgiving(FileIO):
    """A file that takes what it has no room for, and forgets it."""

    def write(self, content: Any) -> int:
        """Write what can be written."""
        try:
            return super().write(content) or 0
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            return len(content)


def go_on_without_stderr() -> None:
    """Let a full disk under standard error cost what is said there, but nothing else."""
    stream = sys.stderr
    if stream is sys.__stderr__ and isinstance(stream, TextIOWrapper) and not stream.isatty():
        raw = BufferedWriter(_Forgiving(stream.fileno(), "wb", closefd=False), 1)
        sys.stderr = TextIOWrapper(raw, stream.encoding, stream.errors, line_buffering=True)


def drop(stream: TextIO) -> None:
    """Discard what is left to write to a failed stream, which would otherwise fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
