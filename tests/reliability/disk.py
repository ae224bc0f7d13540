"""A disk whose power can be cut: an ext4 file system in a file, for root on Linux.

Its image is the file `DISK.img` beside the folder DISK at which it is mounted.
"""

import fcntl
import os
import struct
import subprocess
from pathlib import Path

SIZE = "64M"
SHUTDOWN = 0x8004587D
"""Linux's EXT4_IOC_SHUTDOWN: nothing more reaches the disk until it is mounted again."""
FLUSH_JOURNAL, FLUSH_NOTHING = 1, 2


def make_disk(disk: Path) -> bool:
    """Make a disk and mount it. Returns whether that is possible here."""
    disk.mkdir()
    image = _image(disk)
    try:
        subprocess.run(["truncate", "-s", SIZE, image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["mount", "-o", "loop", image, disk], check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def cut_power(disk: Path, names_survive: bool) -> None:
    """Lose all that was not flushed, then bring the power back. No process may be writing to the disk.

    Args:
        disk: where it is mounted.
        names_survive: keep files made, renamed and removed even where that was not flushed, as if the cut had
            come seconds later; unflushed content is still lost.
    """
    handle = os.open(disk, os.O_RDONLY)
    flags = FLUSH_JOURNAL if names_survive else FLUSH_NOTHING
    fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", flags))
    os.close(handle)
    subprocess.run(["umount", disk], check=True)
    subprocess.run(["mount", "-o", "loop", _image(disk), disk], check=True)


def _image(disk: Path) -> Path:
    return disk.with_name(f"{disk.name}.img")
