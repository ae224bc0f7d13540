import gzip
import hashlib
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
import scipy.io
import torchvision
from sklearn.datasets import load_digits

from trainers.datasets import DatasetError
from trainers.datasets.named import NAMED_SETS, read_digits


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_digits_are_scikit_learns():
    dataset, peer = read_digits(), load_digits()
    assert dataset.input_shape == (1, 8, 8)
    assert (len(dataset.train_images), len(dataset.test_images)) == (1438, 359)
    ours = np.concatenate([dataset.train_images, dataset.test_images])[..., 0]
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    assert ours.max() == 255
    restored = np.rint(ours * (16 / 255)).astype(int).reshape(len(ours), -1)
    found = sorted((*row, label) for row, label in zip(restored.tolist(), labels.tolist(), strict=True))
    wanted = np.column_stack([peer.data.astype(int), peer.target]).tolist()
    assert found == sorted(map(tuple, wanted))


def test_workers_read_digits_without_importing_scikit_learn():
    code = "import sys; from trainers.datasets.named import *; read_digits(); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_digits_that_are_not_in_their_place_are_asked_of_scikit_learn(monkeypatch):
    fingerprint = read_digits().fingerprint
    monkeypatch.setattr("trainers.datasets.named.find_spec", lambda name: None)
    assert read_digits().fingerprint == fingerprint


def test_digits_split_is_stratified_and_fixed():
    dataset = read_digits()
    share = np.bincount(dataset.test_labels) / np.bincount(load_digits().target)
    assert np.abs(share - 0.2).max() < 0.006
    assert dataset.fingerprint == read_digits().fingerprint


def write_svhn(root, pixels, parts=("train", "test", "extra"), n=12):
    content = {}
    for seed, part in enumerate(parts):
        images = pixels(n, 32, 32, 3, seed=seed)
        labels = np.arange(n) % 10 + 1  # 1..10, where 10 stands for the digit 0
        content[part] = images, labels % 10
        mat = {"X": images.transpose(1, 2, 3, 0), "y": labels[:, None].astype(np.uint8)}
        scipy.io.savemat(root / f"{part}_32x32.mat", mat)
    return content


def test_svhn_is_read_with_its_digit_0(tmp_path, pixels):
    content = write_svhn(tmp_path, pixels)
    dataset = NAMED_SETS["svhn"].read(tmp_path, False)
    assert np.array_equal(dataset.train_images, content["train"][0])
    assert dataset.train_labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    assert np.array_equal(dataset.test_images, content["test"][0])
    assert dataset.class_names == tuple("0123456789")


def test_svhn_agrees_with_torchvision(tmp_path, pixels, monkeypatch):
    write_svhn(tmp_path, pixels)
    path = tmp_path / "train_32x32.mat"
    monkeypatch.setitem(torchvision.datasets.SVHN.split_list, "train", ["", path.name, md5(path)])
    peer = torchvision.datasets.SVHN(tmp_path, "train")
    dataset = NAMED_SETS["svhn"].read(tmp_path, False)
    assert np.array_equal(dataset.train_images, peer.data.transpose(0, 2, 3, 1))
    assert np.array_equal(dataset.train_labels, peer.labels)


def test_svhn_extra_follows_the_training_images(tmp_path, pixels):
    content = write_svhn(tmp_path, pixels)
    dataset = NAMED_SETS["svhn"].read(tmp_path, True)
    expected = np.concatenate([content["train"][0], content["extra"][0]])
    assert np.array_equal(dataset.train_images, expected)
    assert np.array_equal(dataset.test_images, content["test"][0])


@pytest.mark.parametrize("content", [b"", b"no matlab file" * 50])
def test_a_damaged_svhn_file_is_named(tmp_path, pixels, content):
    write_svhn(tmp_path, pixels)
    (tmp_path / "train_32x32.mat").write_bytes(content)
    with pytest.raises(DatasetError, match=r"train_32x32\.mat' is damaged or not an SVHN file"):
        NAMED_SETS["svhn"].read(tmp_path, False)


def write_idx(folder, pixels):
    folder.mkdir(parents=True)
    content = {}
    for seed, part in enumerate(("train", "t10k")):
        images, labels = pixels(20, 28, 28, seed=seed), (np.arange(20) % 10).astype(np.uint8)
        content[part] = images, labels
        header = struct.pack(">iiii", 0x803, 20, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">ii", 0x801, 20) + labels.tobytes())
    return content


@pytest.mark.parametrize(
    ("name", "folder", "first"),
    [("mnist", "MNIST", "0 - zero"), ("fashion-mnist", "FashionMNIST", "T-shirt/top")],
)
def test_mnist_and_fashion_mnist_are_read_from_raw_files(tmp_path, pixels, name, folder, first):
    content = write_idx(tmp_path / folder / "raw", pixels)
    named = NAMED_SETS[name]
    assert named.present(tmp_path, False)
    dataset = named.read(tmp_path, False)
    assert dataset.input_shape == (1, 28, 28)
    assert dataset.class_names[0] == first
    assert np.array_equal(dataset.train_images[..., 0], content["train"][0])
    assert np.array_equal(dataset.test_images[..., 0], content["t10k"][0])
    assert dataset.test_labels.tolist() == content["t10k"][1].tolist()


@pytest.mark.parametrize("keep", [0, 3, 16, 500])
def test_a_truncated_mnist_file_is_named(tmp_path, pixels, keep):
    write_idx(tmp_path / "MNIST" / "raw", pixels)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DatasetError, match="train-images-idx3-ubyte' is damaged or not an IDX file"):
        NAMED_SETS["mnist"].read(tmp_path, False)


def test_a_missing_mnist_file_is_named(tmp_path, pixels):
    write_idx(tmp_path / "MNIST" / "raw", pixels)
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(
        DatasetError, match="is incomplete: 't10k-labels-idx1-ubyte' is missing; remove the folder"
    ):
        NAMED_SETS["mnist"].read(tmp_path, False)


@pytest.fixture(
    params=[("cifar10", "CIFAR10", 10), ("cifar100", "CIFAR100", 100)], ids=lambda param: param[0]
)
def cifar(request, tmp_path, pixels, monkeypatch):
    """Tiny batches in the original layout, whose checksums torchvision is told to expect."""
    name, class_name, classes = request.param
    kind = getattr(torchvision.datasets, class_name)
    folder = tmp_path / kind.base_folder
    folder.mkdir()
    labels_key = "labels" if name == "cifar10" else "fine_labels"

    def batch(file, seed):
        images = pixels(classes, 32, 32, 3, seed=seed)
        rows = images.transpose(0, 3, 1, 2).reshape(classes, -1)
        path = folder / file
        path.write_bytes(pickle.dumps({"data": rows, labels_key: list(range(classes))}))
        return images, [file, md5(path)]

    train, test = batch("train", 1), batch("test", 2)
    meta = folder / kind.meta["filename"]
    meta.write_bytes(pickle.dumps({kind.meta["key"]: [f"class {i}" for i in range(classes)]}))
    monkeypatch.setattr(kind, "train_list", [train[1]])
    monkeypatch.setattr(kind, "test_list", [test[1]])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(meta)})
    return NAMED_SETS[name], tmp_path, folder, train[0], test[0]


def test_cifar_is_read_with_the_names_of_its_classes(cifar):
    named, root, _, train, test = cifar
    dataset = named.read(root, False)
    assert np.array_equal(dataset.train_images, train)
    assert np.array_equal(dataset.test_images, test)
    assert dataset.train_labels.tolist() == list(range(len(train)))
    assert dataset.class_names[1] == "class 1"
    assert dataset.train_images.flags.c_contiguous


@pytest.mark.parametrize("file", ["train", "test", "meta"])
def test_cifar_with_another_checksum_is_never_unpickled(cifar, trap, file):
    named, root, folder, _, _ = cifar
    path = folder / file if file != "meta" else next(p for p in folder.iterdir() if "meta" in p.name)
    path.write_bytes(pickle.dumps(trap(root / "sprung")))
    with pytest.raises(DatasetError, match="is incomplete or damaged: its checksums are not those of cifar"):
        named.read(root, False)
    assert not (root / "sprung").exists()


def test_presence_asks_for_every_file(tmp_path):
    svhn = NAMED_SETS["svhn"]
    for name in ("train", "test"):
        assert not svhn.present(tmp_path, False)
        (tmp_path / f"{name}_32x32.mat").write_bytes(b"")
    assert svhn.present(tmp_path, False)
    assert not svhn.present(tmp_path, True)


def test_gzip_files_alone_are_not_the_raw_ones(tmp_path, pixels):
    write_idx(tmp_path / "MNIST" / "raw", pixels)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    with pytest.raises(DatasetError, match="'train-images-idx3-ubyte' is missing"):
        NAMED_SETS["mnist"].read(tmp_path, False)
