"""Remarks on the files of a data set: counts and first names, a line for each reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from hashlib import blake2b

import numpy as np

from trainers.datasets.decoding import LARGE
from trainers.datasets.images import Decoded
from trainers.datasets.split import Part
from trainers.datasets.walk import Parts

SHOWN = 3
"""Names that are shown of each kind."""
OVERLAPS = (
    ("validation", "train", "training"),
    ("test", "train", "training"),
    ("test", "validation", "validation"),
)
"""Parts of a data set that should not share images, and what those of the second are called."""
COPIES = 3
"""Fewest equal images that are worth a note: placeholders are many."""


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
    """The remarks on a file that was decoded, as `Notes.add` takes them."""
    if image.frames:
        yield "with several frames or pages, of which the first is read"
    if image.reduced:
        yield f"of more than {LARGE / 1e6:.1f} megapixels, decoded at a reduced size"


def digest_of(image: np.ndarray) -> bytes:
    """A digest of the pixels: the same for equal images of one size."""
    return blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()


def note_of_leaks(digests: Mapping[str, Mapping[str, bytes]]) -> tuple[str, ...]:
    """A line for each two parts of a data set that share images: accuracies on these are too high.

    Args:
        digests: of the images by part (`train`, `validation`, `test`) and name.
    """
    lines = []
    for part, other, kind in OVERLAPS:
        known: dict[bytes, str] = {}
        for name, digest in digests[other].items():
            known.setdefault(digest, name)
        same = [(name, known[digest]) for name, digest in digests[part].items() if digest in known]
        if same:
            names = ", ".join(f"{name!r} is {theirs!r}" for name, theirs in same[:SHOWN])
            are = f"are {kind} images" if len(same) > 1 else f"is a {kind} image"
            more = ", ..." if len(same) > SHOWN else ""
            lines.append(f"{len(same):,} of {len(digests[part]):,} {part} images {are}, too: {names}{more}")
    return tuple(lines)


def notes_of_equal_images(training: Part, validation: Part, held_out: bool) -> Iterator[str]:
    """Lines about images that occur more than once, if that distorts the validation accuracy.

    Args:
        training: images that are trained on, and their labels.
        validation: those that validate.
        held_out: whether these were drawn from the images for training; `note_of_leaks` is about others.
    """
    trained, watched = ([digest_of(image) for image in images] for images, _ in (training, validation))
    known = set(trained)
    if held_out and (copies := sum(digest in known for digest in watched)):
        yield (
            f"{copies:,} of {len(watched):,} validation images, drawn from those for training, have a copy "
            "that is trained on: the accuracy on them is too high"
        )
    classes: dict[bytes, set[int]] = defaultdict(set)
    for digest, label in zip(trained + watched, [*training[1], *validation[1]], strict=True):
        classes[digest].add(int(label))
    if ambiguous := sum(len(classes[digest]) > 1 for digest in trained + watched):
        yield f"{ambiguous:,} training and validation images are the same as one of another class"


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
