import os

import pytest

from trainers.datasets import DatasetError
from trainers.datasets.folder import read_image_folder
from trainers.datasets.walk import MAX_DEPTH, MAX_WAYS, given_files, remove_stale, walk


def names(top):
    return [path.relative_to(top).as_posix() for path, _ in walk(top)]


def test_everything_below_in_a_fixed_order(tmp_path, write_folder):
    files = {"b/2.png": b"", "b/1.png": b"", "a/deep/3.png": b"", "c": None, "d.txt": b"12"}
    write_folder(tmp_path, files)
    assert names(tmp_path) == [".", "d.txt", "a", "b", "c", "a/deep", "a/deep/3.png", "b/1.png", "b/2.png"]
    assert [status.st_size for path, status in walk(tmp_path) if path.name == "d.txt"] == [2]


def test_a_file_is_all_there_is(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"")
    assert [path for path, _ in walk(tmp_path / "x.npz")] == [tmp_path / "x.npz"]


@pytest.mark.parametrize(
    "by_product",
    [
        *(".git/x", ".#lock", "__MACOSX/x", "Thumbs.db", "lost+found/x", "@eaDir/1.jpg/M.jpg", "#recycle/x"),
        *("@__thumb/1.jpg", "$RECYCLE.BIN/x", "System Volume Information/x"),
    ],
)
def test_by_products_are_left_out(tmp_path, write_folder, by_product):
    assert names(write_folder(tmp_path, {by_product: b"", "a": b""})) == [".", "a"]


def test_links_are_followed(tmp_path, tree, write_folder):
    """Two ways to one folder are no loop."""
    folder = write_folder(tmp_path / "f", {name: data for name, data in tree.items() if "train" in name})
    (folder / "test").symlink_to("train")
    dataset = read_image_folder(folder, "x")
    assert dataset.counts["test"] == dataset.counts["train"] == {"cat": 3, "dog": 3}


@pytest.mark.parametrize("target", ["..", ".", "../..", "/"])
def test_a_link_to_a_folder_above_is_refused(tmp_path, write_folder, target):
    folder = write_folder(tmp_path / "f", {"a/1.png": b"", "b/1.png": b""})
    (folder / "a" / "back").symlink_to(target)
    with pytest.raises(DatasetError, match=r"a/back' leads back to '/.*', a folder above it"):
        list(walk(folder))


def test_a_loop_through_two_folders_is_refused(tmp_path, write_folder):
    write_folder(tmp_path, {"a/1.png": b"", "b/1.png": b""})
    (tmp_path / "a" / "to_b").symlink_to("../b")
    (tmp_path / "b" / "to_a").symlink_to("../a")
    with pytest.raises(DatasetError, match=r"a/to_b/to_a' leads back to '.*/a'"):
        list(walk(tmp_path))


def test_links_that_multiply_are_refused(tmp_path):
    """Two from each of ten folders to the next: 1,024 ways to the last, and no loop."""
    for number in range(11):
        (tmp_path / f"{number:02}").mkdir()
    for number in range(10):
        for name in ("x", "y"):
            (tmp_path / f"{number:02}" / name).symlink_to(f"../{number + 1:02}")
    with pytest.raises(DatasetError, match=rf"links lead to '.*' in more than {MAX_WAYS} ways"):
        list(walk(tmp_path))


def test_depth_is_limited(tmp_path):
    deepest = tmp_path.joinpath(*"d" * MAX_DEPTH)
    deepest.mkdir(parents=True)
    assert len(names(tmp_path)) == MAX_DEPTH + 1
    (deepest / "d").mkdir()
    with pytest.raises(DatasetError, match=f"lies more than {MAX_DEPTH} folders deep"):
        list(walk(tmp_path))


@pytest.mark.parametrize("below", ["test", "train/cat/deep"])
def test_a_folder_that_cannot_be_read_is_no_empty_one(tmp_path, tree, write_folder, monkeypatch, below):
    """Root may read everything, so the operating system's answer is put in its place."""
    folder = write_folder(tmp_path / "f", {**tree, "train/cat/deep/9.png": tree["train/cat/0.png"]})
    scandir = os.scandir

    def locked(path):
        if str(path) == str(folder / below):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(DatasetError, match=rf"^cannot read '.*{below}': Permission denied$"):
        read_image_folder(folder, "x")


@pytest.mark.parametrize("target", ["nowhere", "test"])
def test_a_link_to_nothing_or_itself_is_no_empty_folder(tmp_path, tree, write_folder, target):
    folder = write_folder(tmp_path / "f", {name: data for name, data in tree.items() if "train" in name})
    (folder / "test").symlink_to(target)
    with pytest.raises(DatasetError, match=r"^cannot read '.*/test': (No such file|Too many levels)"):
        read_image_folder(folder, "x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_neither_file_nor_folder_is_refused_unopened(tmp_path, tree, write_folder, kind):
    """A pipe into which nobody writes would be read for ever, /dev/zero until the memory is full."""
    folder = write_folder(tmp_path / "f", tree)
    strange = folder / "train" / "cat" / "9.png"
    if kind == "pipe":
        os.mkfifo(strange)
    else:
        strange.symlink_to(os.devnull)
    with pytest.raises(DatasetError, match=r"train/cat/9\.png' is neither a file nor a folder"):
        read_image_folder(folder, "x")


@pytest.fixture
def old_folder(tmp_path, write_folder):
    """A folder in which nothing has changed for a long time."""
    folder = write_folder(tmp_path / "old.tmp", {"deep/half.bin": b"half"})
    for path in (folder / "deep" / "half.bin", folder / "deep", folder):
        os.utime(path, (0, 0))
    return folder


def test_a_folder_goes_only_when_nothing_in_it_changes(tmp_path, old_folder):
    file = old_folder / "deep" / "half.bin"
    os.utime(file)
    remove_stale(tmp_path, "*.tmp")
    assert file.exists()
    os.utime(file, (0, 0))
    remove_stale(tmp_path, "*.tmp")
    assert not old_folder.exists()


def test_other_names_stay(tmp_path, old_folder):
    remove_stale(tmp_path, "*.new")
    assert old_folder.exists()


def test_links_are_not_followed(tmp_path, old_folder):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "x.tmp").symlink_to(old_folder)
    os.utime(tmp_path / "links" / "x.tmp", (0, 0), follow_symlinks=False)
    remove_stale(tmp_path / "links", "*.tmp")
    assert (old_folder / "deep" / "half.bin").exists()


def test_what_cannot_be_removed_stays_and_is_no_error(tmp_path, old_folder, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("shutil.rmtree", refused)
    remove_stale(tmp_path, "*.tmp")
    assert old_folder.exists()


FILES = {"a/1.png": b"1", "a/deep/2.jpg": b"22", "b/3.png": b"333", "notes.txt": b"4444", "[x].png": b"5"}


@pytest.fixture
def here(tmp_path, write_folder, monkeypatch):
    monkeypatch.chdir(write_folder(tmp_path, FILES))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["b/3.png", "a/1.png"], {"b/3.png": 3, "a/1.png": 1}),
        (["a"], {"a/1.png": 1, "a/deep/2.jpg": 2}),
        (["*/*.png"], {"a/1.png": 1, "b/3.png": 3}),
        (["**/*.jpg", "notes.txt"], {"a/deep/2.jpg": 2, "notes.txt": 4}),
        (["[ab]"], {"a/1.png": 1, "a/deep/2.jpg": 2, "b/3.png": 3}),
        (["[x].png"], {"[x].png": 1}),
    ],
)
def test_what_names_stand_for_in_their_order_with_sizes(here, names, found):
    assert [(str(path), size) for path, size in given_files(names)] == list(found.items())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.png", "there is no file or folder 'nowhere.png'"),
        ("", "there is no file or folder ''"),
        ("x" * 300, "there is no file or folder 'xxx"),
        ("a\0b", "there is no file or folder 'a\\x00b'"),
        ("*.gif", "no file matches the pattern '*.gif'"),
    ],
)
def test_a_name_that_stands_for_nothing_is_quoted(here, name, said):
    with pytest.raises(DatasetError) as refusal:
        given_files(["a", name])
    assert str(refusal.value).startswith(said)


def test_a_pipe_is_refused_and_not_waited_for(here):
    os.mkfifo("pipe")
    with pytest.raises(DatasetError, match="'pipe' is neither a file nor a folder"):
        given_files(["pipe"])
