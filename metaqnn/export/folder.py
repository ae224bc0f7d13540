"""A folder that is there wholly or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from metaqnn.export.errors import ExportError
from trainers.files import alone, synchronise


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill. When the block ends well it becomes `target`, else it is removed.

    Raises:
        ExportError: `target` is no name, holds something, cannot be written, or is being written.
    """
    if target.name in ("", ".."):
        raise ExportError(f"--to {str(target)!r} is no name of a new folder; give one")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ExportError(
            f"--to {str(target)!r} is there already and is not an empty folder: name another one"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with alone(_beside(target, "lock")), _filled(_beside(target, "new")) as folder:
            yield folder
            for path in (*folder.iterdir(), folder):
                synchronise(path)
            if target.is_dir():
                target.rmdir()
            folder.rename(target)
            synchronise(target.parent)
    except Timeout:
        raise ExportError(f"another process is exporting to {str(target)!r}") from None
    except OSError as error:
        where = f": {error.filename!r}" if error.filename else ""
        raise ExportError(f"cannot write --to {str(target)!r}: {error.strerror or error}{where}") from error


@contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    """A new folder in the place of what a killed process may have left there; removed in the end."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.metaqnn-{kind}")
