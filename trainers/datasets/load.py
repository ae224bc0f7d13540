"""From what the user typed to a data set: where to look, what to say when nothing is there."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from state_space.errors import did_you_mean
from trainers.datasets.arrays import read_callable, read_npz
from trainers.datasets.cache import Source, default_cache_dir, read_cached
from trainers.datasets.dataset import DatasetError, ImageDataset, shape_text
from trainers.datasets.download import download as download_named
from trainers.datasets.folder import read_image_folder
from trainers.datasets.images import resize_images
from trainers.datasets.named import NAMED_SETS, NamedSet, read_digits
from trainers.datasets.split import stratified_subset

DATASET_NAMES = (*NAMED_SETS, "digits")
"""Names that ``load_dataset`` knows without any file of the user's."""

MAX_IMAGE_SIZE = 1024
_ARCHIVES = (".tar.gz", ".tgz", ".tar")
_CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def load_dataset(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    cache_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    extra: bool = False,
) -> ImageDataset:
    """Load a data set by name, from the user's own files, or from a function.

    ``name`` is looked up in this order:

    1. ``module:function``: see ``read_callable``.
    2. in ``data_dir``: ``NAME.npz``, ``NAME.tar.gz``, ``NAME.tgz``, ``NAME.tar``, the folder ``NAME``,
       and for a name in ``DATASET_NAMES`` torchvision's own layout, also inside ``NAME``.
    3. a name in ``DATASET_NAMES``: an earlier download, else a download into ``data_dir`` (the cache
       where that is not given or not writable).
    4. a path to a folder or tar archive (``read_image_folder``) or an ``.npz`` file (``read_npz``).

    Args:
        name: what to load.
        data_dir: folder to look in first.
        image_size: resize images to squares of this side in pixels (bilinear, antialiased, aspect ratio
            not kept); needed where images differ in size or are not square.
        limit: use at most this many training images, class proportions unchanged; the test set stays whole.
        seed: addresses the draw of ``limit``.
        cache_dir: where decoded images and downloads are kept; default ``default_cache_dir()``.
        download: whether a named data set may be downloaded.
        extra: add SVHN's extra set to its training images.

    Raises:
        DatasetError: nothing is found, or what is found cannot be used; one line.
    """
    _check_options(name, image_size, limit, extra)
    try:
        cache = default_cache_dir() if cache_dir is None else Path(cache_dir).expanduser()
        folder = None if data_dir is None else Path(data_dir).expanduser()
        source = _find(name, folder, cache, download, extra)
    except (OSError, RuntimeError) as error:  # folders that may not be looked into, homes of nobody
        raise DatasetError(f"cannot look for data set {name!r}: {error}") from error
    dataset = read_cached(_resizing(source), image_size, cache)
    _check_square(dataset)
    if limit is None:
        return dataset
    kept = stratified_subset(dataset.train_labels, limit, seed)
    return replace(dataset, train_images=dataset.train_images[kept], train_labels=dataset.train_labels[kept])


def _check_options(name: str, image_size: int | None, limit: int | None, extra: bool) -> None:
    if not name:
        raise DatasetError(f"the data set's name is empty; known are {', '.join(DATASET_NAMES)}")
    if image_size is not None and not 1 <= image_size <= MAX_IMAGE_SIZE:
        raise DatasetError(f"image size {image_size} is out of range; 1..{MAX_IMAGE_SIZE} pixels are allowed")
    if limit is not None and limit < 1:
        raise DatasetError(f"limit {limit} is out of range; it must be 1 or more")
    if extra and not (name in NAMED_SETS and NAMED_SETS[name].has_extra):
        raise DatasetError(f"data set {name!r} has no extra set; svhn has one")


def _resizing(source: Source) -> Source:
    """The same source, but images that come at their own size are resized before they are cached."""

    def read(image_size: int | None) -> ImageDataset:
        dataset = source.read(image_size)
        if image_size is None:
            return dataset
        train, test = (resize_images(x, image_size) for x in (dataset.train_images, dataset.test_images))
        return replace(dataset, train_images=train, test_images=test)

    return replace(source, read=read)


def _check_square(dataset: ImageDataset) -> None:
    _, height, width = dataset.input_shape
    if height != width:
        raise DatasetError(
            f"images of {dataset.name!r} are {shape_text((height, width))} (height x width), not square; "
            "--image-size N resizes them to N x N"
        )


def _find(name: str, data_dir: Path | None, cache_dir: Path, download: bool, extra: bool) -> Source:
    if _CALLABLE.fullmatch(name):
        return Source(name, (), lambda image_size: read_callable(name))
    named = NAMED_SETS.get(name)
    found = None if data_dir is None else _find_in(data_dir, name, named, extra)
    if found is None and named is not None:
        found = _find_named(name, named, data_dir, cache_dir, download, extra)
    if found is None and name == "digits":
        found = Source(name, (), lambda image_size: read_digits())
    path = Path(name).expanduser()
    if found is None and path.exists():
        found = _open_path(path, _stem(path))
    if found is None:
        raise _unknown(name, data_dir)
    return found


def _find_in(data_dir: Path, name: str, named: NamedSet | None, extra: bool) -> Source | None:
    """The first of a name's places in ``data_dir`` that is taken.

    Files without the extra set do not count when it is wanted.
    """
    folder = data_dir / name
    if not extra:
        for suffix in (".npz", *_ARCHIVES):
            path = data_dir / f"{name}{suffix}"
            if path.is_file():
                return _open_path(path, name)
    if named is not None:
        for root in (folder, data_dir):
            if named.present(root, extra):
                return _named_source(name, named, root, extra)
    if folder.exists() and not extra:
        return _open_path(folder, _stem(folder))
    return None


def _find_named(
    name: str, named: NamedSet, data_dir: Path | None, cache_dir: Path, download: bool, extra: bool
) -> Source:
    downloads = cache_dir / "downloads"
    if not named.present(downloads, extra):
        looked_for = _looked_for(name, named, data_dir, downloads, extra)
        if not download:
            raise DatasetError(f"data set {name!r} is not here and downloading is off; {looked_for}")
        target = data_dir if data_dir is not None and _writable(data_dir) else downloads
        download_named(name, named, target, extra, looked_for)
        return _named_source(name, named, target, extra)
    return _named_source(name, named, downloads, extra)


def _named_source(name: str, named: NamedSet, root: Path, extra: bool) -> Source:
    files = tuple(root / file for file in named.files(extra))
    return Source(name, files, lambda image_size: named.read(root, extra))


def _open_path(path: Path, name: str) -> Source:
    if path.is_dir() or path.name.lower().endswith(_ARCHIVES):
        return Source(name, (path,), lambda image_size: read_image_folder(path, name, image_size))
    if path.name.lower().endswith(".npz"):
        return Source(name, (path,), lambda image_size: read_npz(path, name))
    raise DatasetError(
        f"{str(path)!r} is of no known kind; a folder, {', '.join(_ARCHIVES)} or .npz file is needed"
    )


def _stem(path: Path) -> str:
    base = os.path.basename(os.path.abspath(path))
    suffix = next((suffix for suffix in (*_ARCHIVES, ".npz") if base.lower().endswith(suffix)), "")
    return base[: len(base) - len(suffix)] or base


def _writable(folder: Path) -> bool:
    """Whether files can be made in ``folder``, or the folder itself in its nearest existing parent."""
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def _looked_for(name: str, named: NamedSet, data_dir: Path | None, downloads: Path, extra: bool) -> str:
    own = [*(() if extra else (f"{name}.npz", *(name + suffix for suffix in _ARCHIVES), f"{name}/"))]
    layout = " and ".join(named.files(extra))
    if data_dir is None:
        return f"its files are looked for in {str(downloads)!r} ({layout}), and in --data-dir when given"
    return (
        f"its files are looked for in {str(data_dir)!r} ({', '.join([*own, layout])}) "
        f"and {str(downloads)!r} ({layout})"
    )


def _unknown(name: str, data_dir: Path | None) -> DatasetError:
    looks_like_path = os.sep in name or name.lower().endswith((*_ARCHIVES, ".npz"))
    hint = "" if looks_like_path else did_you_mean(name.replace("_", "-"), DATASET_NAMES)
    places = "in the working directory"
    if data_dir is not None:
        places = (
            f"in {str(data_dir)!r} ({name}.npz, {', '.join(name + s for s in _ARCHIVES)}, {name}/) and "
            + places
        )
    kind = "no such file or folder" if looks_like_path else "unknown data set"
    return DatasetError(
        f"{kind}: {name!r}{hint} (known: {', '.join(DATASET_NAMES)}; "
        f"or a path, or module:function; looked {places})"
    )
