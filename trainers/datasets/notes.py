"""What is to be said about the files of a data set: counts and first names, a line for each reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b

import numpy as np

from trainers.datasets.decoding import LARGE
from trainers.datasets.images import Decoded
from trainers.datasets.walk import Parts

SHOWN = 3
"""Names that are shown of each kind."""
COPIES = 3
"""Images that must be the same for it to be worth a word: placeholders are many."""


class Notes:
    """Counts files by what is said of them, and keeps the first names."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, list[str]] = {}

    def add(self, what: str, parts: Parts) -> None:
        """Count a file; `what` continues "3 files"."""
        self._counts[what] += 1
        names = self._first.setdefault(what, [])
        if len(names) < SHOWN:
            names.append("/".join(parts))

    def lines(self) -> tuple[str, ...]:
        """A line for each kind, in the order in which they were met first."""
        return tuple(self._line(what, count) for what, count in self._counts.items())

    def _line(self, what: str, count: int) -> str:
        names = ", ".join(map(repr, self._first[what]))
        more = ", ..." if count > SHOWN else ""
        return f"{count:,} file{'s' if count > 1 else ''} {what}: {names}{more}"


def remarks(image: Decoded) -> Iterator[str]:
    """What is to be said about a file that was decoded, as `Notes.add` takes it."""
    if image.frames:
        yield "with several frames or pages, of which the first is read"
    if image.reduced:
        yield f"of more than {LARGE / 1e6:.1f} megapixels, decoded at a reduced size"


def digest_of(image: np.ndarray) -> bytes:
    """A digest of the pixels: the same for equal images of one size."""
    return blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()


def note_of_leaks(digests: Mapping[str, Mapping[str, bytes]]) -> tuple[str, ...]:
    """A line for each part of a data set of which images are training images, too.

    Args:
        digests: of the images by part (`train`, `validation`, `test`) and name.
    """
    training: dict[bytes, str] = {}
    for name, digest in digests["train"].items():
        training.setdefault(digest, name)
    lines = []
    for part in ("validation", "test"):
        same = [(name, training[digest]) for name, digest in digests[part].items() if digest in training]
        if same:
            names = ", ".join(f"{name!r} is {trained!r}" for name, trained in same[:SHOWN])
            are = "are training images" if len(same) > 1 else "is a training image"
            more = ", ..." if len(same) > SHOWN else ""
            lines.append(f"{len(same):,} of {len(digests[part]):,} {part} images {are}, too: {names}{more}")
    return tuple(lines)


def note_of_copies(digests: Mapping[Parts, bytes]) -> tuple[str, ...]:
    """A line about the images that are the same as at least two others, if there are any."""
    groups: dict[bytes, list[Parts]] = {}
    for parts, digest in digests.items():
        groups.setdefault(digest, []).append(parts)
    notes = Notes()
    for group in groups.values():
        if len(group) >= COPIES:
            for parts in group:
                notes.add("are copies of one another, perhaps placeholders, and are used", parts)
    return notes.lines()
