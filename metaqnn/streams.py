"""Standard streams that are closed, or that nobody reads any more."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def open_closed_streams() -> None:
    """Let streams that the shell has closed (`2>&-`) lead nowhere, not into the next file that is opened."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115 - gets the stream's own number, the lowest
            os.set_inheritable(stream.fileno(), True)  # by worker processes
            setattr(sys, name, stream)


def drop(stream: TextIO) -> None:
    """Let what is left to write to a stream that failed lead nowhere: it would fail again in the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
