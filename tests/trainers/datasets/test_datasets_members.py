import gzip
import io
import os
import tarfile

import pytest

from trainers.datasets import DatasetError, members, walk
from trainers.datasets.members import read_archive, read_folder

FILES = {"a/1.png": b"one", "a/2.JPG": b"two", "b": None, "b/deep/3.jpeg": b"three"}
JUNK = {
    "a/._1.png": b"mac",
    ".DS_Store": b"mac",
    "a/Thumbs.db": b"windows",
    "__MACOSX/a/._1.png": b"mac",
    "__MACOSX/a/1.png": b"mac",
    ".git/x.png": b"hidden",
    "readme.txt": b"text",
}


def images(found):
    return {str(member): member.data for member in found if member.data is not None}


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.tgz"])
def test_folder_and_archive_hold_the_same(tmp_path, write_folder, write_tar, name):
    wanted = {name: data for name, data in FILES.items() if data is not None}
    folder = write_folder(tmp_path / "folder", {**FILES, **JUNK} | {"b": None})
    assert images(read_folder(folder)) == wanted
    assert images(read_archive(write_tar(tmp_path / name, {**FILES, **JUNK}))) == wanted


def test_empty_folders_are_seen(tmp_path, write_folder, write_tar):
    files = {"a/1.png": b"x", "empty": None}
    for found in (
        read_folder(write_folder(tmp_path / "f", files)),
        read_archive(write_tar(tmp_path / "x.tar", files)),
    ):
        assert ("empty",) in [member.parts for member in found if member.data is None]


def test_reading_an_archive_writes_nothing(tmp_path, write_tar, monkeypatch):
    archive = write_tar(tmp_path / "x.tar.gz", FILES)
    monkeypatch.chdir(tmp_path)
    list(read_archive(archive))
    assert os.listdir(tmp_path) == ["x.tar.gz"]


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/../evil.png"])
def test_names_that_climb_out_are_refused(tmp_path, write_tar, name):
    archive = write_tar(tmp_path / "x.tar", {"a/1.png": b"x", name: b"evil"})
    with pytest.raises(DatasetError) as caught:
        list(read_archive(archive))
    assert f"member {name!r} of {str(archive)!r} points outside the archive" in str(caught.value)
    assert not (tmp_path.parent / "evil.png").exists()


def test_absolute_names_are_told_apart(tmp_path, write_tar):
    (member,) = read_archive(write_tar(tmp_path / "x.tar", {"/a/./1.png": b"x"}))
    assert (member.parts, member.data) == (("/", "a", "1.png"), b"x")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_not_read(tmp_path, write_tar, kind):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    special = tarfile.TarInfo("a/link.png")
    special.type, special.linkname = kind, str(secret)
    archive = write_tar(tmp_path / "x.tar", {"a/1.png": b"x", "a/link.png": special})
    assert images(read_archive(archive)) == {"a/1.png": b"x"}


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_that_devices_are_left_out_is_told(tmp_path, write_tar, kind):
    special = tarfile.TarInfo("a/pipe.png")
    special.type = kind
    (member,) = read_archive(write_tar(tmp_path / "x.tar", {"a/pipe.png": special}))
    assert member.left_out == "neither file, folder nor link"


def big_tar(path, write_tar, suffix=""):
    return write_tar(path, {f"a/{i}.png{suffix}": os.urandom(700) for i in range(40)})


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9, 0.999])
def test_truncated_gzip_is_damaged(tmp_path, write_tar, share):
    archive = big_tar(tmp_path / "x.tar.gz", write_tar)
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DatasetError, match=r"^archive '.*x\.tar\.gz' is damaged or not a tar archive: .+"):
        list(read_archive(archive))


@pytest.mark.parametrize("cut", [100, 512, 512 + 300, 3 * 512, 3 * 512 + 10, 6 * 512])
def test_truncated_tar_is_damaged(tmp_path, write_tar, cut):
    """Also where the cut falls between two members: the end mark is missing then."""
    archive = big_tar(tmp_path / "x.tar", write_tar)
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(DatasetError, match="is damaged or not a tar archive"):
        list(read_archive(archive))


def test_a_damaged_header_in_the_middle_is_no_end(tmp_path, write_tar):
    archive = big_tar(tmp_path / "x.tar", write_tar)
    data = bytearray(archive.read_bytes())
    data[9 * 512 + 148] ^= 0x01  # checksum of the fourth header: each member takes three blocks
    archive.write_bytes(data)
    with pytest.raises(DatasetError, match="is damaged"):
        list(read_archive(archive))


def test_wrong_gzip_checksum_is_damaged(tmp_path, write_tar):
    archive = big_tar(tmp_path / "x.tar.gz", write_tar)
    data = bytearray(archive.read_bytes())
    data[-6] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(DatasetError, match="is damaged"):
        list(read_archive(archive))


@pytest.mark.parametrize(
    "content",
    [b"", b"not a tar archive at all", gzip.compress(b"nor this", mtime=0)],
    ids=["empty", "text", "gzip"],
)
def test_no_archive_at_all(tmp_path, content):
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(content)
    with pytest.raises(DatasetError, match="is damaged or not a tar archive") as caught:
        list(read_archive(archive))
    assert "\n" not in str(caught.value)


def header_only(path, info):
    """An archive that declares a member but does not contain it."""
    with gzip.open(path, "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        file.write(bytes(10 * 512))
    return path


@pytest.mark.parametrize("name", ["a/1.png", "notes.txt"])
def test_members_larger_than_any_archive_are_refused_before_reading(tmp_path, name):
    info = tarfile.TarInfo(name)
    info.size = 10**12
    with pytest.raises(DatasetError, match="holds more than 68,719,476,736 bytes"):
        list(read_archive(header_only(tmp_path / "x.tar.gz", info)))


def test_size_from_an_extended_header_is_checked_too(tmp_path):
    info = tarfile.TarInfo("a/1.png")
    info.pax_headers = {"size": str(10**12)}
    archive = tmp_path / "x.tar"
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO())
    with pytest.raises(DatasetError, match="holds more than 68,719,476,736 bytes"):
        list(read_archive(archive))


def test_images_too_large_to_be_read_are_told_apart_and_other_large_files_left_out(
    tmp_path, write_tar, write_folder, monkeypatch
):
    files = {"a/1.png": b"12345", "a/2.png": b"1234", "a/film.mp4": b"12345"}
    monkeypatch.setattr(members, "MAX_FILE_BYTES", 4)
    expected = [
        ("1.png", None, "is too large: 5 bytes, at most 4 are read", ""),
        ("2.png", b"1234", "", ""),
        ("film.mp4", None, "", "not images"),
    ]
    for found in (
        read_archive(write_tar(tmp_path / "x.tar", files)),
        read_folder(write_folder(tmp_path / "f", files)),
    ):
        told = [(one.parts[-1], one.data, one.too_large, one.left_out) for one in found if not one.is_folder]
        assert told == expected


@pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="needs files whose size is 0 in name only"
)
def test_no_more_of_a_file_is_read_than_the_limit(tmp_path, monkeypatch):
    (tmp_path / "1.png").symlink_to("/proc/self/status")
    monkeypatch.setattr(members, "MAX_FILE_BYTES", 10)
    (found,) = (one for one in read_folder(tmp_path) if not one.is_folder)
    assert found.too_large.startswith("is too large: 11 bytes")


def test_count_and_total_are_limited(tmp_path, write_tar, write_folder, monkeypatch):
    files = {f"a/{i}.png": b"12345" for i in range(6)}
    archive, folder = write_tar(tmp_path / "x.tar", files), write_folder(tmp_path / "f", files)
    with monkeypatch.context() as patch:
        patch.setattr(walk, "MAX_FILES", 5)
        for found in (read_archive(archive), read_folder(folder)):
            with pytest.raises(DatasetError, match="has more than 5 files"):
                list(found)
    with monkeypatch.context() as patch:
        patch.setattr(members, "MAX_ARCHIVE_BYTES", 29)
        with pytest.raises(DatasetError, match="holds more than 29 bytes"):
            list(read_archive(archive))


def test_a_dangling_link_in_a_folder_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"cannot read '.*a/1\.png': No such file"):
        list(read_folder(tmp_path))


def test_a_dangling_link_is_refused_with_a_remedy_whatever_its_name(tmp_path):
    (tmp_path / "README").symlink_to("nowhere")
    with pytest.raises(DatasetError, match=r"/README': No such file .*; it is a link: mend or remove it"):
        list(read_folder(tmp_path))
