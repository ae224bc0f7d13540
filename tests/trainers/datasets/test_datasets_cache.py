import logging
import os

import numpy as np
import pytest

from trainers.datasets import DatasetError, ImageDataset, default_cache_dir
from trainers.datasets import cache as cache_module
from trainers.datasets.cache import Source, read_cached


@pytest.fixture
def source(tmp_path, pixels):
    """A source that notes every read in `source.read.calls`."""
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "set.bin"
    file.write_bytes(b"content")

    def read(image_size):
        read.calls.append(image_size)
        images = pixels(4, 5, 5, 3)
        return ImageDataset("set", images, np.array([0, 1, 0, 1]), images[:0], np.empty(0, int), ("é", "b"))

    read.calls = []
    return Source("set", (file,), read)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def entries(cache):
    return sorted(cache.rglob("*.*"))


def test_second_reading_comes_from_the_cache(source, cache):
    first, second = (read_cached(source, None, cache) for _ in range(2))
    assert source.read.calls == [None]
    assert (second.name, second.class_names) == ("set", ("é", "b"))
    assert first.fingerprint == second.fingerprint
    assert second.train_images.flags.writeable
    assert len(entries(cache)) == 1


def test_image_sizes_have_entries_of_their_own(source, cache):
    for image_size in (None, 8, None, 8):
        read_cached(source, image_size, cache)
    assert source.read.calls == [None, 8]


@pytest.mark.parametrize(
    "change",
    [
        "content",
        "time",
        pytest.param(
            "content of the same size at the same time",
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows keeps no time of the last change"),
        ),
    ],
)
def test_changed_files_are_read_again_and_replace_the_entry(source, cache, change):
    read_cached(source, None, cache)
    file = source.files[0]
    status = file.stat()
    if change == "content":
        file.write_bytes(b"longer content")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "time":
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    else:
        while file.stat().st_ctime_ns == status.st_ctime_ns:  # clocks of file systems tick every few ms
            file.write_bytes(b"CONTENT")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    for _ in range(2):
        read_cached(source, None, cache)
    assert len(source.read.calls) == 2
    assert len(entries(cache)) == 1


def test_a_folder_counts_with_everything_below(source, cache):
    folder = source.files[0].parent
    whole = Source("set", (folder,), source.read)
    read_cached(whole, None, cache)
    (folder / "deep").mkdir()
    (folder / "deep" / "new.bin").write_bytes(b"")
    read_cached(whole, None, cache)
    read_cached(whole, None, cache)
    assert len(source.read.calls) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_a_file_is_refused_before_it_is_opened(source, cache):
    source.files[0].unlink()
    os.mkfifo(source.files[0])
    with pytest.raises(DatasetError, match=r"set\.bin' is neither a file nor a folder"):
        read_cached(source, None, cache)


def damages(data):
    yield b""
    yield data[:10]
    yield data[: len(data) // 2]
    yield data[:-1]
    for position in range(0, len(data), 37):
        yield data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


def test_whatever_is_damaged_the_data_are_right(source, cache, caplog):
    expected = read_cached(source, None, cache).fingerprint
    (entry,) = entries(cache)
    good = entry.read_bytes()
    for data in damages(good):
        entry.write_bytes(data)
        assert read_cached(source, None, cache).fingerprint == expected
    assert "is made anew" in caplog.text


def test_a_flipped_pixel_is_noticed(source, cache):
    read_cached(source, None, cache)
    (entry,) = entries(cache)
    data = bytearray(entry.read_bytes())
    start = data.index(source.read(None).train_images.tobytes())
    data[start + 7] ^= 1
    entry.write_bytes(data)
    source.read.calls.clear()
    read_cached(source, None, cache)
    assert source.read.calls == [None]


def test_a_pickle_in_the_cache_is_not_opened(source, cache):
    read_cached(source, None, cache)
    (entry,) = entries(cache)
    with np.load(entry) as arrays:
        content = dict(arrays)
    content["class_names"] = np.array(["a", "b"], dtype=object)
    np.savez(entry, **content)
    assert read_cached(source, None, cache).class_names == ("é", "b")


def test_an_entry_that_asks_for_more_than_the_file_holds_is_made_anew(source, cache, caplog):
    read_cached(source, None, cache)
    (entry,) = entries(cache)
    with np.load(entry) as arrays:
        content = dict(arrays)
    content["train_images"] = np.zeros((4, 500, 500, 3), np.uint8)
    np.savez_compressed(entry, **content)
    assert read_cached(source, None, cache).input_shape == (3, 5, 5)
    assert "is made anew (ValueError)" in caplog.text


def test_an_entry_that_cannot_be_opened_is_told_once_and_not_as_damaged(source, cache, caplog):
    read_cached(source, None, cache)
    (entry,) = entries(cache)
    entry.unlink()
    entry.mkdir()
    assert len(read_cached(source, None, cache).train_images) == 4
    (record,) = caplog.records
    assert "are not cached: " in record.getMessage()


def test_an_interrupted_write_leaves_nothing(source, cache, monkeypatch):
    def interrupted(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module.np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read_cached(source, None, cache)
    assert entries(cache) == []


def test_an_entry_is_on_the_disk_before_it_has_its_name_and_only_its_user_may_read_it(
    source, cache, monkeypatch
):
    """So that a power cut leaves no damaged one."""
    synchronised = []

    def fsync(handle):
        status = os.fstat(handle)
        synchronised.append((status.st_ino, status.st_size, entries(cache)))

    monkeypatch.setattr(os, "fsync", fsync)
    read_cached(source, None, cache)
    (entry,) = entries(cache)
    status = entry.stat()
    assert synchronised[0][:2] == (status.st_ino, status.st_size)
    assert entry not in synchronised[0][2]
    assert os.name == "nt" or status.st_mode & 0o077 == 0


def test_what_a_killed_process_left_goes_when_the_next_entry_comes(source, cache):
    (cache / "datasets").mkdir(parents=True)
    left, running = cache / "datasets" / "left.tmp", cache / "datasets" / "running.tmp"
    for file in (left, running):
        file.write_bytes(b"half")
    os.utime(left, (0, 0))
    read_cached(source, None, cache)
    assert not left.exists()
    assert running.exists()


def test_a_full_disk_costs_a_warning(source, cache, monkeypatch, caplog):
    def full(file, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module.np, "savez", full)
    with caplog.at_level(logging.WARNING):
        assert len(read_cached(source, None, cache).train_images) == 4
    assert f"are not cached: No space left on device: {str(cache / 'datasets')!r}\n" in caplog.text
    assert entries(cache) == []


def test_a_cache_that_cannot_be_made_costs_a_warning(source, tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"")
    assert len(read_cached(source, None, tmp_path / "file").train_images) == 4
    assert "are not cached" in caplog.text


def test_errors_are_not_cached(source, cache):
    def fails(image_size):
        raise DatasetError("broken")

    with pytest.raises(DatasetError, match="broken"):
        read_cached(Source("set", source.files, fails), None, cache)
    assert len(read_cached(source, None, cache).train_images) == 4


def test_without_files_nothing_is_cached(source, cache):
    for _ in range(2):
        read_cached(Source("set", (), source.read), None, cache)
    assert source.read.calls == [None, None]
    assert entries(cache) == []


def test_default_folder_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir().name == "metaqnn"
