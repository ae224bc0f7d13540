"""The state of one training on disk, so that it goes on after a kill as if nothing had happened.

A file holds tensors and plain values in PyTorch's format, read with `weights_only=True` so that nothing in it
can run code, and ends with the SHA-256 of what comes before.
"""

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from io import BufferedWriter, BytesIO, FileIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.results import EpochReport

# Raised whenever the content or the order of a network's parameters changes: older files are then ignored.
_FORMAT = 1
_DIGEST_SIZE = hashlib.sha256().digest_size
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SavedTraining:
    """A training after its last finished epoch."""

    reports: tuple[EpochReport, ...]
    """Every finished epoch of every attempt, in order; at least one."""
    seconds: float
    """Wall time of the training up to here."""
    network: dict[str, Tensor]
    """`state_dict` of the network, after the last epoch of `reports`."""
    optimizer: dict[int, Any]
    """The `state` of the optimizer's `state_dict`: moments and steps of each parameter."""


class Checkpoint:
    """One file that holds the last finished epoch of one training, or nothing.

    It is written beside its final name, flushed to the disk, and renamed: after a kill or a power cut there
    is the old state or the new one. A file that is truncated or damaged, or of another format, counts as
    nothing; what an interrupted write left behind (the name with `.tmp`) is never read, and is overwritten by
    the next write.

    Args:
        path: the file; its folder exists. One training uses it at a time.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def save(self, training: SavedTraining, identity: Mapping[str, str]) -> None:
        """Replace what the file holds. `identity` says which training this is, and is compared by `load`.

        Raises OSError where it cannot be written; the file is then as it was.
        """
        content = {
            "format": _FORMAT,
            "identity": dict(identity),
            "reports": [astuple(report) for report in training.reports],
            "seconds": training.seconds,
            "network": training.network,
            "optimizer": training.optimizer,
        }
        with _replacement(self.path, self._temporary) as file:
            _write(content, file)

    def load(self, identity: Mapping[str, str]) -> SavedTraining | None:
        """What the file holds, its tensors on the CPU; None if there is nothing that can be used.

        What was saved under another identity cannot be used either.
        """
        try:
            content = _read(self.path)
            _check_identity(content["identity"], identity)
        except FileNotFoundError:
            return None
        except (OSError, _Unusable) as error:
            _LOG.warning("checkpoint %s is ignored: %s", self.path, error)
            return None
        reports = tuple(EpochReport(*fields) for fields in content["reports"])
        return SavedTraining(reports, content["seconds"], content["network"], content["optimizer"])

    def discard(self) -> None:
        """Remove the file and what an interrupted write left; both may be missing."""
        self.path.unlink(missing_ok=True)
        self._temporary.unlink(missing_ok=True)

    @property
    def _temporary(self) -> Path:
        return self.path.with_name(self.path.name + ".tmp")


class _Unusable(Exception):  # noqa: N818 - answered by doing without
    """The file is not as it was written, or not by this version."""


class _DigestingFile(BufferedWriter):
    """A file to write that keeps the digest of what it was given."""

    def __init__(self, path: Path) -> None:
        super().__init__(FileIO(path, "wb"))
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return super().write(data)


@contextmanager
def _replacement(path: Path, temporary: Path) -> Iterator[_DigestingFile]:
    """A file to write. When the block ends well it is on the disk and takes the place of `path`."""
    try:
        with _DigestingFile(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)  # on a full disk it would stand in the way
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a power cut; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(content: dict[str, Any], file: _DigestingFile) -> None:
    try:
        torch.save(content, file)
    except RuntimeError as error:
        # PyTorch's writer covers what the file raised with a complaint of its own.
        raise error.__context__ or error from None
    file.write(file.digest.digest())


def _read(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    if hashlib.sha256(memoryview(data)[:-_DIGEST_SIZE]).digest() != data[-_DIGEST_SIZE:]:
        raise _Unusable("it is incomplete or damaged, its checksum does not match")
    content: dict[str, Any] = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    if content["format"] != _FORMAT:
        raise _Unusable(f"it has format {content['format']}, this version reads format {_FORMAT}")
    return content


def _check_identity(saved: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    for name in sorted({*saved, *wanted}):
        there, here = saved.get(name), wanted.get(name)
        if there != here:
            raise _Unusable(f"it is of another training, its {name} is {there!r}, not {here!r}")
