"""What is said about files, and what becomes of odd ones, each in one small folder or archive."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from trainers.datasets import DatasetError, content, load_dataset, members
from trainers.datasets.folder import read_image_folder

HEIC = b"\0\0\0\x18ftypheic" + bytes(99)


@pytest.fixture
def photos(encode, pixels):
    """Two classes of three images, 6x6, grey."""
    return {
        f"{name}/{i}.png": encode(pixels(6, 6, seed=10 * i + (name == "b")))
        for name in "ab"
        for i in range(3)
    }


def test_images_of_any_name_are_read_and_the_rest_is_counted(
    tmp_path, photos, write_folder, write_tar, encode, pixels
):
    jpeg = encode(pixels(6, 6, seed=99), "JPEG")
    odd = {
        "a/x.jfif": jpeg,
        "a/x.JPE": jpeg,
        "b/x": jpeg,
        "b/x.heic": b"\0\0\0\x18ftypheic" + bytes(99),
        "b/n.txt": b"n",
    }
    for source in (write_folder(tmp_path / "f", photos | odd), write_tar(tmp_path / "f.tar", photos | odd)):
        dataset = read_image_folder(source, "x")
        assert dataset.counts["train"] == {"a": 5, "b": 4}
        notes = "\n".join(dataset.notes)
        assert "1 file left out, not images: 'b/n.txt'" in notes
        assert "1 file left out, unreadable: it is HEIC, which Pillow does not read here" in notes
        assert "3 files are copies of one another, perhaps placeholders, and are used: 'a/x.JPE'" in notes


def test_a_class_of_which_nothing_can_be_read_is_no_missing_class(tmp_path, photos, write_tar):
    files = photos | {"c/1.heic": HEIC}
    with pytest.raises(DatasetError, match=r"class folder 'c' of .*; image 'c/1\.heic' .* HEIC"):
        read_image_folder(write_tar(tmp_path / "x.tar", files), "x")


def test_an_image_of_too_many_bytes_is_left_out_and_counted(tmp_path, photos, write_folder, monkeypatch):
    monkeypatch.setattr(members, "MAX_FILE_BYTES", 9_999)
    dataset = read_image_folder(write_folder(tmp_path / "f", photos | {"a/9.png": bytes(10_000)}), "x")
    assert dataset.counts["train"] == {"a": 3, "b": 3}
    assert "1 file left out, unreadable: it is too large: 'a/9.png'" in dataset.notes
    assert "a/9.png' of" in dataset.unreadable
    assert "at most 9,999 are read" in dataset.unreadable


def test_notes_come_from_the_cache_too_and_strict_refuses(tmp_path, photos, write_folder, caplog):
    folder = write_folder(tmp_path / "f", photos | {"a/9.png": b"broken"})
    for _ in range(2):
        caplog.clear()
        assert load_dataset(str(folder), cache_dir=tmp_path / "c").counts["train"] == {"a": 3, "b": 3}
        assert "1 file left out, unreadable" in caplog.text
        with pytest.raises(DatasetError, match=r"image 'a/9\.png' .* is broken: .*without --strict"):
            load_dataset(str(folder), cache_dir=tmp_path / "c", strict=True)


def test_a_data_set_of_12_bits_keeps_its_levels(tmp_path, write_folder, encode):
    ramp = np.linspace(0, 4095, 64).astype(np.uint16).reshape(8, 8)
    files = {
        f"{part}/{name}/{i}.png": encode(ramp)
        for part in ("train", "test")
        for name in "ab"
        for i in range(2)
    }
    dataset = read_image_folder(write_folder(tmp_path / "f", files), "x")
    assert dataset.levels == (1 / 16, 0.0)
    assert np.array_equal(dataset.train_images[0, ..., 0], ramp >> 4)
    assert np.array_equal(dataset.test_images[1, ..., 0], ramp >> 4)
    assert any(
        "grey values of more than 8 bits, 0 to 4095 in training, become 0 to 255" in n for n in dataset.notes
    )


def test_levels_are_those_of_the_training_images(tmp_path, write_folder, encode):
    dim, bright = (encode(np.array([[0, high]] * 2, dtype=np.uint16)) for high in (255, 65535))
    files = {"train/a/1.png": dim, "train/b/1.png": dim, "test/a/1.png": bright}
    dataset = read_image_folder(write_folder(tmp_path / "f", files), "x")
    assert (dataset.train_images.max(), dataset.test_images.max(), dataset.levels) == (255, 255, (1.0, 0.0))


def test_deep_images_that_the_levels_make_nearly_black_are_told(tmp_path, write_folder, encode):
    """12 bits in files of 16, beside images that use all 16, and in a test set beside 8-bit images."""
    ramps = {bits: np.linspace(0, 2**bits - 1, 4).reshape(2, 2) for bits in (8, 12, 16)}
    eight, twelve, sixteen = (encode(ramps[b].astype(np.uint8 if b == 8 else np.uint16)) for b in (8, 12, 16))
    mixed = {"a/1.png": sixteen, "b/1.png": sixteen, "b/2.png": twelve}
    apart = {"train/a/1.png": eight, "train/b/1.png": eight, "test/b/2.png": twelve}
    for name, files in (("mixed", mixed), ("apart", apart)):
        notes = read_image_folder(write_folder(tmp_path / name, files), "x").notes
        told = [note for note in notes if "nearly black at the levels of the training images" in note]
        assert [note.endswith("b/2.png'") for note in told] == [True]


def test_deep_images_that_the_levels_make_mostly_white_are_told(tmp_path, write_folder, encode):
    """12 bits in training, and the same values 16 times as large in the test set; one as bright as those."""
    ramp = np.linspace(0, 4095, 16).reshape(4, 4).astype(np.uint16)
    files = {"train/a/1.png": ramp, "train/b/1.png": ramp, "test/a/1.png": ramp * 16, "test/a/2.png": ramp}
    files["test/b/3.png"] = np.full((4, 4), 4095, dtype=np.uint16)
    encoded = {name: encode(image) for name, image in files.items()}
    dataset = read_image_folder(write_folder(tmp_path / "f", encoded), "x")
    told = [note for note in dataset.notes if "mostly white at the levels of the training images" in note]
    assert told == [
        "1 file of more than 8 bits, mostly white at the levels of the training images: 'test/a/1.png'"
    ]


def test_levels_are_not_those_of_a_member_that_a_later_one_replaces(tmp_path, write_tar, encode):
    dim, bright = (encode(np.array([[0, high]] * 2, dtype=np.uint16)) for high in (100, 65535))
    plain = encode(np.zeros((2, 2), np.uint8))
    files = {"a/1.png": bright, "./a/1.png": plain, "a/2.png": dim, "b/1.png": dim, "b/2.png": plain}
    dataset = read_image_folder(write_tar(tmp_path / "x.tar", files), "x")
    assert dataset.train_images[..., 0].max((1, 2)).tolist() == [0, 255, 255, 0]


def test_a_member_of_a_narrow_range_that_is_there_again_and_broken_is_left_out(tmp_path, write_tar, encode):
    image = encode(np.linspace(1000, 1100, 64).reshape(8, 8).astype(np.uint16))
    files = {f"{name}/{i}.png": image for name in "ab" for i in range(2)}
    whole = read_image_folder(write_tar(tmp_path / "x.tar", files), "x")
    again = read_image_folder(write_tar(tmp_path / "y.tar", files | {"./a/0.png": image[:50]}), "x")
    assert again.fingerprint == whole.fingerprint
    assert "1 file left out, unreadable: it is broken: 'a/0.png'" in again.notes


def sixteen_bit_colour(high):
    """A 16-bit RGB TIFF of one pixel, which Pillow cannot write."""
    import struct

    entries = [
        (256, 3, 1, 1),
        (257, 3, 1, 1),
        (258, 3, 3, 200),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 206),
    ]
    entries += [(277, 3, 1, 3), (278, 3, 1, 1), (279, 4, 1, 6)]
    body = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    body += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return body.ljust(200, b"\0") + struct.pack("<3H", 16, 16, 16) + struct.pack("<3H", high, 0, 0)


def test_16_bit_colour_is_refused_rather_than_black(tmp_path, write_folder):
    for high, refused in ((255, True), (4095, True), (65535, False)):
        data = sixteen_bit_colour(high)
        folder = write_folder(tmp_path / str(high), {"a/1.tif": data, "b/1.tif": data})
        if refused:
            with pytest.raises(DatasetError, match=r"16-bit colour images .*'a/1\.tif' use less"):
                read_image_folder(folder, "x")
        else:
            assert read_image_folder(folder, "x").train_images.max() == 255


def test_one_dark_image_of_16_bit_colour_among_bright_ones_is_no_reason_to_refuse_them(
    tmp_path, write_folder
):
    dark, bright = map(sixteen_bit_colour, (255, 65535))
    mixed = write_folder(tmp_path / "m", {"a/1.tif": bright, "a/2.tif": dark, "b/1.tif": bright})
    assert read_image_folder(mixed, "x").counts["train"] == {"a": 2, "b": 1}


@pytest.mark.parametrize("odd", ["cover.png", "figures/1.png", "test/1.png"])
def test_images_that_are_not_used_decide_nothing_about_the_others(
    tmp_path, photos, write_folder, encode, pixels, odd
):
    """Neither their number of channels nor their size; 16-bit colour that is dark is not refused, either."""
    files = {f"train/{name}": data for name, data in photos.items()}
    alone = read_image_folder(write_folder(tmp_path / "alone", files), "x")
    dark = {odd.replace("1.png", "2.tif"): sixteen_bit_colour(255)} if "/" in odd else {}
    beside = write_folder(tmp_path / "beside", files | {odd: encode(pixels(9, 7, 3))} | dark)
    assert read_image_folder(beside, "x").fingerprint == alone.fingerprint


def test_images_of_many_sizes_are_refused_before_all_are_decoded(
    tmp_path, write_folder, encode, pixels, monkeypatch
):
    files = {f"{name}/{i:02}.png": encode(pixels(i + 1, 5)) for name in "ab" for i in range(30)}
    folder, seen = write_folder(tmp_path / "f", files), []
    decode = content.decode_image
    monkeypatch.setattr(content, "decode_image", lambda data, *args: seen.append(data) or decode(data, *args))
    with pytest.raises(DatasetError, match=r"differ in size: 'a/00\.png' is 1x5, 'a/01\.png' is 2x5"):
        read_image_folder(folder, "x")
    assert len(seen) == content.MOST_SIZES + 1


def test_images_that_differ_in_size_and_need_too_much_memory_are_refused_for_their_sizes(
    tmp_path, photos, write_folder, encode, pixels, monkeypatch
):
    monkeypatch.setattr("trainers.datasets.content.most_bytes", lambda: 6 * 6 * 5)
    folder = write_folder(tmp_path / "f", photos | {"a/0.png": encode(pixels(4, 4))})
    with pytest.raises(DatasetError, match=r"differ in size: 'a/0\.png' is 4x4, 'a/1\.png' is 6x6"):
        read_image_folder(folder, "x")


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_links_in_an_archive_give_what_they_give_when_it_is_extracted(tmp_path, photos, write_tar):
    links = {
        "a/hard.png": link("a/hard.png", "b/0.png", tarfile.LNKTYPE),
        "a/soft.png": link("a/soft.png", "../b/1.png"),
        "a/twice.png": link("a/twice.png", "soft.png"),
        "c": link("c", "b"),
        "a/out.png": link("a/out.png", "/etc/passwd"),
        "a/up.png": link("a/up.png", "../../x.png"),
        "a/none.png": link("a/none.png", "nothing.png"),
    }
    archive = write_tar(tmp_path / "x.tar", photos | links)
    dataset = read_image_folder(archive, "x")
    assert dataset.counts["train"] == {"a": 6, "b": 3, "c": 3}
    assert any(
        note.startswith("3 files left out, links that lead to no image in the archive")
        for note in dataset.notes
    )
    for name in ("a/out.png", "a/up.png", "a/none.png"):
        del links[name]
    whole = write_tar(tmp_path / "y.tar", photos | links)
    with tarfile.open(whole) as tar:
        tar.extractall(tmp_path / "extracted", filter="data")
    assert (
        read_image_folder(whole, "x").fingerprint
        == read_image_folder(tmp_path / "extracted", "x").fingerprint
    )


def test_links_that_lead_to_no_image_are_named_in_the_order_of_their_paths(tmp_path, photos, write_tar):
    links = {f"a/{i:02}.png": link(f"a/{i:02}.png", "/gone.png") for i in reversed(range(50))}
    notes = read_image_folder(write_tar(tmp_path / "x.tar", photos | links), "x").notes
    left_out = "50 files left out, links that lead to no image in the archive"
    assert f"{left_out}: 'a/00.png', 'a/01.png', 'a/02.png', ..." in notes


@pytest.mark.parametrize("loop", [{"a/deep/back": ".."}, {"a/x": "../b", "b/y": "../a"}])
def test_links_that_lead_back_are_refused(tmp_path, photos, write_tar, loop):
    files = photos | {name: link(name, target) for name, target in loop.items()}
    with pytest.raises(DatasetError, match=r"leads? (back|to one another)"):
        read_image_folder(write_tar(tmp_path / "x.tar", files), "x")


def test_an_absolute_path_is_no_class_unless_all_are(tmp_path, photos, write_tar, encode, pixels):
    other = {"/etc/1.png": encode(pixels(6, 6, seed=5))}
    dataset = read_image_folder(write_tar(tmp_path / "x.tar", photos | other), "x")
    assert dataset.class_names == ("a", "b")
    assert "1 file left out, with absolute paths unlike the others: '//etc/1.png'" in dataset.notes
    absolute = {f"/home/me/{name}": data for name, data in photos.items()}
    whole = read_image_folder(write_tar(tmp_path / "y.tar", absolute), "x")
    assert whole.fingerprint == dataset.fingerprint


@pytest.mark.parametrize("high", [200, 2000])
def test_links_to_absolute_paths_in_the_archive_give_the_images_there(tmp_path, write_tar, encode, high):
    """Of 8 bits, and of a narrow range of 16, which is decoded twice."""
    ramps = [np.linspace(0, high - i, 4).reshape(2, 2).astype(np.uint16) for i in range(4)]
    images = [encode(ramp.astype(np.uint8) if high < 256 else ramp) for ramp in ramps]
    store = {f"/store/{i}.png": image for i, image in enumerate(images)}
    names = ("set/a/0.png", "set/a/1.png", "set/b/2.png", "set/b/3.png")
    links = {name: link(name, f"/store/{i}.png") for i, name in enumerate(names)}
    linked = read_image_folder(write_tar(tmp_path / "x.tar", store | links), "x")
    plain = read_image_folder(write_tar(tmp_path / "y.tar", dict(zip(names, images, strict=True))), "x")
    assert linked.fingerprint == plain.fingerprint
    assert np.array_equal(linked.train_images, plain.train_images)


def test_animations_and_pages_are_told(tmp_path, photos, write_folder, pixels):
    buffer = io.BytesIO()
    frames = [Image.fromarray(pixels(6, 6, seed=seed)) for seed in range(2)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    dataset = read_image_folder(write_folder(tmp_path / "f", photos | {"a/m.gif": buffer.getvalue()}), "x")
    assert "1 file with several frames or pages, of which the first is read: 'a/m.gif'" in dataset.notes


def test_many_broken_files_are_one_line(tmp_path, photos, write_folder):
    broken = {f"a/b{i}.png": photos["a/0.png"][: 40 + i] for i in range(20)}
    dataset = read_image_folder(write_folder(tmp_path / "f", photos | broken), "x")
    (note,) = dataset.notes
    assert note == "20 files left out, unreadable: it is broken: 'a/b0.png', 'a/b1.png', 'a/b10.png', ..."
