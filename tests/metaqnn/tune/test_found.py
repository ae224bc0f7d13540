"""What `metaqnn train` and `metaqnn tune` take over from a search."""

import json
import sqlite3
from contextlib import closing

import pytest

from metaqnn.config.environment import Environment
from metaqnn.config.options import ConfigError
from metaqnn.config.search import SearchConfig
from metaqnn.tune.found import _recipe, of_another_network, of_search


@pytest.fixture
def asked(finished_run):
    """asked(rank, **settings): what is taken over with that network of the finished search."""
    place = Environment()
    return lambda rank=1, **given: of_search({"family": str(finished_run.path), **given}, place, rank, False)


@pytest.fixture
def restarted(finished_run):
    """The rank of a network that learned nothing in its first attempt, and its row."""
    with closing(finished_run.reader()) as reader:
        rows = enumerate(reader.top(None), 1)
        return next((rank, row) for rank, row in rows if row["attempt"] > 1)


def test_a_network_is_trained_at_the_rate_at_which_it_learned_in_the_search(asked, restarted):
    rank, row = restarted
    found = asked(rank)
    assert found.attempt == row["attempt"] == 2
    assert found.recipe["lr"] == 0.4 * 3e-3  # preset first-run begins at 0.003
    assert asked(1).recipe["lr"] == 3e-3
    assert asked(1).attempt == 1


@pytest.mark.parametrize(("epochs", "every"), [(5, 4), (10, 8), (4, 3), (2, 1), (23, 18)])
def test_the_rate_falls_as_often_as_in_the_search_whatever_the_epochs(asked, epochs, every):
    """In the search: every 4 epochs of 5, which is once."""
    assert asked().recipe["decay_every"] == 4
    assert asked(epochs=epochs).recipe["decay_every"] == every
    assert [epoch for epoch in range(2, epochs + 1) if (epoch - 1) % every == 0] == [every + 1]


@pytest.mark.parametrize(("epochs", "every"), [(20, 5), (10, 3), (7, 2), (40, 10), (9, 2), (1, 1)])
def test_the_rate_falls_about_as_often_where_no_interval_does(epochs, every):
    """Three times in 20 epochs; in 9, every 2 epochs would be four times, and every 3 twice."""
    config = SearchConfig.of("paper", dataset="cifar10", epochs=20, decay_every=5)
    assert _recipe(config, epochs, 1)["decay_every"] == every


def test_the_recipe_of_the_search_is_taken_over_whole(asked):
    """Of the preset first-run: batches of 16; of [MQ]: a rate that falls to a fifth."""
    found = asked().recipe
    assert found == {"lr": 3e-3, "decay_every": 4, "lr_decay": 0.2, "batch_size": 16}


OF_DATA = {"train_limit", "validation_size", "own_validation", "svhn_extra", "mirror"}


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, set()),
        ({"epochs": 3}, set()),
        ({"dataset": "digits"}, set()),
        ({"dataset": "mnist"}, OF_DATA),
        ({"validation_size": 50}, {"own_validation"}),
        ({"own_validation": True}, {"validation_size"}),
    ],
)
def test_what_belongs_to_other_data_or_contradicts_what_is_given_is_not_taken_over(asked, given, missing):
    settings = asked(**given).settings
    assert {"dataset", "image_size", "translate", "metric", "epochs", *OF_DATA} - {*settings} == missing
    assert given.items() <= settings.items()
    assert settings["epochs"] == given.get("epochs", 5)


def test_the_data_are_where_the_search_had_them_unless_another_place_is_given(run_copy):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE searches SET circumstances = ?", ['{"data_dir": "/of/the/search"}'])
    family = {"family": str(run_copy.path)}
    assert of_search(family, Environment(), None, False).place.data_dir == "/of/the/search"
    assert of_search(family, Environment(data_dir="/given"), None, False).place.data_dir == "/given"


@pytest.mark.parametrize("network", ["[C(4,3,1), SM(10)]", "c(4,3,1) sm(10)"])
def test_parameters_of_the_same_network_need_no_remark_however_it_is_written(tmp_path, network):
    file = tmp_path / "best.json"
    found = {"family": "[C(4,3,1), SM(10)]", "epochs": 5, "parameters": {"lr": 0.01}}
    file.write_text(json.dumps(found))
    assert of_another_network(file, network) is None
    assert "tuned for another network, [C(4,3,1), SM(10)]" in of_another_network(file, "[C(8,3,1), SM(10)]")


def test_another_network_has_no_recipe_of_a_search(asked):
    found = of_search({"family": "[C(4,3,1), SM(10)]"}, Environment(), None, False)
    assert (found.recipe, found.attempt) == ({}, 1)


def test_a_function_that_a_search_names_is_taken_over_only_with_trust(run_copy, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE searches SET config = json_set(config, '$.dataset', 'theirs:images')")
    family = {"family": str(run_copy.path)}
    with pytest.raises(ConfigError, match="add --trust-module"):
        of_search(family, Environment(), None, False)
    own = of_search({**family, "dataset": "digits"}, Environment(), None, False)
    assert own.settings["dataset"] == "digits"
    assert of_search(family, Environment(), None, True).settings["dataset"] == "theirs:images"
