import dataclasses
import os

import numpy as np
import pytest

from trainers.datasets import DatasetError, ImageDataset
from trainers.datasets import dataset as dataset_module
from trainers.datasets.dataset import machine_memory, most_bytes


def make(**changes):
    images = np.arange(4 * 2 * 3 * 1, dtype=np.uint8).reshape(4, 2, 3, 1)
    arguments = {
        "name": "small",
        "train_images": images,
        "train_labels": np.array([0, 1, 0, 1]),
        "test_images": images[:0],
        "test_labels": np.array([], dtype=np.int64),
        "class_names": ("a", "b"),
    }
    return ImageDataset(**{**arguments, **changes})


def test_shape_is_channels_first_and_classes_are_counted():
    dataset = make()
    assert dataset.input_shape == (1, 2, 3)
    assert dataset.num_classes == 2


def test_arrays_become_contiguous_without_changing():
    strided = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 1, 3, 2).transpose(0, 3, 2, 1)
    dataset = make(train_images=strided, test_images=strided[:0])
    assert dataset.train_images.flags.c_contiguous
    assert np.array_equal(dataset.train_images, strided)


def test_a_data_set_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().name = "other"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": np.zeros((4, 2, 3, 1))}, "pixels must be a 4-d uint8 array, not float64"),
        ({"train_images": np.zeros((4, 2, 3), np.uint8)}, r"4-d uint8 array, not uint8 \(4, 2, 3\)"),
        ({"train_images": [[1]]}, "not list"),
        ({"train_images": np.zeros((4, 0, 3, 1), np.uint8)}, "no pixels: shape 4x0x3x1"),
        ({"train_labels": np.array([0, 1, 0, 1], np.int32)}, "labels must be a 1-d int64 array, not int32"),
        ({"train_labels": np.array([0, 1])}, "4 images but 2 labels"),
        ({"train_labels": np.array([0, 1, 7, 1])}, r"label 7 is out of range; 2 classes have labels 0\.\.1"),
        ({"train_labels": np.array([0, 1, -3, 1])}, "label -3 is out of range"),
        ({"train_labels": np.zeros(4, np.int64)}, r"class 'b' \(label 1\) of 'small' has no training image"),
        ({"class_names": ("a",), "train_labels": np.zeros(4, np.int64)}, "at least 2 are needed"),
        ({"class_names": ("a", "a")}, "class name 'a' of 'small' occurs more than once"),
        ({"class_names": ["a", "b"]}, "must be a tuple of strings"),
        ({"test_images": np.zeros((0, 3, 3, 1), np.uint8)}, "3x3x1, its training images 2x3x1"),
        (
            {"test_images": np.zeros((1, 2, 3, 1), np.uint8), "test_labels": np.array([2])},
            "test images of 'small': label 2",
        ),
    ],
)
def test_bad_content_is_one_line_that_quotes_it(changes, message):
    with pytest.raises(DatasetError, match=message) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_fingerprint_is_of_the_content_not_the_name():
    assert make().fingerprint == make(name="other").fingerprint
    assert len(make().fingerprint) == 64


def test_fingerprint_changes_with_every_part():
    one_pixel = make().train_images.copy()
    one_pixel[0, 0, 0, 0] += 1
    variants = [
        make(),
        make(train_images=one_pixel),
        make(train_labels=np.array([1, 0, 0, 1])),
        make(test_images=one_pixel[:1], test_labels=np.array([0])),
        make(test_images=one_pixel[:1], test_labels=np.array([1])),
        make(class_names=("a", "c")),
        make(
            train_images=make().train_images.reshape(4, 3, 2, 1),
            test_images=one_pixel[:0].reshape(0, 3, 2, 1),
        ),
    ]
    assert len({dataset.fingerprint for dataset in variants}) == len(variants)


def test_messages_are_one_line_of_printable_characters():
    assert str(
        DatasetError("f\xfcr '\x1b]0;x\x07' \u202e\n\ud800")
    ) == r"für '\x1b]0;x\x07' \u202e\n\ud800".replace(r"fü", "f\xfc")


@pytest.fixture
def container(tmp_path, monkeypatch):
    """Pretends to be in a container whose limit reads so."""

    def pretend(limit):
        (tmp_path / "memory.max").write_text(limit)
        monkeypatch.setattr(dataset_module, "_CGROUP_LIMITS", (str(tmp_path / "memory.max"),))
        machine_memory.cache_clear()

    yield pretend
    machine_memory.cache_clear()


def test_a_container_has_the_memory_of_its_limit(container):
    container("100000000\n")
    assert machine_memory() == 100_000_000
    assert most_bytes() == 50_000_000


def test_a_container_without_a_limit_has_the_memory_of_the_machine(container, monkeypatch):
    container("max\n")
    monkeypatch.setattr(os, "sysconf", lambda name: 2**20, raising=False)
    assert machine_memory() == 2**40
    assert most_bytes() == dataset_module.MAX_BYTES


def test_without_sysconf_as_on_windows_32_gib_are_assumed(container, monkeypatch):
    container("max\n")
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert machine_memory() == 2**35
