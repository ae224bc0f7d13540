"""What a benchmark of whole searches takes from an earlier run, and what it does not."""

import json

import pytest
from command_line import BenchmarkError
from finished import store, stored

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
