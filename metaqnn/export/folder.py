"""A folder that is there wholly or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metaqnn.export.errors import ExportError
from metaqnn.files import synchronise


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill. When the block ends well it becomes `target`, else it is removed.

    Raises:
        ExportError: `target` holds something, or cannot be written.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ExportError(
            f"--to {str(target)!r} is there already and is not an empty folder: name another one"
        )
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        aside.parent.mkdir(parents=True, exist_ok=True)
        aside.mkdir()
        yield aside
        for path in (*aside.iterdir(), aside):
            synchronise(path)
        if target.is_dir():
            target.rmdir()
        aside.rename(target)
        synchronise(target.parent)
    except OSError as error:
        where = f": {error.filename!r}" if error.filename else ""
        raise ExportError(f"cannot write --to {str(target)!r}: {error.strerror or error}{where}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
