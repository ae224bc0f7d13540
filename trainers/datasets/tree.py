"""The paths of a data set's images, and the names of classes in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from trainers.datasets.dataset import DatasetError
from trainers.datasets.part_names import PLAIN, holds_masks, is_mask_of
from trainers.datasets.walk import Parts

Named = list[tuple[Parts, str]]
Labelled = list[tuple[Parts, int]]

REMEDY = "images are read from train/CLASS/*, and test/CLASS/* and val/CLASS/* if there are any"


@dataclass(frozen=True)
class Tree:
    """A data set's paths."""

    source: str
    images: Collection[Parts]
    folders: Collection[Parts]

    @cached_property
    def base(self) -> int:
        """Number of leading folders that hold everything and are neither a split nor a class."""
        return enclosing(self.images, 0)

    @cached_property
    def inside(self) -> dict[str, set[str]]:
        """The top folders that hold images, and the folders in them that do."""
        return self.below(1)

    def below(self, depth: int) -> dict[str, set[str]]:
        """The top folders that hold images, and the folders that do, so many levels below them."""
        found: dict[str, set[str]] = {}
        for parts in self.images:
            if len(parts) > self.base + 1:
                below = found.setdefault(parts[self.base], set())
                below.update(parts[self.base + depth : -1][:1])
        return found

    def refuse(self, message: str) -> NoReturn:
        """Raise DatasetError with what would be right."""
        raise DatasetError(f"{self.source!r}: {message}; {REMEDY}")

    def refuse_masks(self, names: Collection[str], where: str = "") -> None:
        """Refuse folders, below another one, of which one holds the masks of another's images."""
        if masks := holds_masks(names):
            self.refuse(f"{where + masks!r} looks like masks or labels beside images, not like a class")

    def by_class(self, images: Iterable[Parts], level: int) -> Named:
        """Images with the names of their classes, which are the folders at that level."""
        found = sorted(images, key=lambda parts: (parts[level : level + 1], parts))
        if loose := [parts for parts in found if len(parts) < level + 2]:
            raise DatasetError(
                f"image {'/'.join(min(loose))!r} of {self.source!r} lies in no class folder; {REMEDY}"
            )
        return [(parts, parts[level]) for parts in found]

    def class_names(self, files: Named, folders: Collection[Parts], level: int) -> tuple[str, ...]:
        """The classes of images, sorted; refuses masks, copies, and folders at that level without images."""
        names = {name for _, name in files}
        self._refuse_copy_within(files, names, level)
        prefixes = {parts[:level] for parts, _ in files}
        for parts in sorted(folders):
            if len(parts) == level + 1 and parts[:level] in prefixes and parts[level] not in names:
                self.refuse_masks({*names, parts[level]})
                others = any(path[: len(parts)] == parts for path in self.images)
                what = "no training images" if others else "no images"
                raise DatasetError(f"class folder {'/'.join(parts)!r} of {self.source!r} holds {what}")
        self.refuse_masks(names)
        stems: dict[Parts, set[str]] = {}
        for parts, _ in files:
            stems.setdefault(parts[:-1], set()).add(_stem(parts))
        for parts, _ in files:
            if is_mask_of(_stem(parts), stems[parts[:-1]]):
                self.refuse(f"{'/'.join(parts)!r} looks like a mask of the image beside it")
        return tuple(sorted(names))

    def _refuse_copy_within(self, files: Named, names: set[str], level: int) -> None:
        """Refuse a class that holds folders named as other classes: many downloads hold themselves again."""
        within: dict[str, set[str]] = {}
        for parts, name in files:
            within.setdefault(name, set()).update({*parts[level + 1 : -1][:1]} & names)
        copies = sorted(name for name, same in within.items() if len(same) > 1)
        if copies and len(copies) < len(names):  # all may be divided by what they were taken for
            some = ", ".join(map(repr, sorted(within[copies[0]])[:3]))
            self.refuse(f"{copies[0]!r} holds the folders {some} once more, which are also classes beside it")

    def label(self, files: Named, names: tuple[str, ...]) -> Labelled:
        """Images with their labels; refuses classes that are not among the names."""
        labels = {name: label for label, name in enumerate(names)}
        for parts, name in files:
            if name not in labels:
                twins = (known for known in names if spelling(known) == spelling(name))
                hint = next((f", but {known!r} is" for known in twins), "")
                raise DatasetError(
                    f"class {name!r} of {'/'.join(parts)!r} in {self.source!r} is not a training class{hint}"
                )
        return [(parts, labels[name]) for parts, name in files]


def enclosing(images: Collection[Parts], level: int, classes: Collection[str] = ()) -> int:
    """Number of leading folders that hold everything and are neither a split nor a class."""
    while True:
        heads = {parts[level] for parts in images}
        nested = all(len(parts) > level + 2 for parts in images)
        head = next(iter(heads))
        if len(heads) > 1 or not nested or head.lower() in PLAIN or head in classes:
            return level
        level += 1


def spelling(name: str) -> str:
    """A name in small letters, however its accents are encoded."""
    return unicodedata.normalize("NFC", name.casefold())


def _stem(parts: Parts) -> str:
    return parts[-1].rpartition(".")[0].lower()
