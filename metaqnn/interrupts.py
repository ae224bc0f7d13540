"""Ctrl-C and termination never cut a write in two."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM until the block is done, then deliver them.

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
    """Let SIGTERM raise KeyboardInterrupt, as Ctrl-C does, so that both stop a search the same way."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
