"""Notes on networks: kept, replaced, removed; and files that hold none."""

import json

import pytest

from metaqnn.session.notes import LONGEST, NoteError, read_notes, write_note


def test_a_note_is_kept_replaced_and_removed(tmp_path):
    assert read_notes(tmp_path) == {}
    write_note(tmp_path, 17, " grün & klein ")
    write_note(tmp_path, 3, "first")
    write_note(tmp_path, 3, "second")
    assert read_notes(tmp_path) == {3: "second", 17: "grün & klein"}
    write_note(tmp_path, 17, "")
    assert read_notes(tmp_path) == {3: "second"}
    assert [file.name for file in tmp_path.iterdir()] == ["notes.json"]


@pytest.mark.parametrize("note", ["two\nlines", "\x1b[31m", "x" * (LONGEST + 1), "\udcff"])
def test_a_note_is_one_line_of_text(tmp_path, note):
    with pytest.raises(NoteError, match="it must be one line of at most 1,000 characters"):
        write_note(tmp_path, 1, note)
    assert read_notes(tmp_path) == {}


def test_a_note_in_another_encoding_is_refused_with_that_reason(tmp_path):
    with pytest.raises(NoteError, match="1,000 characters, all printable in the locale's encoding"):
        write_note(tmp_path, 1, "s\udcc3\udca4hr")  # what Python makes of UTF-8 where the locale is ASCII


@pytest.mark.parametrize(
    "content", ["", "[]", "3", "{", '{"x": "y"}', '{"0": "y"}', '{"1": 2}', "\xff", "[" * 9999]
)
def test_a_file_that_holds_no_notes_is_named_and_left_as_it_is(tmp_path, content):
    file = tmp_path / "notes.json"
    file.write_text(content, "latin-1")
    with pytest.raises(NoteError, match=r"notes\.json' holds no notes: .*; correct or remove it"):
        read_notes(tmp_path)
    with pytest.raises(NoteError, match="holds no notes"):
        write_note(tmp_path, 1, "mine")
    assert file.read_text("latin-1") == content


def test_what_a_terminal_would_obey_is_shown(tmp_path):
    (tmp_path / "notes.json").write_text(json.dumps({"1": "a\x1b[31m\nb"}))
    assert read_notes(tmp_path) == {1: r"a\x1b[31m\nb"}
