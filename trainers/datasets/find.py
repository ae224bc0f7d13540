"""From the name that the user typed to files: where to look, what to say when nothing is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from state_space.errors import did_you_mean
from trainers.datasets.arrays import read_npz
from trainers.datasets.cache import Source
from trainers.datasets.dataset import DatasetError
from trainers.datasets.decoding import readable_formats
from trainers.datasets.download import download as download_named
from trainers.datasets.folder import read_image_folder
from trainers.datasets.functions import CALLABLE, read_callable
from trainers.datasets.images import MAX_PIXELS, SUFFIXES
from trainers.datasets.named import NAMED_SETS, NamedSet, read_digits
from trainers.files import is_there

DATASET_NAMES = (*NAMED_SETS, "digits")
"""Names that `load_dataset` knows without any file of the user's."""

_ARCHIVES = (".tar.gz", ".tgz", ".tar")
_SUFFIXES = (".npz", *_ARCHIVES)
_FOLDER_FORMAT = 5  # of cache entries: all notes, validation images, nothing of images that are not used
_ARRAYS_FORMAT = 6  # of those of .npz files: likewise, notes of all unused names, no channels taken for rows


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which parts of a data set are wanted, and how it is read: options of `load_dataset`."""

    extra: bool = False
    own_validation: bool = False
    max_pixels: int = MAX_PIXELS


def find(name: str, data_dir: Path | None, cache_dir: Path, download: bool, wanted: Wanted) -> Source:
    """Where a data set is read from, see `load_dataset`; it is downloaded if need be.

    Raises:
        DatasetError: there is no such data set.
        OSError: a place cannot be looked at.
    """
    if CALLABLE.fullmatch(name):
        return Source(name, (), lambda image_size: read_callable(name, wanted.own_validation))
    path = Path(name).expanduser()
    if is_path(name) and is_there(path):
        return _open_path(path, _stem(path), wanted)
    named = NAMED_SETS.get(name)
    found = None if data_dir is None else _find_in(data_dir, name, named, wanted)
    if found is None and named is not None:
        found = _find_named(name, named, data_dir, cache_dir, download, wanted.extra)
    if found is None and name == "digits":
        found = Source(name, (), lambda image_size: read_digits())
    if found is None and is_there(path):
        found = _open_path(path, _stem(path), wanted)
    if found is None:
        raise _unknown(name, data_dir)
    return found


def is_path(name: str) -> bool:
    """Whether a name is written as a path, as shells complete them, and not as a name in `data_dir`."""
    return name.startswith("~") or name.endswith("/") or name.split("/")[0] in ("", ".", "..")


def _find_in(data_dir: Path, name: str, named: NamedSet | None, wanted: Wanted) -> Source | None:
    """The first of a name's places in `data_dir` that is taken.

    Files without the extra set do not count when it is wanted.
    """
    folder, extra = data_dir / name, wanted.extra
    if not extra:
        for suffix in _SUFFIXES:
            path = data_dir / f"{name}{suffix}"
            if path.is_file():
                return _open_path(path, name, wanted)
    if named is not None:
        for root in (folder, data_dir):
            if named.present(root, extra):
                return _named_source(name, named, root, extra)
    if not extra and is_there(folder) and (named is None or not _is_part(folder)):
        return _open_path(folder, _stem(folder), wanted)
    return None


def _is_part(folder: Path) -> bool:
    """Whether it is a folder without images, such as a part of a download."""
    return folder.is_dir() and not any(
        path.is_dir() or path.name.lower().endswith(SUFFIXES) for path in folder.iterdir()
    )


def _find_named(
    name: str, named: NamedSet, data_dir: Path | None, cache_dir: Path, download: bool, extra: bool
) -> Source:
    root = cache_dir / "downloads"
    if not named.present(root, extra):
        looked_for = _looked_for(name, named, data_dir, root, extra)
        if not download:
            raise DatasetError(f"data set {name!r} is not here and downloading is off; {looked_for}")
        if data_dir is not None and _writable(data_dir):
            root = data_dir
        download_named(name, named, root, extra, looked_for)
    return _named_source(name, named, root, extra)


def _named_source(name: str, named: NamedSet, root: Path, extra: bool) -> Source:
    files = tuple(root / file for file in named.files(extra))
    return Source(name, files, lambda image_size: named.read(root, extra))


def _open_path(path: Path, name: str, wanted: Wanted) -> Source:
    own = wanted.own_validation
    if path.is_dir() or path.name.lower().endswith(_ARCHIVES):
        read = partial(read_image_folder, path, name, own_validation=own, max_pixels=wanted.max_pixels)
        # What is installed later, such as pillow-heif, reads files that were left out.
        options = (own, wanted.max_pixels, readable_formats())
        return Source(name, (path,), read, version=_FOLDER_FORMAT, options=options, images=path)
    if path.name.lower().endswith(".npz"):
        return Source(
            name,
            (path,),
            lambda image_size: read_npz(path, name, own),
            version=_ARRAYS_FORMAT,
            options=(own,),
        )
    raise DatasetError(
        f"{str(path)!r} is of no known kind; a folder, {', '.join(_ARCHIVES)} or .npz file is needed"
    )


def _stem(path: Path) -> str:
    base = os.path.basename(os.path.abspath(path))
    suffix = next((suffix for suffix in _SUFFIXES if base.lower().endswith(suffix)), "")
    return base[: len(base) - len(suffix)] or base


def _writable(folder: Path) -> bool:
    """Whether files can be made in `folder`, or the folder itself in its nearest existing parent."""
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def _looked_for(name: str, named: NamedSet, data_dir: Path | None, downloads: Path, extra: bool) -> str:
    own = [] if extra else _own_names(name)
    layout = " and ".join(named.files(extra))
    if data_dir is None:
        return f"its files are looked for in {str(downloads)!r} ({layout}), and in --data-dir when given"
    return (
        f"its files are looked for in {str(data_dir)!r} ({', '.join([*own, layout])}) "
        f"and {str(downloads)!r} ({layout})"
    )


def _own_names(name: str) -> list[str]:
    """The names that the user's own files may have in a folder."""
    return [name + suffix for suffix in (*_SUFFIXES, "/")]


def _unknown(name: str, data_dir: Path | None) -> DatasetError:
    looks_like_path = os.sep in name or name.lower().endswith(_SUFFIXES)
    hint = "" if looks_like_path else did_you_mean(name.replace("_", "-"), DATASET_NAMES)
    places = "in the working directory; if it is in another folder, name that as --data-dir"
    if data_dir is not None:
        places = f"in {str(data_dir)!r} ({', '.join(_own_names(name))}) and in the working directory"
    kind = "no such file or folder" if looks_like_path else "unknown data set"
    return DatasetError(
        f"{kind}: {name!r}{hint} (known: {', '.join(DATASET_NAMES)}; "
        f"or a path, or module:function; looked {places})"
    )
