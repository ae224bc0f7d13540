"""Files that are complete or not there at all; kills and power cuts are in tests/reliability."""

import pytest
from filelock import Timeout

from trainers.files import alone, is_there, write_whole


def test_what_cannot_be_looked_at_is_not_taken_for_missing(tmp_path):
    (tmp_path / "file").touch()
    looked_at = [
        is_there(tmp_path / name) for name in (".", "file", "missing", "file/below", "missing/x", "a\0b")
    ]
    assert looked_at == [True, True, False, False, False, False]
    with pytest.raises(OSError, match="File name too long"):
        is_there(tmp_path / ("x" * 300))


@pytest.mark.parametrize(("content", "stored"), [("é", b"\xc3\xa9"), (b"\x00\xff", b"\x00\xff"), ("", b"")])
def test_the_content_is_there_and_nothing_else(tmp_path, content, stored):
    for _ in range(2):
        write_whole(tmp_path / "x.json", content)
        assert (tmp_path / "x.json").read_bytes() == stored
        assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_what_an_interrupted_write_has_left_is_no_obstacle(tmp_path):
    (tmp_path / "x.json.new").write_text("half")
    write_whole(tmp_path / "x.json", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("target", ["victim", "missing"])
def test_links_in_the_place_of_a_file_are_replaced_and_lead_nowhere(tmp_path, target):
    """Such as somebody may have put into a run folder that they pass on."""
    victim, folder = tmp_path / "victim", tmp_path / "run"
    victim.write_text("precious")
    folder.mkdir()
    for name in ("x.json", "x.json.new"):
        (folder / name).symlink_to(tmp_path / target)
    write_whole(folder / "x.json", "text")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "missing").exists()
    assert [(path.name, path.is_symlink()) for path in folder.iterdir()] == [("x.json", False)]
    assert (folder / "x.json").read_text() == "text"


def test_one_process_is_alone_until_it_leaves_the_block(tmp_path):
    with alone(tmp_path / "lock"), pytest.raises(Timeout), alone(tmp_path / "lock"):
        pytest.fail("is not alone")
    with pytest.raises(ZeroDivisionError), alone(tmp_path / "lock"):
        raise ZeroDivisionError
    with alone(tmp_path / "lock"):
        pass
    assert [*tmp_path.iterdir()] == []


def test_on_a_full_disk_the_earlier_file_stays_and_nothing_is_in_the_way(small_disk, fill):
    file = small_disk / "x.json"
    write_whole(file, "earlier")
    fill(leave=4096)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, bytes(10**6))
    assert file.read_text() == "earlier"
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler", "x.json"]


def test_meanwhile_it_has_the_name_that_was_asked_for(tmp_path):
    (tmp_path / "aside").mkdir()
    with pytest.raises(OSError, match="aside"):
        write_whole(tmp_path / "x.json", "text", aside="aside")
    assert not (tmp_path / "x.json").exists()
