"""Files that are there wholly or not at all; kills and power cuts are in tests/reliability."""

import pytest

from metaqnn.files import write_whole


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
