import logging
import urllib.error
import urllib.request

import numpy as np
import pytest
import scipy.io
from PIL import Image

from trainers.datasets import DATASET_NAMES, DatasetError, load_dataset
from trainers.datasets.decoding import readable_formats


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No network, an empty working directory and an empty cache of the user."""

    def no_network(*args, **options):
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def write_npz(path, images, **more):
    np.savez(path, x_train=images, y_train=np.arange(len(images)) % 2, **more)
    return path


def write_svhn(root, pixels, *parts):
    for part in parts:
        mat = {"X": pixels(32, 32, 3, 10), "y": np.arange(1, 11)[:, None]}
        scipy.io.savemat(root / f"{part}_32x32.mat", mat)


@pytest.mark.parametrize("name", ["cifar10", "digits", "tinyset"])
@pytest.mark.parametrize("form", [".npz", ".tar.gz", ".tgz", ".tar", ""])
def test_a_name_is_looked_for_in_data_dir_first(data, tree, write_tar, write_folder, pixels, name, form):
    path = data / f"{name}{form}"
    if form == ".npz":
        write_npz(path, pixels(4, 6, 6, 3))
    elif form:
        write_tar(path, tree)
    else:
        write_folder(path, tree)
    dataset = load_dataset(name, data_dir=data)
    assert dataset.name == name
    assert dataset.input_shape == (3, 6, 6)
    assert dataset.num_classes == 2


def test_npz_comes_before_archive_before_folder(data, tree, write_tar, write_folder, pixels):
    write_folder(data / "x", tree)
    assert len(load_dataset("x", data_dir=data).train_images) == 6
    write_tar(data / "x.tar.gz", {**tree, "train/cat/9.png": tree["train/cat/0.png"]})
    assert len(load_dataset("x", data_dir=data).train_images) == 7
    write_npz(data / "x.npz", pixels(4, 6, 6, 3))
    assert len(load_dataset("x", data_dir=data).train_images) == 4


@pytest.mark.parametrize("below", [".", "svhn"])
def test_torchvisions_layout_is_found(data, pixels, below):
    (data / below).mkdir(exist_ok=True)
    write_svhn(data / below, pixels, "train", "test")
    assert load_dataset("svhn", data_dir=str(data)).input_shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("name", "part"), [("svhn", "train_32x32.mat"), ("cifar10", "cifar-10-python.tar.gz")]
)
def test_a_part_of_a_known_data_set_is_no_folder_of_images(data, tree, write_folder, name, part):
    write_folder(data / name, {part: b""})
    with pytest.raises(DatasetError, match="cannot download"):
        load_dataset(name, data_dir=data)
    write_folder(data / name, tree)
    assert load_dataset(name, data_dir=data).num_classes == 2


def test_a_name_that_is_not_here_is_answered_with_data_dir(data):
    with pytest.raises(
        DatasetError, match="in the working directory; if it is in another folder, name that as --data-"
    ):
        load_dataset("trips")
    with pytest.raises(DatasetError, match=r"trips/\) and in the working directory\)$"):
        load_dataset("trips", data_dir=data)


def test_the_extra_set_of_svhn_is_added_on_demand(data, pixels):
    write_svhn(data, pixels, "train", "test", "extra")
    write_npz(data / "svhn.npz", pixels(4, 6, 6, 3))
    assert len(load_dataset("svhn", data_dir=data).train_images) == 4
    assert len(load_dataset("svhn", data_dir=data, extra=True).train_images) == 20


@pytest.mark.parametrize("name", ["cifar10", "digits", "own"])
def test_no_other_data_set_has_an_extra_set(name):
    with pytest.raises(DatasetError, match=f"data set '{name}' has no extra set; svhn has one"):
        load_dataset(name, extra=True)


def test_an_earlier_download_in_the_cache_is_found(tmp_path, data, pixels):
    downloads = tmp_path / "cache" / "downloads"
    downloads.mkdir(parents=True)
    write_svhn(downloads, pixels, "train", "test")
    dataset = load_dataset("svhn", data_dir=data, cache_dir=tmp_path / "cache", download=False)
    assert len(dataset.train_images) == 10


@pytest.mark.parametrize("name", ["set.npz", "set.tar.gz", "set"])
def test_files_of_ones_own_are_named_by_their_path(
    tmp_path, data, tree, pixels, write_tar, write_folder, name, monkeypatch
):
    write_npz(data / "set.npz", pixels(4, 6, 6, 3))
    write_tar(data / "set.tar.gz", tree)
    write_folder(data / "set", tree)
    absolute = load_dataset(str(data / name))
    assert absolute.name == "set"
    monkeypatch.chdir(data)
    assert load_dataset(f"./{name}").fingerprint == absolute.fingerprint
    monkeypatch.setenv("HOME", str(data))
    assert load_dataset(f"~/{name}").fingerprint == absolute.fingerprint


@pytest.mark.parametrize("written", ["./x", "x/", "../work/x", "~/x", "{here}/x", "."])
def test_what_is_written_as_a_path_is_that_path_whatever_is_in_data_dir(
    tmp_path, data, tree, write_folder, monkeypatch, written
):
    other = {**tree, "train/cat/9.png": tree["train/cat/0.png"]}
    here = tmp_path / "work" / "x"
    for folder in (data, data / "x", data / "work" / "x", data / "~" / "x"):
        write_folder(folder, other)
    write_folder(here, tree)
    np.savez(here.with_suffix(".npz"))
    monkeypatch.setenv("HOME", str(here.parent))
    if written == ".":
        monkeypatch.chdir(here)
    dataset = load_dataset(written.format(here=here.parent), data_dir=data)
    assert len(dataset.train_images) == 6


@pytest.mark.parametrize("written", ["./x", "x/", "x", "below/x"])
def test_a_name_that_is_nowhere_else_is_found_in_data_dir(data, tree, write_folder, written):
    write_folder(data / written, tree)
    assert load_dataset(written, data_dir=data).name == "x"


def test_a_function_of_ones_own_is_a_data_set(tmp_path):
    (tmp_path / "work" / "own_load_module.py").write_text(
        "import numpy as np\ndef small(): return np.zeros((4, 6, 6), np.uint8), np.array([0, 1, 0, 1])\n"
    )
    assert load_dataset("own_load_module:small", image_size=4).input_shape == (1, 4, 4)


def test_digits_need_nothing(tmp_path):
    assert load_dataset("digits", cache_dir=tmp_path / "cache").name == "digits"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", [n for n in DATASET_NAMES if n != "digits"])
def test_without_network_the_places_are_named(tmp_path, data, name):
    with pytest.raises(DatasetError) as caught:
        load_dataset(name, data_dir=data, cache_dir=tmp_path / "cache")
    message = str(caught.value)
    assert message.startswith(f"cannot download {name!r} (")
    for place in (
        str(data),
        f"{name}.npz",
        f"{name}.tar.gz",
        f"{name}/",
        str(tmp_path / "cache" / "downloads"),
    ):
        assert place in message
    assert "\n" not in message


def test_without_downloads_a_missing_data_set_is_named(tmp_path):
    with pytest.raises(
        DatasetError, match=r"data set 'mnist' is not here and downloading is off; .*MNIST/raw"
    ):
        load_dataset("mnist", download=False)


@pytest.mark.parametrize(
    ("typed", "meant"), [("cifar", "cifar10"), ("CIFAR100", "cifar100"), ("fashion_mnist", "fashion-mnist")]
)
def test_unknown_name_suggests_the_nearest(data, typed, meant):
    with pytest.raises(DatasetError) as caught:
        load_dataset(typed, data_dir=data)
    message = str(caught.value)
    assert message.startswith(f"unknown data set: {typed!r}; did you mean {meant!r}?")
    assert all(name in message for name in DATASET_NAMES)
    assert f"in {str(data)!r} ({typed}.npz" in message


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"^no such file or folder: '/no/where/x\.npz' \(known"):
        load_dataset("/no/where/x.npz")


def test_a_file_of_no_known_kind_is_refused(tmp_path):
    (tmp_path / "work" / "x.zip").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"'x\.zip' is of no known kind; a folder, \.tar\.gz"):
        load_dataset("x.zip")


@pytest.mark.parametrize("name", ["a" * 5000, "~nobody-of-this-name/x.npz"])
def test_a_place_that_cannot_be_looked_at_is_named(name):
    with pytest.raises(DatasetError, match=f"^cannot look for data set '{name}': ") as caught:
        load_dataset(name)
    assert "\n" not in str(caught.value)


def test_images_are_resized_once(data, pixels, monkeypatch):
    images = pixels(4, 6, 8, 3)
    write_npz(data / "x.npz", images, x_test=images[:1], y_test=np.array([0]))
    first = load_dataset("x", data_dir=data, image_size=5)
    assert first.train_images.shape == (4, 5, 5, 3)
    assert first.test_images.shape == (1, 5, 5, 3)
    monkeypatch.setattr("trainers.datasets.load.resize_images", None)
    assert load_dataset("x", data_dir=data, image_size=5).fingerprint == first.fingerprint


def test_formats_that_pillow_has_learned_to_read_are_read(data, tree, encode, pixels, write_folder):
    write_folder(data / "x", {**tree, "train/cat/9.ppm": encode(pixels(6, 6, 3, seed=9), "PPM")})
    readable_formats.cache_clear()
    with pytest.MonkeyPatch.context() as before:
        before.delitem(Image.OPEN, "PPM")
        assert len(load_dataset("x", data_dir=data).train_images) == 6
    readable_formats.cache_clear()
    assert len(load_dataset("x", data_dir=data, strict=True).train_images) == 7


def test_images_that_are_not_square_are_refused(data, pixels):
    write_npz(data / "x.npz", pixels(4, 6, 8, 3))
    with pytest.raises(DatasetError, match=r"'x' are 6x8 \(height x width\), not square; --image-size N"):
        load_dataset("x", data_dir=data)


def test_limit_keeps_proportions_and_the_test_set(tmp_path):
    whole = load_dataset("digits")
    part = load_dataset("digits", limit=200, seed=1)
    assert len(part.train_images) == 200
    assert np.array_equal(part.test_images, whole.test_images)
    exact = np.bincount(whole.train_labels) * 200 / len(whole.train_labels)
    assert np.abs(np.bincount(part.train_labels) - exact).max() < 1
    assert part.fingerprint == load_dataset("digits", limit=200, seed=1).fingerprint
    assert part.fingerprint != load_dataset("digits", limit=200, seed=2).fingerprint
    assert load_dataset("digits", limit=10**6).fingerprint == whole.fingerprint


def test_a_limit_that_leaves_images_out_is_noted_with_their_number():
    (note,) = load_dataset("digits", limit=1000).notes
    assert note == "1,000 of 1,438 training images are used (--train-limit N uses more)"
    assert load_dataset("digits", limit=1438).notes == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, r"image size 0 is out of range; 1\.\.1024"),
        ({"image_size": 5000}, "image size 5000 is out of range"),
        ({"limit": 0}, "limit 0 is out of range"),
        ({"limit": 9}, "limit 9 is too small: 10 classes"),
        ({"limit": 20, "seed": -1}, "seed -1 is negative"),
    ],
)
def test_bad_options_are_quoted(options, message):
    with pytest.raises(DatasetError, match=message):
        load_dataset("digits", **options)


def test_an_empty_name_is_refused():
    with pytest.raises(DatasetError, match="name is empty; known are cifar10"):
        load_dataset("")


@pytest.mark.data
def test_cifar10_itself_is_read_and_found_in_the_cache(real_data, shared_cache, caplog):
    first = load_dataset("cifar10", data_dir=real_data, cache_dir=shared_cache)
    assert np.bincount(first.train_labels).tolist() == [5000] * 10
    assert np.bincount(first.test_labels).tolist() == [1000] * 10
    assert first.input_shape == (3, 32, 32)
    assert first.class_names[:3] == ("airplane", "automobile", "bird")
    mean = first.train_images.reshape(-1, 3).mean(axis=0) / 255
    assert mean == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-4)  # published for the originals
    with caplog.at_level(logging.WARNING):
        again = load_dataset("cifar10", data_dir=real_data, cache_dir=shared_cache)
    assert again.fingerprint == first.fingerprint
    assert caplog.text == ""


@pytest.mark.data
def test_mnist_itself_is_read(real_data, shared_cache):
    dataset = load_dataset("mnist", data_dir=real_data, cache_dir=shared_cache, image_size=14, limit=6000)
    assert dataset.input_shape == (1, 14, 14)
    assert (len(dataset.train_images), len(dataset.test_images)) == (6000, 10000)
    assert dataset.train_images.mean() / 255 == pytest.approx(0.1307, abs=2e-3)  # the usual constant
    # Published class counts of the 60,000 training images; 1 is the most, 5 the least frequent.
    counts = np.array([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    assert np.abs(np.bincount(dataset.train_labels) - counts / 10).max() < 1
