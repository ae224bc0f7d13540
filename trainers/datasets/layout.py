"""Which image belongs to which class and split: a question about paths alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from trainers.datasets.dataset import DatasetError
from trainers.datasets.part_names import PLAIN, are_folds, roles, says_nothing
from trainers.datasets.tree import Labelled, Named, Tree, enclosing, spelling
from trainers.datasets.walk import Parts


@dataclass(frozen=True)
class Layout:
    """Paths with their labels, sorted.

    Attributes:
        class_names: in the order of the labels.
        train: training images.
        validation: images of a validation set of its own.
        test: test images.
        notes: a line for each thing that was decided or left out.
    """

    class_names: tuple[str, ...]
    train: Labelled
    validation: Labelled
    test: Labelled
    notes: tuple[str, ...]

    @property
    def used(self) -> list[Parts]:
        """The paths of all its images."""
        return [parts for parts, _ in (*self.train, *self.validation, *self.test)]


def find_layout(
    images: Collection[Parts], folders: Collection[Parts], source: str, own_validation: bool = False
) -> Layout:
    """Recognise `train/<class>/*` beside `test` or `val`, `<class>/train/*`, or `<class>/*`.

    Enclosing folders do not matter, nor do folders below a class. Splits are known by their names, see
    `trainers.datasets.part_names`, and by class folders inside. A test or validation set without classes is
    left out with a note.

    Args:
        images: path of every image, as parts.
        folders: path of every folder known, as parts; shows which classes have no images.
        source: named in errors.
        own_validation: whether `val` is the validation set. If not, it is the test set where there is no
            `test`, and otherwise unused.

    Raises:
        DatasetError: an image lies in no class folder, a class folder has no images, a test class is not
            a training class, there is no training set, or the folders look like splits or masks and are not
            understood.
    """
    layout = _found(Tree(source, images, folders), own_validation)
    return replace(layout, notes=(*layout.notes, *_note_of_twins(layout.class_names)))


def _found(tree: Tree, own_validation: bool) -> Layout:
    splits = _splits_above(tree)
    if splits is not None:
        return _with_splits(tree, splits, own_validation)
    notes = _note_of_train(tree)
    splits = _splits_below(tree)
    if splits is not None:
        return _with_splits_in_classes(tree, splits, own_validation)
    files = tree.by_class(tree.images, tree.base)
    names = tree.class_names(files, tree.folders, tree.base)
    return Layout(names, tree.label(files, names), [], [], (*notes, *_note_of_folders(tree)))


def _note_of_folders(tree: Tree, depth: int = 1) -> tuple[str, ...]:
    """A line if all classes hold the same folders: those may be the classes, and these parts."""
    inside = list(tree.below(depth).values())
    same = set.intersection(*inside) if len(inside) > 1 else set()
    if not same or any(found != same for found in inside):
        return ()
    if len(same) == 1:  # Office-31 has amazon/images/bike
        return _note_of_folders(tree, depth + 1) if says_nothing(min(same)) else ()
    return (f"the classes are {_first(tree.inside)}, not the folders {_first(same)} that each of them holds",)


def _note_of_twins(names: Collection[str]) -> tuple[str, ...]:
    """A line if classes differ in capitals alone, as letters do; it may be one class from two sources."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(spelling(name), []).append(name)
    twins = [" and ".join(map(repr, found)) for found in alike.values() if len(found) > 1][:1]
    remedy = "if they are meant to be one, put their images into one folder"
    return tuple(f"{found} are different classes; {remedy}" for found in twins)


def _first(names: Collection[str]) -> str:
    return ", ".join(map(repr, sorted(names)[:3])) + ", ..." * (len(names) > 3)


def _splits_above(tree: Tree) -> dict[str, str] | None:
    """The splits that the top folders are, or None where they are classes."""
    heads, inside = sorted(tree.inside), tree.inside
    tree.refuse_masks(heads)
    found = roles(heads)
    plain = {head: PLAIN[head.lower()] for head in heads if head.lower() in PLAIN}
    if len(set(plain.values())) > 1 or (heads and len(plain) == len(heads)):
        return found | plain
    loose = roles(heads, strict=False)
    if len(loose) > len(found) and len(set.intersection(*(inside[head] for head in loose))) > 1:
        found = loose
    others = [head for head in heads if head not in found]
    if len(set(found.values())) > 1:
        if any(inside[head] for head, role in found.items() if role == "train"):
            return found
        if plain or not others:
            names = ", ".join(map(repr, sorted(found)))
            what = "none is for training" if any(map(inside.get, found)) else "hold no class folders"
            tree.refuse(f"{names} look like splits, but {what}")
        return None
    if list(found.values()) == ["train"] and len(inside[min(found)]) > 1 and not any(map(inside.get, others)):
        return found
    _refuse_what_is_alike(tree, heads, found)
    return None


def _note_of_train(tree: Tree) -> tuple[str, ...]:
    """A line if `train/{cat,dog}` is a class beside others that hold folders; refused beside only one."""
    heads = sorted(tree.inside)
    found = roles(heads)
    train = [head for head in heads if PLAIN.get(head.lower()) == "train" and len(tree.inside[head]) > 1]
    divided = [head for head in heads if head not in found and tree.inside[head]]
    if not train or not divided:
        return ()
    if len(divided) == 1:
        what = f"looks like the training images, but {divided[0]!r} holds folders, too"
        tree.refuse(f"{train[0]!r} {what}: move these elsewhere, or rename {train[0]!r} if it is a class")
    beside = f"beside {_first(divided)}, which hold folders, too"
    return (f"{train[0]!r} is a class {beside}; if it holds the training images, move the others elsewhere",)


def _refuse_what_is_alike(tree: Tree, heads: list[str], found: Mapping[str, str]) -> None:
    """Refuse folders that hold the same folders if some are named like splits, or all like folds."""
    alike = [h for h in heads for s in found if h != s and len(tree.inside[h] & tree.inside[s]) > 1]
    if alike:
        names = ", ".join(map(repr, sorted({*alike, *found})))
        tree.refuse(f"{names} hold the same folders, but not all are named as training, test or validation")
    if len(heads) > 1 and are_folds(heads) and set.intersection(*map(tree.inside.__getitem__, heads)):
        tree.refuse(f"{', '.join(map(repr, heads))} hold the same folders, as parts of one data set do")


def _splits_below(tree: Tree) -> dict[str, str] | None:
    """The splits that folders within the classes are (`cats/train`, `cats/test`), if they are."""
    for head, below in tree.inside.items():
        tree.refuse_masks(below, f"{head}/")
    found = roles(set().union(*tree.inside.values()))
    having = sorted(head for head, below in tree.inside.items() if below & found.keys())
    kinds = set(found.values())
    if not having or kinds == {"train"} or (len(kinds) == 1 and len(having) == 1):
        return None
    level = tree.base + 1
    loose = [p for p in tree.images if len(p) > level and (len(p) < level + 2 or p[level] not in found)]
    if loose or "train" not in kinds:
        example = f"{having[0]}/{min(tree.inside[having[0]] & found.keys())}"
        beside = f", but {'/'.join(min(loose))!r} lies in none" if loose else ", but none for training"
        tree.refuse(f"there are splits within classes, such as {example!r}{beside}")
    return found


def _with_splits(tree: Tree, splits: Mapping[str, str], own_validation: bool) -> Layout:
    level = tree.base + 1
    notes = _note_of_loose(tree.images, level)
    parts = {
        role: [p for p in tree.images if len(p) > level and splits.get(p[tree.base]) == role]
        for role in ("train", "val", "test")
    }
    _refuse_unclear_splits(tree, parts)
    below = enclosing(parts["train"], level)
    files = {"train": tree.by_class(parts["train"], below)}
    folders = [p for p in tree.folders if len(p) > level and splits.get(p[tree.base]) == "train"]
    names = tree.class_names(files["train"], folders, below)
    for role in ("val", "test"):
        if parts[role] and _unlabelled(parts[role], level, names):
            head = parts[role][0][tree.base]
            many = len(parts[role]) > 1
            lie = "lie in no class folders: they are" if many else "lies in no class folder: it is"
            notes.append(f"{len(parts[role])} image{'s' * many} in {head!r} {lie} left out")
        elif parts[role]:
            files[role] = tree.by_class(parts[role], enclosing(parts[role], level, names))
    unused = [head for head in sorted(tree.inside) if head not in splits]
    return _assigned(tree, names, files, splits, unused, notes, own_validation)


def _note_of_loose(images: Collection[Parts], level: int) -> list[str]:
    """A line about images beside the splits, if there are any."""
    loose = ["/".join(parts) for parts in images if len(parts) <= level]
    are = "images beside the splits are" if len(loose) > 1 else "image beside the splits is"
    return [f"{len(loose)} {are} not used: {_first(loose)}"] if loose else []


def _refuse_unclear_splits(tree: Tree, parts: Mapping[str, list[Parts]]) -> None:
    """Refuse several folders that look like one split, and a data set without training images."""
    for role, paths in parts.items():
        heads = sorted({p[tree.base] for p in paths})
        if len(heads) > max(1, len({head.lower() for head in heads} & PLAIN.keys())):
            tree.refuse(f"{', '.join(map(repr, heads))} all look like the {role} images; keep one of them")
    if not parts["train"]:
        found = ", ".join(map(repr, sorted(tree.inside)))
        raise DatasetError(f"{tree.source!r} has {found} but no train folder with images")


def _with_splits_in_classes(tree: Tree, splits: Mapping[str, str], own_validation: bool) -> Layout:
    files: dict[str, Named] = {}
    for parts, name in tree.by_class(tree.images, tree.base):
        files.setdefault(splits[parts[tree.base + 1]], []).append((parts, name))
    names = tree.class_names(files["train"], tree.folders, tree.base)
    return _assigned(tree, names, files, splits, [], [], own_validation)


def _assigned(
    tree: Tree,
    names: tuple[str, ...],
    files: dict[str, Named],
    splits: Mapping[str, str],
    unused: list[str],
    notes: list[str],
    own_validation: bool,
) -> Layout:
    """The layout, with what becomes of a validation set."""
    validation: Named = files.get("val", []) if own_validation else []
    test = files.get("test", [])
    if not own_validation and "val" in files:
        heads = sorted(name for name, role in splits.items() if role == "val")
        if test:
            unused = sorted([*unused, *heads])
        else:
            test = files["val"]
            notes = [
                *notes,
                f"images in {_first(heads)} are the test images, as there are no others",
            ]
    if any(name.lower() not in PLAIN for name in splits):
        said = ", ".join(f"{name!r} is {role}" for name, role in sorted(splits.items()))
        notes = [f"splits by their names: {said}", *notes]
    if unused:
        notes = [*notes, f"images in {', '.join(map(repr, unused))} are not used"]
    labelled = [tree.label(part, names) for part in (files["train"], validation, test)]
    return Layout(names, labelled[0], labelled[1], labelled[2], tuple(notes))


def _unlabelled(images: list[Parts], level: int, names: Collection[str]) -> bool:
    """Whether images lie in no folder, or in one whose name says nothing, without class folders in it."""
    if any(part in names for parts in images for part in parts[level:-1]):
        return False
    folders = {parts[level:-1][:1] for parts in images}
    return len(folders) == 1 and all(map(says_nothing, folders.pop()))
