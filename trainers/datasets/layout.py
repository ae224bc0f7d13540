"""Which image belongs to which class and split: a question about paths alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from trainers.datasets.dataset import DatasetError

Parts = tuple[str, ...]

# Spellings in use; a folder "training" taken for a class would go unnoticed.
_SPLITS = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test",
    "val": "val", "valid": "val", "validation": "val",
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """Paths with their labels, sorted; ``unused`` names the folders whose images belong to neither part."""

    class_names: tuple[str, ...]
    train: list[tuple[Parts, int]]
    test: list[tuple[Parts, int]]
    unused: tuple[str, ...]


def find_layout(images: Collection[Parts], folders: Collection[Parts], source: str) -> Layout:
    """Recognise ``train/<class>/*`` beside ``test`` or ``val``, or ``<class>/*``, below enclosing folders.

    With both ``test`` and ``val``, ``test`` is the test set and ``val`` is unused: validation images are
    drawn from the training set. Below a class, deeper folders do not matter.

    Args:
        images: path of every image, as parts.
        folders: path of every folder known, as parts; tells of classes without images.
        source: named in errors.

    Raises:
        DatasetError: an image lies in no class folder, a class folder has no images, a test class is not
            a training class, or there is no training set.
    """
    base = _enclosing(images)
    heads = {parts[base] for parts in images if len(parts) > base + 1}
    splits = {head: _SPLITS[head.lower()] for head in heads if head.lower() in _SPLITS}
    if not _has_splits(heads, splits):
        files = _by_class(images, base, source)
        names = _class_names(files, folders, base, source)
        return Layout(names, _label(files, names, source), [], ())
    if "train" not in splits.values():
        found = ", ".join(map(repr, sorted(heads)))
        raise DatasetError(f"{source!r} has {found} but no train folder with images")
    test_split = "test" if "test" in splits.values() else "val"
    train = _part(images, base, splits, "train")
    files = _by_class(train, base + 1, source)
    names = _class_names(files, _part(folders, base, splits, "train"), base + 1, source)
    test = _by_class(_part(images, base, splits, test_split), base + 1, source)
    unused = sorted(head for head in heads if splits.get(head) not in ("train", test_split))
    return Layout(names, _label(files, names, source), _label(test, names, source), tuple(unused))


def _enclosing(images: Collection[Parts]) -> int:
    """Number of leading folders that hold everything and are neither a split nor a class."""
    base = 0
    while True:
        heads = {parts[base] for parts in images}
        nested = all(len(parts) > base + 2 for parts in images)
        if len(heads) > 1 or not nested or next(iter(heads)).lower() in _SPLITS:
            return base
        base += 1


def _has_splits(heads: set[str], splits: dict[str, str]) -> bool:
    """Whether top folders are splits; "train" among other classes (bus, car, ...) may well be a class."""
    return len(set(splits.values())) > 1 or (bool(heads) and len(splits) == len(heads))


def _part(paths: Collection[Parts], base: int, splits: dict[str, str], split: str) -> list[Parts]:
    return [parts for parts in paths if len(parts) > base + 1 and splits.get(parts[base]) == split]


def _by_class(images: Collection[Parts], level: int, source: str) -> list[tuple[Parts, str]]:
    loose = [parts for parts in images if len(parts) < level + 2]
    if loose:
        raise DatasetError(f"image {'/'.join(min(loose))!r} of {source!r} lies in no class folder")
    return [(parts, parts[level]) for parts in sorted(images, key=lambda parts: (parts[level], parts))]


def _class_names(
    files: list[tuple[Parts, str]], folders: Collection[Parts], level: int, source: str
) -> tuple[str, ...]:
    names = {name for _, name in files}
    prefixes = {parts[:level] for parts, _ in files}
    for parts in sorted(folders):
        if len(parts) == level + 1 and parts[:level] in prefixes and parts[level] not in names:
            raise DatasetError(f"class folder {'/'.join(parts)!r} of {source!r} holds no images")
    return tuple(sorted(names))


def _label(files: list[tuple[Parts, str]], names: tuple[str, ...], source: str) -> list[tuple[Parts, int]]:
    labels = {name: label for label, name in enumerate(names)}
    for parts, name in files:
        if name not in labels:
            raise DatasetError(f"class {name!r} of {'/'.join(parts)!r} in {source!r} is no training class")
    return [(parts, labels[name]) for parts, name in files]
