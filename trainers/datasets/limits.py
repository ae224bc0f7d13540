"""How much memory images may take."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

MAX_BYTES = 16 * 2**30
"""Most bytes of a data set's images where the memory of the machine allows it."""
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@cache
def most_bytes() -> int:
    """Most bytes of images that are read into memory: half of the machine's or container's, at most 16 GiB.

    The other half is for the copies that resizing and training make.
    """
    limits = [2 * MAX_BYTES]
    for path in map(Path, _CGROUP_LIMITS):
        try:
            limits.append(int(path.read_text("ascii")))
        except (OSError, ValueError):  # there is no such file, or it says that there is no limit
            continue
    if hasattr(os, "sysconf"):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits) // 2
