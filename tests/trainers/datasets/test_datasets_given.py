"""Files by their names, folders and patterns."""

import os

import pytest

from trainers.datasets import DatasetError
from trainers.datasets.given import given_files

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
