"""The state of one training on disk, so that it goes on after a kill as if nothing had happened.

A file holds tensors and plain values in PyTorch's format, read with `weights_only=True` so that nothing in it
can run code, and ends with the SHA-256 of what comes before.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from io import BufferedWriter, BytesIO, FileIO
from math import inf
from pathlib import Path
from typing import Any, cast, get_type_hints

import torch
from torch import Tensor

from trainers.files import replacement
from trainers.memory import allocation_guard, failed_allocation
from trainers.results import EpochReport, EpochReportError

# Raised whenever the content or the order of a network's parameters changes: older files are then ignored.
_FORMAT = 1
BEGUN = {"format", "identity"}
"""What a file holds of a training that has begun and has no epoch yet."""
_KINDS = list(get_type_hints(EpochReport).values())
_DIGEST_SIZE = hashlib.sha256().digest_size
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SavedTraining:
    """A training after a finished epoch."""

    reports: tuple[EpochReport, ...]
    """Every finished epoch of every attempt, in order; at least one."""
    seconds: float
    """Wall time of the training up to here."""
    network: dict[str, Tensor]
    """`state_dict` of the network, after the last epoch of `reports`."""
    optimizer: dict[int, dict[str, Tensor]]
    """The `state` of the optimizer's `state_dict`: moments and steps of each parameter."""


class Checkpoint:
    """One file that holds a finished epoch of one training, the last one that was saved, or nothing.

    Until an epoch is saved, it may hold which training has begun.

    It is written beside its final name, flushed to the disk, and renamed: after a kill or a power cut there
    is the old state or the new one. A file that is truncated or damaged, of another format, or that holds no
    training, counts as nothing; what an interrupted write left behind (the name with `.tmp`) is never read,
    and is removed by the next write.

    Args:
        path: the file; its folder exists. One training uses it at a time.
        every: shortest time between two saves, in seconds, each at the end of an epoch; 0 saves every epoch.
            The last epoch, and one that failed or diverged, are saved whenever they come. After a kill, the
            epochs since the last save are trained again.
    """

    def __init__(self, path: str | Path, every: float = 0.0) -> None:
        self.path = Path(path)
        self.every = every

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
        write_content(content, self.path)

    def begin(self, identity: Mapping[str, str]) -> None:
        """Replace what the file holds by which training has begun, of which it holds no epoch yet.

        Raises OSError where it cannot be written; the file is then as it was.
        """
        write_content({"format": _FORMAT, "identity": dict(identity)}, self.path)

    def load(
        self, identity: Mapping[str, str] | None, check: Callable[[SavedTraining], None] | None = None
    ) -> SavedTraining | None:
        """What the file holds, its tensors on the CPU; None if there is nothing that can be used.

        What was saved under another identity cannot be used either; None accepts any. Nor can a training for
        which `check` raises UnusableFile.
        """
        try:
            content = read_content(self.path, _FORMAT)
            if identity is not None:
                _check_identity(content.get("identity"), identity)
            if content.keys() == BEGUN:
                return None
            saved = _training(content)
            if check is not None:
                check(saved)
        except FileNotFoundError:
            return None
        except (OSError, UnusableFile) as error:
            reason = getattr(error, "strerror", None) or error
            _LOG.warning("checkpoint %s is ignored: %s", self.path, reason)
            return None
        return saved

    def only_begun(self) -> bool:
        """Whether the file holds which training has begun, and no epoch of it."""
        with suppress(OSError, UnusableFile):
            return read_content(self.path, _FORMAT).keys() == BEGUN
        return False

    def is_of(self, identity: Mapping[str, str]) -> bool:
        """Whether the file holds a training with that identity, or says that it has begun.

        A file that cannot be used does neither. Raises OutOfMemory.
        """
        with suppress(OSError, UnusableFile), allocation_guard():
            return bool(read_content(self.path, _FORMAT).get("identity") == dict(identity))
        return False

    def discard(self) -> None:
        """Remove the file and what an interrupted write left; both may be missing."""
        self.path.unlink(missing_ok=True)
        temporary_name(self.path).unlink(missing_ok=True)


class UnusableFile(Exception):  # noqa: N818 - answered by doing without
    """The file is not as it was written, or not by this version."""


class _DigestingFile(BufferedWriter):
    """A file to write that keeps the digest of what it was given."""

    def __init__(self, path: Path) -> None:
        super().__init__(FileIO(path, "xb"))  # follows no link
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return super().write(data)


def temporary_name(path: Path) -> Path:
    """Where a file is written before it takes the place of `path`."""
    return path.with_name(path.name + ".tmp")


def write_content(content: dict[str, Any], path: Path) -> None:
    """Replace a file by tensors and plain values. Raises OSError; the file is then as it was."""
    with replacement(path, temporary_name(path), _DigestingFile) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # PyTorch's writer hides what the file raised behind an error of its own.
            raise error.__context__ or error from None
        file.write(file.digest.digest())


def read_content(path: Path, *formats: int) -> dict[str, Any]:
    """What `write_content` wrote, tensors on the CPU; runs no code, whatever the file holds.

    Raises OSError, MemoryError, and UnusableFile if the checksum is wrong or `content["format"]` is none of
    `formats`.
    """
    if path.exists() and not path.is_file():  # a pipe, for example, from which nothing may ever come
        raise UnusableFile("it is not a file")
    data = path.read_bytes()
    if hashlib.sha256(memoryview(data)[:-_DIGEST_SIZE]).digest() != data[-_DIGEST_SIZE:]:
        raise UnusableFile("it is incomplete or damaged, its checksum does not match")
    try:
        content = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # made by somebody else: which one depends on what it holds
        if isinstance(error, RuntimeError) and (lack := failed_allocation(error)):  # on the CPU
            raise MemoryError(lack) from None
        raise UnusableFile(f"it is not a file of tensors and plain values: {type(error).__name__}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if not isinstance(found, int) or found.bit_length() > 63:  # nothing to compare or to print
        found = None
    if found not in formats:
        known = " and ".join(map(str, formats))
        raise UnusableFile(f"it has format {found}, this version reads format {known}")
    return cast(dict[str, Any], content)


def are_tensors(value: object) -> bool:
    """Whether that is a dictionary of ordinary tensors, all of whose numbers were in the file."""
    return isinstance(value, dict) and all(
        isinstance(tensor, Tensor)
        and tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and tensor.nbytes <= tensor.untyped_storage().nbytes()
        for tensor in value.values()
    )


def forms(tensors: Mapping[Any, Any]) -> dict[Any, Any]:
    """Names, shapes and number formats of the tensors in nested dictionaries."""
    return {
        name: forms(value) if isinstance(value, Mapping) else (value.shape, value.dtype)
        for name, value in tensors.items()
    }


def _training(content: Mapping[str, Any]) -> SavedTraining:
    """Inverse of what `save` makes of a training. Raises UnusableFile."""
    reports = tuple(map(_report, _listed(content.get("reports"))))
    if not reports:
        raise UnusableFile("it has no epoch")
    seconds, network, optimizer = (content.get(name) for name in ("seconds", "network", "optimizer"))
    if not isinstance(seconds, float) or not 0 <= seconds < inf:
        raise UnusableFile("it has no time")
    moments = optimizer.values() if isinstance(optimizer, dict) else (optimizer,)
    if not all(map(are_tensors, (network, *moments))):
        raise UnusableFile("it has no tensors of a network and its optimizer")
    return SavedTraining(reports, seconds, cast(Any, network), cast(Any, optimizer))


def _listed(value: object) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def _report(fields: object) -> EpochReport:
    values = _listed(fields)
    if list(map(type, values)) == _KINDS:
        with suppress(EpochReportError):
            return EpochReport(*values)
    raise UnusableFile("it has epochs that no training reports")


def _check_identity(saved: object, wanted: Mapping[str, str]) -> None:
    if not isinstance(saved, dict) or not all(isinstance(x, str) for pair in saved.items() for x in pair):
        raise UnusableFile("it does not say which training it belongs to")
    for name in sorted({*saved, *wanted}):
        there, here = saved.get(name), wanted.get(name)
        if there != here:
            raise UnusableFile(f"it is of another training, its {name} is {there!r}, not {here!r}")
