"""Writes an export: every format, read back and checked, then the description; wholly or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import Timeout

from metaqnn.export.card import ExportError
from metaqnn.export.check import Check, check_of
from metaqnn.export.exportable import Exportable
from metaqnn.export.formats import Format, chosen_formats
from trainers.files import alone, synchronise

PASSES_OF_CHECK = 2
"""How often the trained network classifies the images, besides once for each format."""


def export_network(
    exportable: Exportable,
    target: Path,
    formats: Sequence[str],
    heard: Callable[[int], object] = lambda _: None,
) -> dict[str, Any]:
    """Write a network into a new folder.

    Args:
        exportable: the network.
        target: the folder, which is new or empty.
        formats: names in `FORMATS`.
        heard: is told how many more images were classified.

    Returns:
        What is in `model.json`.

    Raises:
        ExportError: packages are missing, the folder holds something, or a file that was written does not
            reach the accuracy that was observed. Then no folder is made.
    """
    chosen = chosen_formats(formats)
    with new_folder(target) as folder:
        network = exportable.card.title
        check = check_of(exportable.evidence, exportable.network, exportable.normalisation, network, heard)
        for made in chosen.values():
            made.write(folder, exportable.card, exportable.network.weights)
        files = {made.file: _checked(folder, made, check, heard) for made in chosen.values()}
        if exportable.files is not None:
            files["model.py"]["opened"] = exportable.files.check(folder)
        facts = exportable.card.to_dict(files)
        (folder / "model.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
        (folder / "README.md").write_text(exportable.card.readme(files), "utf-8")
    return facts


def _checked(folder: Path, made: Format, check: Check, heard: Callable[[int], object]) -> dict[str, Any]:
    hits = check.evidence.hits(made.read(folder), heard)
    check.require(made.file, hits)
    return {
        "sha256": hashlib.sha256((folder / made.file).read_bytes()).hexdigest(),
        "part": check.evidence.part,
        "images": len(check.evidence.images),
        "correct": sum(hits),
        "allowed_difference": check.allowed,
    }


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill. When the block ends well, it becomes `target`; otherwise it is removed.

    Raises:
        ExportError: `target` is no name or a link, holds something, cannot be written, or is being written.
    """
    _require_new(target)
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


def _require_new(target: Path) -> None:
    """Refuse what cannot become the folder of an export."""
    if target.name in ("", ".."):
        raise ExportError(f"--to {str(target)!r} is not the name of a new folder; give one")
    if str(target.resolve()).encode(errors="replace") != os.fsencode(target.resolve()):
        raise ExportError(
            f"--to {str(target)!r} is not UTF-8, and neither PyTorch nor ONNX can write there; name another"
        )
    if target.is_symlink():
        raise ExportError(f"--to {str(target)!r} is a link; name a new folder")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ExportError(f"--to {str(target)!r} already exists and is not an empty folder; name another one")


@contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    """A new folder, in place of what a killed process may have left there; removed in the end."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.metaqnn-{kind}")
