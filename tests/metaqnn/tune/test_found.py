"""What `metaqnn train` and `metaqnn tune` take over from a search."""

from contextlib import closing

import pytest

from metaqnn.config.environment import Environment
from metaqnn.config.search import SearchConfig
from metaqnn.tune.found import _recipe, of_search


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


def test_another_network_has_no_recipe_of_a_search(asked):
    found = of_search({"family": "[C(4,3,1), SM(10)]"}, Environment(), None, False)
    assert (found.recipe, found.attempt) == ({}, 1)
