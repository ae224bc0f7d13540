import os
import socket
import urllib.error
import urllib.request

import pytest

from trainers.datasets import DatasetError
from trainers.datasets.download import TIMEOUT, download
from trainers.datasets.named import NAMED_SETS, NamedSet


def fake(fetch, files=("deep/one.bin", "two.bin")):
    return NamedSet(lambda extra: files, lambda root, extra: None, fetch)


def write_all(root, missing):
    for file in missing:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"fetched")


def test_files_land_in_place_and_nothing_else(tmp_path):
    root = tmp_path / "new" / "data"

    def fetch(folder, missing):
        write_all(folder, missing)
        (folder / "archive.tar.gz").write_bytes(b"no longer needed")

    download("set", fake(fetch), root, False, "")
    assert (root / "deep" / "one.bin").read_bytes() == b"fetched"
    assert sorted(os.listdir(root)) == ["deep", "two.bin"]


def test_what_is_there_is_kept(tmp_path):
    (tmp_path / "two.bin").write_bytes(b"mine")
    asked = []
    download(
        "set",
        fake(lambda root, missing: (asked.extend(missing), write_all(root, missing))),
        tmp_path,
        False,
        "",
    )
    assert asked == ["deep/one.bin"]
    assert (tmp_path / "two.bin").read_bytes() == b"mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_download_leaves_nothing(tmp_path, error):
    def fetch(root, missing):
        write_all(root, missing[:1])
        raise error

    with pytest.raises((KeyboardInterrupt, DatasetError)):
        download("set", fake(fetch), tmp_path, False, "")
    assert os.listdir(tmp_path) == []


def test_what_a_killed_download_left_goes_with_the_next(tmp_path):
    left, running = tmp_path / ".metaqnn-download-left", tmp_path / ".metaqnn-download-running"
    for folder in (left, running):
        write_all(folder, ["deep/half.bin"])
    for path in (left, left / "deep", left / "deep" / "half.bin"):
        os.utime(path, (0, 0))
    download("set", fake(write_all), tmp_path, False, "")
    assert not left.exists()
    assert (running / "deep" / "half.bin").exists()


def test_content_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    synchronised, moved = [], {}
    fsync, replace = os.fsync, os.replace

    def note_fsync(handle):
        synchronised.append(os.fstat(handle).st_ino)
        fsync(handle)

    def note_replace(source, target):
        moved[target] = list(synchronised)
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    download("set", fake(lambda root, _: write_all(root, ["set/deep/x.bin"]), ("set",)), tmp_path, False, "")
    for path in ("set/deep/x.bin", "set/deep", "set"):
        assert (tmp_path / path).stat().st_ino in moved[tmp_path / "set"]
    assert tmp_path.stat().st_ino in synchronised  # which holds the new name


def test_another_process_may_be_faster(tmp_path):
    def fetch(root, missing):
        write_all(root, missing)
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "theirs").write_bytes(b"complete")

    download("set", fake(fetch, ("set",)), tmp_path, False, "")
    assert (tmp_path / "set").exists()


def test_standard_output_stays_clean_and_the_time_limit_is_local(tmp_path, capsys):
    limits = []

    def fetch(root, missing):
        print("Downloading")
        limits.append(socket.getdefaulttimeout())
        write_all(root, missing)

    download("set", fake(fetch), tmp_path, False, "")
    assert capsys.readouterr().out == ""
    assert limits == [TIMEOUT]
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize("name", sorted(NAMED_SETS))
def test_without_a_network_the_error_is_one_line(tmp_path, monkeypatch, name):
    """Through torchvision's own code, down to the one function that opens a connection."""

    def no_network(*args, **options):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    with pytest.raises(DatasetError) as caught:
        download(name, NAMED_SETS[name], tmp_path, False, "its files are looked for in X")
    message = str(caught.value)
    assert message.startswith(f"cannot download {name!r} (")
    assert "Name or service not known" in message
    assert message.endswith("; its files are looked for in X")
    assert "\n" not in message
    assert os.listdir(tmp_path) == []


def test_a_wrong_checksum_is_refused(tmp_path, monkeypatch):
    def write_garbage(url, filename, *args, **options):
        with open(filename, "wb") as file:
            file.write(b"garbage")

    utils = "torchvision.datasets.utils"
    monkeypatch.setattr(f"{utils}._get_redirect_url", lambda url, *args, **options: url)
    monkeypatch.setattr(f"{utils}._urlretrieve", write_garbage)
    for name in sorted(NAMED_SETS):
        with pytest.raises(DatasetError, match="corrupted"):
            download(name, NAMED_SETS[name], tmp_path, False, "")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DatasetError, match="cannot download 'set'"):
        download("set", fake(write_all), tmp_path / "file" / "data", False, "")
