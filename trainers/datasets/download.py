"""First-use downloads through torchvision, which verifies the checksum of what it fetched."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from trainers.datasets.dataset import DatasetError, one_line
from trainers.datasets.named import NamedSet
from trainers.datasets.walk import remove_stale
from trainers.files import synchronise

TIMEOUT = 30.0
"""Seconds without an answer after which the network counts as absent."""

_PREFIX = ".metaqnn-download-"


def download(name: str, named: NamedSet, root: Path, extra: bool, looked_for: str) -> None:
    """Download a named data set into `root`.

    Everything lands in a folder beside its place first and is moved when complete, so an interrupted
    download leaves nothing that looks like a data set.

    Args:
        name: its name.
        named: how to fetch it.
        root: folder that gets torchvision's layout; made if need be.
        extra: whether the extra training set is wanted.
        looked_for: says in the error where its files would have been found.

    Raises:
        DatasetError: no network, a failed checksum, or `root` cannot be written.
    """
    missing = [file for file in named.files(extra) if not (root / file).exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
        remove_stale(root, f"{_PREFIX}*")
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=root) as temporary:
            with _socket_timeout(TIMEOUT), redirect_stdout(sys.stderr):
                named.fetch(Path(temporary), missing)
            for file in missing:
                _move(Path(temporary, file), root / file)
    # OSError: network and disk; RuntimeError: torchvision's for checksums and failing mirrors.
    except (OSError, RuntimeError, EOFError) as error:
        raise DatasetError(f"cannot download {name!r} ({one_line(error)}); {looked_for}") from error


def _move(source: Path, target: Path) -> None:
    """Move a file or folder whose content is on the disk, so that no power cut leaves a name without it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in (*source.rglob("*"), source):
        synchronise(path)
    try:
        os.replace(source, target)
    except OSError:
        if not target.exists():  # else another process was faster; its copy is as good
            raise
    synchronise(target.parent)


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """torchvision sets no time limit; without one a dead network hangs for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
