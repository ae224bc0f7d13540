import os
import zipfile

import numpy as np
import pytest

from trainers.datasets import DatasetError
from trainers.datasets import arrays as arrays_module
from trainers.datasets.arrays import dataset_from_arrays, read_npz
from trainers.datasets.dataset import most_bytes


@pytest.fixture
def arrays(pixels):
    return {
        "x_train": pixels(6, 4, 4, 3),
        "y_train": np.array([0, 1, 2, 0, 1, 2]),
        "x_test": pixels(2, 4, 4, 3, seed=1),
        "y_test": np.array([2, 0]),
    }


def test_colour_images_are_read_as_they_are(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    dataset = read_npz(tmp_path / "x.npz", "mine")
    assert dataset.name == "mine"
    assert dataset.input_shape == (3, 4, 4)
    assert dataset.class_names == ("0", "1", "2")
    for name, field in (("x_train", "train_images"), ("y_test", "test_labels")):
        assert np.array_equal(getattr(dataset, field), arrays[name])


def test_grey_without_test_set_and_other_types(tmp_path, pixels):
    grey = pixels(4, 5, 5)
    labels = np.array([[0], [1], [0], [1]], dtype=np.uint8)  # a column, as Keras's CIFAR-10 has it
    np.savez_compressed(tmp_path / "x.npz", x_train=grey.astype(np.int32), y_train=labels)
    dataset = read_npz(tmp_path / "x.npz", "x")
    assert np.array_equal(dataset.train_images[..., 0], grey)
    assert dataset.train_labels.tolist() == [0, 1, 0, 1]
    assert dataset.test_images.shape == (0, 5, 5, 1)


@pytest.mark.parametrize("names", [np.array([b"cat", b"dog", "é".encode()]), ["cat", "dog", "é"]])
def test_class_names_may_be_text_or_its_bytes(tmp_path, arrays, names):
    np.savez(tmp_path / "x.npz", **arrays, class_names=names)
    assert read_npz(tmp_path / "x.npz", "x").class_names == ("cat", "dog", "é")


def test_other_names_and_class_names(tmp_path, arrays):
    np.savez(
        tmp_path / "x.npz",
        train_images=arrays["x_train"],
        train_labels=arrays["y_train"],
        val_images=arrays["x_test"],
        class_names=np.array(["cat", "dog", "eel"]),
    )
    assert read_npz(tmp_path / "x.npz", "x").class_names == ("cat", "dog", "eel")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": None}, "has no 'x_train' (or 'train_images'); it holds 'y_train', 'x_test', 'y_test'"),
        ({"y_test": None}, "has only one of 'x_test' and 'y_test'"),
        ({"x_train": np.zeros((6, 16), np.uint8)}, "'x_train' of here has shape 6x16; (n, height, width)"),
        ({"x_train": np.uint8(6)}, "'x_train' of here has shape (); (n, height, width) or"),
        ({"x_train": np.zeros((6, 3, 32, 32), np.uint8)}, "6x3x32x32: channels must come last"),
        ({"x_train": np.zeros((6, 4, 32, 32), np.uint8)}, "6x4x32x32: channels must come last"),
        ({"x_train": np.zeros((6, 2, 32, 32), np.uint8)}, "6x2x32x32: channels must come last"),
        ({"x_train": np.zeros((6, 4, 4, 3))}, "'x_train' of here has dtype float64; pixels must be integers"),
        ({"x_train": np.full((6, 4, 4, 3), 256)}, "'x_train' of here holds the pixel value 256"),
        ({"x_train": np.full((6, 4, 4, 3), -1)}, "holds the pixel value -1; 0..255 is allowed"),
        ({"y_train": np.zeros(6)}, "'y_train' of here has dtype float64 and shape (6,); one integer label"),
        ({"y_train": np.eye(6, 3, dtype=int)}, "shape (6, 3); one integer label per image"),
        ({"y_train": np.array([0, 1, 2, 0, 1])}, "6 images but 5 labels"),
        ({"y_train": np.array([0, 1, 2, 0, 1, -2])}, "the label -2; labels are counted from 0"),
        ({"y_train": np.array([0, 1, 3, 0, 1, 3])}, "class '2' (label 2) of 'x' has no training image"),
        ({"y_train": np.array([0, 1, 2, 0, 1, 10**12])}, "label 1000000000000 is out of range: 6 images"),
        ({"y_train": np.full(6, 2**63, np.uint64)}, "label 9223372036854775808, which is out of range"),
        ({"y_test": np.array([0, 9])}, "test images of 'x': label 9 is out of range"),
        ({"class_names": np.array(["a", "b"])}, "label 2 is out of range; 2 classes"),
    ],
)
def test_what_does_not_fit_is_quoted(arrays, change, message):
    content = {name: array for name, array in {**arrays, **change}.items() if array is not None}
    with pytest.raises(DatasetError) as caught:
        dataset_from_arrays("x", content, "here")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pickles_are_never_opened(tmp_path, trap, arrays):
    traps = np.array([trap(tmp_path / "sprung")] * 6, dtype=object)
    np.savez(tmp_path / "x.npz", **{**arrays, "x_train": traps})
    with pytest.raises(DatasetError, match=r"'x_train' of '.*x\.npz' holds Python objects \(a pickle\)"):
        read_npz(tmp_path / "x.npz", "x")
    assert not (tmp_path / "sprung").exists()


def test_arrays_nobody_asked_for_do_not_matter(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", notes=np.array([{}], dtype=object), **arrays)
    assert len(read_npz(tmp_path / "x.npz", "x").train_images) == 6


def test_arrays_of_unknown_names_are_told(arrays):
    others = {"X_test": arrays.pop("x_test"), "Y_test": arrays.pop("y_test"), "classes": np.array(["a", "b"])}
    dataset = dataset_from_arrays("x", {**arrays, **others}, "it")
    assert dataset.notes == ("3 arrays with unknown names are not used: 'X_test', 'Y_test', 'classes'",)


def test_missing_arrays_are_listed(tmp_path):
    np.savez(tmp_path / "x.npz", data=np.zeros(3), target=np.zeros(3))
    with pytest.raises(DatasetError, match=r"has no 'x_train' .* it holds 'data', 'target'"):
        read_npz(tmp_path / "x.npz", "x")


def test_a_damaged_file_is_one_line(tmp_path, arrays):
    path = tmp_path / "x.npz"
    np.savez(path, **arrays)
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[300] ^= 0xFF  # a pixel: only the checksum tells
    for data in (b"", b"nothing", good[:100], good[: len(good) // 2], bytes(flipped)):
        path.write_bytes(data)
        with pytest.raises(DatasetError, match=r"'.*x\.npz' is damaged or not an \.npz file: \w+") as caught:
            read_npz(path, "x")
        assert "\n" not in str(caught.value)


def test_class_names_as_python_objects_are_refused_with_what_is_right(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **arrays, class_names=np.array(["a", "b", "c"], dtype=object))
    with pytest.raises(
        DatasetError, match="save it as an array of numbers, or class names as one of strings"
    ):
        read_npz(tmp_path / "x.npz", "x")


def test_a_single_array_is_no_npz(tmp_path):
    with open(tmp_path / "x.npz", "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DatasetError, match=r"is damaged or not an \.npz file: BadZipFile"):
        read_npz(tmp_path / "x.npz", "x")


def test_arrays_are_limited_together(tmp_path, arrays, monkeypatch):
    np.savez(tmp_path / "x.npz", **arrays)
    monkeypatch.setattr(arrays_module, "most_bytes", lambda: 2687)
    with pytest.raises(DatasetError, match=r"need 2,688 bytes .*, most of them 'y_train'; at most 2,687"):
        read_npz(tmp_path / "x.npz", "x")


def test_the_limit_is_half_of_the_memory():
    assert 2**24 < most_bytes() <= 8 * 2**30 * 2
    if hasattr(os, "sysconf"):
        assert most_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2


def test_a_header_that_promises_too_much(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    with zipfile.ZipFile(tmp_path / "x.npz") as source, zipfile.ZipFile(tmp_path / "y.npz", "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b"(6, 4, 4, 3)", b"(9" + b"9" * 8 + b"9,)"))
    with pytest.raises(DatasetError, match=r"y\.npz' is damaged"):
        read_npz(tmp_path / "y.npz", "y")


@pytest.mark.parametrize("names", [("x_val", "y_val"), ("val_images", "val_labels"), ("x_valid", "y_valid")])
def test_a_validation_set_of_its_own_validates_or_is_told_unused(tmp_path, arrays, pixels, names):
    images, labels = pixels(3, 4, 4, 3, seed=7), np.array([1, 0, 2])
    np.savez(tmp_path / "x.npz", **arrays, **dict(zip(names, (images, labels), strict=True)))
    used = read_npz(tmp_path / "x.npz", "x", own_validation=True)
    np.testing.assert_array_equal(used.validation_images, images)
    np.testing.assert_array_equal(used.validation_labels, labels)
    assert used.notes == (f"images in {names[0]!r} validate",)
    unused = read_npz(tmp_path / "x.npz", "x")
    assert (len(unused.validation_images), len(unused.test_images)) == (0, 2)
    assert unused.notes == (f"images in {names[0]!r} are not used",)
    np.savez(tmp_path / "without.npz", **arrays)
    assert unused.fingerprint == read_npz(tmp_path / "without.npz", "x").fingerprint != used.fingerprint


def test_validation_images_without_labels_are_left_out_and_told(tmp_path, arrays, pixels):
    np.savez(tmp_path / "x.npz", **arrays, x_val=pixels(3, 4, 4, 3, seed=7))
    dataset = read_npz(tmp_path / "x.npz", "x", own_validation=True)
    assert len(dataset.validation_images) == 0
    assert dataset.notes == ("images in 'x_val' have no labels in 'y_val': they are left out",)


def test_a_function_may_return_a_validation_set(arrays, pixels):
    result = {**arrays, "x_val": pixels(3, 4, 4, 3, seed=7), "y_val": np.array([1, 0, 2])}
    assert len(dataset_from_arrays("x", result, "here", own_validation=True).validation_images) == 3


@pytest.mark.parametrize("own_validation", [True, False])
def test_arrays_of_known_names_that_are_not_used_are_named(tmp_path, arrays, own_validation):
    np.savez(tmp_path / "x.npz", **arrays, y_val=np.array([0, 1]), train_images=arrays["x_test"])
    assert read_npz(tmp_path / "x.npz", "x", own_validation).notes == (
        "2 arrays beside others that mean the same, or without images, are not used: 'y_val', 'train_images'",
    )


def test_training_images_in_other_parts_are_told(tmp_path, arrays, pixels):
    arrays["x_test"][1] = arrays["x_train"][4]
    validation = np.concatenate([arrays["x_train"][:2], pixels(2, 4, 4, 3, seed=7)])
    np.savez(tmp_path / "x.npz", **arrays, x_val=validation, y_val=np.array([0, 1, 2, 0]))
    assert read_npz(tmp_path / "x.npz", "x", own_validation=True).notes[1:] == (
        "2 of 4 validation images are training images, too: 'x_val[0]' is 'x_train[0]', "
        "'x_val[1]' is 'x_train[1]'",
        "1 of 2 test images is a training image, too: 'x_test[1]' is 'x_train[4]'",
    )


def test_validation_images_in_the_test_set_are_told(tmp_path, arrays):
    labels = np.array([1, 0])
    np.savez(tmp_path / "x.npz", **{**arrays, "y_test": labels}, x_val=arrays["x_test"], y_val=labels)
    assert read_npz(tmp_path / "x.npz", "x", own_validation=True).notes[1:] == (
        "2 of 2 test images are validation images, too: 'x_test[0]' is 'x_val[0]', 'x_test[1]' is 'x_val[1]'",
    )
