"""Files and power cuts: in the lowest room for all above that write, though not about networks."""

import os
from pathlib import Path


def synchronise(path: Path) -> None:
    """Put a file's content, or a folder's names, onto the disk; Windows does so with names by itself.

    Raises:
        OSError: there is no such file or folder, or the disk refuses.
    """
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
