"""Writes an export: every format, read back and checked, then the description of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from metaqnn.export.candidate import Candidate
from metaqnn.export.check import Check, check_of
from metaqnn.export.folder import new_folder
from metaqnn.export.formats import Format, chosen_formats

PASSES_OF_CHECK = 2
"""Times that the trained network classifies the images, in addition to once for each format."""


def export_network(
    candidate: Candidate,
    target: Path,
    formats: Sequence[str],
    heard: Callable[[int], object] = lambda _: None,
) -> dict[str, Any]:
    """Write a network into a new folder.

    Args:
        candidate: the network.
        target: the folder, which is new or empty.
        formats: names in `FORMATS`.
        heard: is told how many more images were classified.

    Returns:
        What is in `model.json`.

    Raises:
        ExportError: packages are missing, the folder holds something, or a file that was written does not
            reach the accuracy that was observed. There is no folder then.
    """
    chosen = chosen_formats(formats)
    with new_folder(target) as folder:
        network = f"network {candidate.card.network}"
        check = check_of(candidate.evidence, candidate.network, candidate.normalisation, network, heard)
        for made in chosen.values():
            made.write(folder, candidate.card, candidate.network.weights)
        files = {made.file: _checked(folder, made, check, heard) for made in chosen.values()}
        facts = candidate.card.to_dict(files)
        (folder / "model.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
        (folder / "README.md").write_text(candidate.card.readme(files), "utf-8")
    return facts


def _checked(folder: Path, made: Format, check: Check, heard: Callable[[int], object]) -> Mapping[str, Any]:
    correct = check.evidence.correct(made.read(folder), heard)
    check.require(made.file, correct)
    return {
        "sha256": hashlib.sha256((folder / made.file).read_bytes()).hexdigest(),
        "part": check.evidence.part,
        "images": len(check.evidence.images),
        "correct": correct,
        "allowed_difference": check.allowed,
    }
