import io
import logging

import numpy as np
import pytest
from PIL import Image
from tqdm import tqdm

from trainers.datasets import DatasetError, decoding_bar, load_dataset
from trainers.datasets import folder as folder_module
from trainers.datasets.folder import read_image_folder


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_pixels_labels_and_names(tmp_path, tree, write_folder):
    dataset = read_image_folder(write_folder(tmp_path / "f", tree), "mine")
    assert dataset.name == "mine"
    assert dataset.class_names == ("cat", "dog")
    assert dataset.input_shape == (3, 6, 6)
    assert dataset.train_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.test_labels.tolist() == [0, 0, 1, 1]
    expected = [decoded(tree[f"train/{name}/{i}.png"]) for name in ("cat", "dog") for i in range(3)]
    assert np.array_equal(dataset.train_images, np.stack(expected))


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.tgz"])
def test_archive_in_any_order_equals_folder(tmp_path, tree, write_folder, write_tar, name):
    shuffled = {f"top/{name}": tree[name] for name in reversed(tree)}
    archive = read_image_folder(write_tar(tmp_path / name, shuffled), "x")
    assert archive.fingerprint == read_image_folder(write_folder(tmp_path / "f", tree), "x").fingerprint


def test_order_is_that_of_torchvision(tmp_path, tree, write_folder):
    from torchvision.datasets import ImageFolder

    folder = write_folder(tmp_path / "f", {**tree, "train/ant/10.png": tree["train/cat/0.png"]})
    peer = ImageFolder(str(folder / "train"))
    dataset = read_image_folder(folder, "x")
    assert dataset.class_names == tuple(peer.classes)
    assert dataset.train_labels.tolist() == peer.targets
    assert np.array_equal(dataset.train_images, np.stack([np.asarray(image) for image, _ in peer]))


def test_without_a_test_folder_there_are_no_test_images(tmp_path, tree, write_folder):
    files = {name.removeprefix("train/"): data for name, data in tree.items() if name.startswith("train/")}
    dataset = read_image_folder(write_folder(tmp_path / "f", files), "x")
    assert dataset.test_images.shape == (0, 6, 6, 3)


def test_the_later_of_two_members_of_one_name_counts(tmp_path, tree, write_tar, encode, pixels):
    """As tar does when it extracts an archive that was appended to."""
    twice = {**tree, "./train/cat/0.png": encode(pixels(6, 6, 3, seed=999))}
    dataset = read_image_folder(write_tar(tmp_path / "x.tar", twice), "x")
    assert len(dataset.train_images) == 6
    assert np.array_equal(dataset.train_images[0], pixels(6, 6, 3, seed=999))


def test_grey_alone_has_one_channel_and_beside_colour_three(tmp_path, write_folder, encode, pixels):
    grey = {"a/1.png": encode(pixels(4, 4)), "b/1.png": encode(pixels(4, 4, seed=1))}
    assert read_image_folder(write_folder(tmp_path / "g", grey), "x").input_shape == (1, 4, 4)
    colour = {**grey, "b/2.png": encode(pixels(4, 4, 3))}
    mixed = read_image_folder(write_folder(tmp_path / "m", colour), "x")
    assert mixed.input_shape == (3, 4, 4)
    for channel in range(3):
        assert np.array_equal(mixed.train_images[0, ..., channel], pixels(4, 4))


def test_images_that_differ_in_size_are_refused_unless_they_are_resized(
    tmp_path, write_folder, encode, pixels
):
    files = {"a/1.png": encode(pixels(4, 4)), "b/1.png": encode(pixels(5, 7))}
    folder = write_folder(tmp_path / "f", files)
    with pytest.raises(DatasetError) as caught:
        read_image_folder(folder, "x")
    message = str(caught.value)
    assert "differ in size: 'a/1.png' is 4x4, 'b/1.png' is 5x7 (height x width); --image-size N" in message
    assert read_image_folder(folder, "x", image_size=6).input_shape == (1, 6, 6)


def test_a_broken_image_is_left_out_and_named(tmp_path, tree, write_tar):
    archive = write_tar(tmp_path / "x.tar", {**tree, "train/dog/1.png": tree["train/dog/1.png"][:60]})
    dataset = read_image_folder(archive, "x")
    assert dataset.unreadable.startswith(f"image 'train/dog/1.png' of {str(archive)!r} is broken: ")
    assert dataset.counts["train"] == {"cat": 3, "dog": 2}
    assert dataset.notes == ("1 file left out, unreadable: it is broken: 'train/dog/1.png'",)


def test_a_folder_without_images_is_refused(tmp_path, write_folder):
    with pytest.raises(DatasetError, match=r"no images in '.*' \(looked for \.png"):
        read_image_folder(write_folder(tmp_path / "f", {"a/readme.txt": b"x"}), "x")


@pytest.mark.parametrize("beside", ["labels.csv", "1.png"])
def test_a_single_class_is_refused_with_what_is_read(tmp_path, write_folder, encode, pixels, beside):
    folder = write_folder(tmp_path / "f", {"a/1.png": encode(pixels(4, 4)), beside: b""})
    with pytest.raises(DatasetError, match=r"'a', but at least 2 are needed; .* from train/CLASS/\*"):
        read_image_folder(folder, "x")


def test_images_that_need_more_memory_than_there_is_are_refused(tmp_path, tree, write_folder, monkeypatch):
    monkeypatch.setattr("trainers.datasets.content.most_bytes", lambda: 6 * 6 * 3 * 9)
    with pytest.raises(DatasetError, match="need more than 972 bytes of memory; --image-size"):
        read_image_folder(write_folder(tmp_path / "f", tree), "x")


def test_unused_images_are_reported(tmp_path, tree, write_folder):
    folder = write_folder(tmp_path / "f", {**tree, "val/cat/9.png": tree["test/cat/0.png"]})
    assert read_image_folder(folder, "x").notes == ("images in 'val' are not used",)


def test_a_validation_set_of_its_own(tmp_path, tree, write_folder):
    files = {name: data for name, data in tree.items() if name.startswith("train/")}
    folder = write_folder(tmp_path / "f", {**files, "val/dog/9.png": tree["test/dog/0.png"]})
    dataset = read_image_folder(folder, "x", own_validation=True)
    assert dataset.validation_labels.tolist() == [1]
    assert np.array_equal(dataset.validation_images[0], decoded(tree["test/dog/0.png"]))
    assert len(dataset.test_images) == 0
    assert dataset.counts["validation"] == {"cat": 0, "dog": 1}
    before = read_image_folder(folder, "x")  # as in searches started by earlier versions
    assert (before.test_labels.tolist(), len(before.validation_images)) == ([1], 0)
    assert before.fingerprint != dataset.fingerprint


def test_training_images_in_other_parts_are_told(tmp_path, tree, write_folder):
    leaks = {"test/cat/9.png": tree["train/cat/0.png"], "val/dog/7.png": tree["train/cat/1.png"]}
    folder = write_folder(tmp_path / "f", {**tree, **leaks})
    told = "1 of 5 test images is a training image, too: 'test/cat/9.png' is 'train/cat/0.png'"
    assert told in read_image_folder(folder, "x").notes
    assert read_image_folder(folder, "x", own_validation=True).notes == (
        "1 of 1 validation images is a training image, too: 'val/dog/7.png' is 'train/cat/1.png'",
        told,
    )


def test_names_from_data_do_not_command_the_terminal(tmp_path, tree, write_tar, caplog, monkeypatch, capsys):
    monkeypatch.setattr(folder_module, "tqdm", lambda **options: tqdm(**{**options, "delay": 0}))
    evil = "\x1b]0;evil\x07"
    archive = write_tar(tmp_path / f"{evil}.tar", {**tree, f"{evil}/cat/9.png": tree["test/cat/0.png"]})
    with caplog.at_level(logging.WARNING):
        load_dataset(str(archive), cache_dir=tmp_path)
    shown = caplog.text + capsys.readouterr().err
    assert shown.count(r"\x1b]0;evil\x07") >= 2
    assert "\x1b]" not in shown


@pytest.mark.parametrize("junk", ["train/cat/._0.png", "train/.DS_Store", "__MACOSX/train/cat/0.png"])
def test_by_products_do_not_matter(tmp_path, tree, write_folder, junk):
    clean = read_image_folder(write_folder(tmp_path / "clean", tree), "x")
    dirty = read_image_folder(write_folder(tmp_path / "dirty", {**tree, junk: b"\0"}), "x")
    assert clean.fingerprint == dirty.fingerprint


def test_the_bar_is_shown_unless_it_is_not_wanted(tmp_path, tree, write_folder, monkeypatch, capsys):
    monkeypatch.setattr(folder_module, "tqdm", lambda **options: tqdm(**{**options, "delay": 0}))
    folder = write_folder(tmp_path / "photos", tree)
    with decoding_bar(False):
        read_image_folder(folder, "x")
    assert capsys.readouterr().err == ""
    read_image_folder(folder, "x")
    assert "decoding photos" in capsys.readouterr().err
