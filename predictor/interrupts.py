"""Signals that end a program, such as Ctrl-C: during imports, and where Python drops exceptions."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HANGUP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
"""The signal of a closed terminal, on systems that have it."""


def interrupt(
    number: int, frame: FrameType | None, error: type[KeyboardInterrupt] = KeyboardInterrupt
) -> None:
    """A signal handler that raises KeyboardInterrupt, or `error`, but not in the middle of an import.

    There it would leave half a library behind: some modules take the error for a missing package and go on,
    others cannot be loaded again. The interrupt is tried again every 20 ms until the import is done.
    """
    if _importing(frame):
        _try_again(number)
    else:
        raise error(number)


@contextmanager
def dropped_interrupts_repeated() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block once more if Python has dropped it.

    Python drops what is raised where nothing can catch it: in `__del__`, and in callbacks of weak references.
    """
    before = sys.unraisablehook

    def repeat(dropped: sys.UnraisableHookArgs) -> None:
        if isinstance(dropped.exc_value, KeyboardInterrupt):
            _try_again(next(iter(dropped.exc_value.args), signal.SIGINT))
        else:
            before(dropped)

    sys.unraisablehook = repeat
    try:
        yield
    finally:
        sys.unraisablehook = before


def interrupt_on_signals() -> None:
    """Let SIGINT (Ctrl-C), SIGTERM and SIGHUP raise KeyboardInterrupt: all end a program the same way.

    Signals that are ignored stay ignored, as in a shell's background or under nohup, and handlers of a caller
    stay as they are.
    """
    for number in (signal.SIGINT, signal.SIGTERM, *HANGUP):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, interrupt)


@contextmanager
def ignored_by_children(*numbers: int) -> Iterator[None]:
    """Make processes that are started in this block ignore these signals from the very beginning.

    A terminal sends its signals to all processes, but this one decides what the others do. It ignores them in
    the block, too. Only the main thread has handlers; in any other thread this does nothing, nor with a
    handler that Python has not set and could not put back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in handlers.items() if handler is not None}
    try:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _try_again(number: int) -> None:
    again = threading.Timer(0.02, _thread.interrupt_main, (number,))
    again.daemon = True
    again.start()


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
