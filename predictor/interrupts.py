"""Ctrl-C while libraries are being loaded."""

from __future__ import annotations

import _thread
import signal
import threading
from types import FrameType


def interrupt(number: int, frame: FrameType | None) -> None:
    """A signal handler that raises KeyboardInterrupt, but not in the middle of an import.

    There it would leave half a library behind: some modules take it for a missing package and go on, others
    cannot be loaded again. It is tried again every 20 ms until the import is done.
    """
    if _importing(frame):
        again = threading.Timer(0.02, _thread.interrupt_main, (number,))
        again.daemon = True
        again.start()
    else:
        raise KeyboardInterrupt


def interrupt_between_imports() -> None:
    """Let Ctrl-C wait for the end of an import; it stays ignored where it was, as in a shell's background."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
