"""What a benchmark of whole searches takes from an earlier run, and what it does not."""

import json

import pytest
from command_line import BenchmarkError
from finished import code, digest, store, stored

OF = {"curves": "curves.csv", "world": 0, "stopping": None}


def test_a_search_that_is_there_is_known(tmp_path):
    file = tmp_path / "new" / "300-0.json"
    assert not stored(file, OF)
    store(file, OF, {"epochs": 12})
    assert stored(file, OF)
    assert json.loads(file.read_text())["epochs"] == 12
    assert [*file.parent.iterdir()] == [file]


def test_a_search_by_other_options_is_not_taken_for_this_one(tmp_path):
    store(tmp_path / "300-0.json", OF, {"epochs": 12})
    with pytest.raises(BenchmarkError, match="json has stopping None, not 'median': name another"):
        stored(tmp_path / "300-0.json", {**OF, "stopping": "median"})


def test_files_of_the_same_name_with_other_content_are_told_apart(tmp_path):
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("lr,acc_1\n0.1,0.2\n")
    other.write_text("lr,acc_1\n0.1,0.3\n")
    assert digest(one) != digest(other)
    assert digest(one) == digest(tmp_path / "one.csv")


def test_other_code_is_told_apart(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("ETA = 3\n")
    before = code(script)
    assert code(script) == before
    script.write_text("ETA = 4\n")
    assert code(script) != before
