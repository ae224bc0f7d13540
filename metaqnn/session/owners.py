"""Who works on a run folder: what its owner has written there, and whether that is still true."""

from __future__ import annotations

import os
import re
from pathlib import Path

from predictor.files import small_text


def owner_in(file: Path) -> re.Match[str] | None:
    """What an owner has written; None while it is being written or removed, and for anything else."""
    try:
        return re.fullmatch(r"process (\d{1,9}) on ([\w.-]+)", small_text(file).strip())
    except (OSError, ValueError):
        return None


def has_lock(process: int, lock: Path) -> bool:
    """Whether a process of this machine has a lock; where locks cannot be asked, whether it lives.

    Another process may have the number of one that was killed. Asking takes the lock for an instant.
    """
    try:
        from fcntl import LOCK_NB, LOCK_SH, flock

        file = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            flock(file, LOCK_SH | LOCK_NB)
        finally:
            os.close(file)
    except BlockingIOError:
        return True
    except (ImportError, OSError):  # no such locks on this system, or not on this file system
        return _lives(process)
    return False


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
