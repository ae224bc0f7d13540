"""The data sets known by name: torchvision's, in its own layout on disk, and scikit-learn's digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from trainers.datasets.dataset import DatasetError, ImageDataset
from trainers.datasets.split import split_validation

# torchvision, scipy and scikit-learn are imported where they are used: each takes a second or so, which
# commands that only look at results need not spend.

_AGAIN = "remove the folder to have it downloaded again"


@dataclass(frozen=True)
class NamedSet:
    """How a torchvision data set lies on disk, is read from there and downloaded.

    Attributes:
        files: its files or folders below the root; the argument says whether the extra set is wanted.
        read: reads the root; the second argument as above.
        fetch: downloads the given files into a root, checksums verified.
        has_extra: whether there is an extra training set.
    """

    files: Callable[[bool], tuple[str, ...]]
    read: Callable[[Path, bool], ImageDataset]
    fetch: Callable[[Path, Sequence[str]], None]
    has_extra: bool = False

    def present(self, root: Path, extra: bool) -> bool:
        """Whether all files are below `root`."""
        return all((root / file).exists() for file in self.files(extra))


def read_digits() -> ImageDataset:
    """The 1,797 handwritten digits of scikit-learn: 8 x 8 x 1, values 0..16 scaled to 0..255.

    The test set is 20% (359 images), stratified, and always the same.
    """
    table = _digits_table()
    images = np.rint(table[:, :-1].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    labels = table[:, -1].astype(np.int64)
    train, test = split_validation(labels, len(labels) // 5, seed=0)
    names = tuple("0123456789")
    return ImageDataset("digits", images[train], labels[train], images[test], labels[test], names)


def _digits_table() -> np.ndarray:
    """A row per digit: 64 pixels and the label; of scikit-learn's file, without importing scikit-learn.

    The import takes two seconds, in each worker.
    """
    package = find_spec("sklearn")
    if package and package.origin:
        file = Path(package.origin).with_name("datasets") / "data" / "digits.csv.gz"
        if file.is_file():
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    return np.column_stack(load_digits(return_X_y=True))


def _cifar(name: str, class_name: str, folder: str) -> NamedSet:
    def read(root: Path, extra: bool) -> ImageDataset:
        """Its files are pickles, which torchvision opens only after their known MD5 sums have matched."""
        import torchvision

        kind = getattr(torchvision.datasets, class_name)
        try:
            train, test = kind(root, train=True), kind(root, train=False)
        except RuntimeError as error:
            raise DatasetError(
                f"{str(root / folder)!r} is incomplete or damaged: its checksums are not those of {name}; "
                f"{_AGAIN}"
            ) from error
        return _build(name, [(part.data, part.targets) for part in (train, test)], train.classes)

    return NamedSet(lambda extra: (folder,), read, _fetch_by(class_name))


def _mnist(name: str, class_name: str) -> NamedSet:
    folder = f"{class_name}/raw"

    def read(root: Path, extra: bool) -> ImageDataset:
        from torchvision import datasets

        parts = []
        for part in ("train", "t10k"):
            stem = root / folder / part
            parts.append(
                (
                    _read_idx(datasets.mnist.read_image_file, stem.with_name(f"{part}-images-idx3-ubyte")),
                    _read_idx(datasets.mnist.read_label_file, stem.with_name(f"{part}-labels-idx1-ubyte")),
                )
            )
        return _build(name, parts, getattr(datasets, class_name).classes)

    return NamedSet(lambda extra: (folder,), read, _fetch_by(class_name))


def _fetch_by(class_name: str) -> Callable[[Path, Sequence[str]], None]:
    def fetch(root: Path, missing: Sequence[str]) -> None:
        import torchvision

        getattr(torchvision.datasets, class_name)(root, download=True)

    return fetch


def _read_idx(read: Callable[[str], Any], path: Path) -> np.ndarray:
    try:
        return np.asarray(read(str(path)))
    except FileNotFoundError:
        raise DatasetError(
            f"{str(path.parent)!r} is incomplete: {path.name!r} is missing; {_AGAIN}"
        ) from None
    except Exception as error:  # torchvision's parser asserts, indexes and reshapes its way through damage
        raise DatasetError(f"{str(path)!r} is damaged or not an IDX file") from error


def _svhn() -> NamedSet:
    def files(extra: bool) -> tuple[str, ...]:
        return ("train_32x32.mat", "test_32x32.mat", *(("extra_32x32.mat",) if extra else ()))

    def read(root: Path, extra: bool) -> ImageDataset:
        parts = [_read_svhn(root / file) for file in files(extra)]
        if extra:
            (images, labels), test, (more_images, more_labels) = parts
            train = np.concatenate([images, more_images]), np.concatenate([labels, more_labels])
            parts = [train, test]
        return _build("svhn", parts, [str(digit) for digit in range(10)])

    def fetch(root: Path, missing: Sequence[str]) -> None:
        from torchvision.datasets import SVHN
        from torchvision.datasets.utils import download_url

        for url, file, md5 in SVHN.split_list.values():
            if file in missing:
                download_url(url, str(root), file, md5)

    return NamedSet(files, read, fetch, has_extra=True)


def _read_svhn(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read X (32, 32, 3, n) and y (n, 1) with the label 10 for the digit 0, as torchvision does."""
    from scipy.io import loadmat

    try:
        content = loadmat(path, variable_names=("X", "y"))
        images, labels = content["X"].transpose(3, 0, 1, 2), content["y"].astype(np.int64).reshape(-1)
    except Exception as error:  # loadmat reports damage as almost anything
        raise DatasetError(f"{str(path)!r} is damaged or not an SVHN file in MATLAB format") from error
    return images, np.where(labels == 10, 0, labels)


def _build(name: str, parts: Sequence[tuple[Any, Any]], class_names: Sequence[str]) -> ImageDataset:
    (train_images, train_labels), (test_images, test_labels) = (
        (np.asarray(images), np.asarray(labels, dtype=np.int64)) for images, labels in parts
    )
    if train_images.ndim == 3:  # grey
        train_images, test_images = train_images[..., np.newaxis], test_images[..., np.newaxis]
    return ImageDataset(name, train_images, train_labels, test_images, test_labels, tuple(class_names))


NAMED_SETS: dict[str, NamedSet] = {
    "cifar10": _cifar("cifar10", "CIFAR10", "cifar-10-batches-py"),
    "cifar100": _cifar("cifar100", "CIFAR100", "cifar-100-python"),
    "svhn": _svhn(),
    "mnist": _mnist("mnist", "MNIST"),
    "fashion-mnist": _mnist("fashion-mnist", "FashionMNIST"),
}
"""torchvision's data sets by name."""
