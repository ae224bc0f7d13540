"""Removing what killed processes have left half written."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

STALE_AFTER = 3600.0
"""Seconds without a change after which nobody writes any more: a download without an answer ends in less."""


def remove_stale(folder: Path, pattern: str) -> None:
    """Remove the files and folders in ``folder`` whose names match and in which nothing changes any more.

    What cannot be looked at or removed stays. Process numbers would tell less: the folder may be shared by
    several machines.
    """
    oldest = time.time() - STALE_AFTER
    for path in folder.glob(pattern):
        try:
            if max(file.lstat().st_mtime for file in (path, *path.rglob("*"))) > oldest:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError:  # another process may be removing it too, or it belongs to another user
            continue
