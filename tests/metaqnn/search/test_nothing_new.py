"""Walks that find nothing new: the search ends, says why, and does not grow with every resume."""

import pytest

from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.executors import SearchStopped, SerialExecutor
from metaqnn.search import remarks

SEVERAL = 25


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch):
    monkeypatch.setattr(remarks, "CONSECUTIVE_REPEATS", SEVERAL)


@pytest.fixture
def stopped(open_search, formula_trainer):
    """stopped(database): the search in it, begun or resumed, and why it ends."""

    def go_on(database):
        search = open_search(database)
        with pytest.raises(SearchStopped) as reason:
            search.run(SerialExecutor(formula_trainer(search.config.epochs)))
        assert reason.value.for_good
        return search, str(reason.value)

    return go_on


def greedy(new_database):
    return new_database(schedule=EpsilonSchedule.parse("1.0:6,0:300"), stopping="none")[1]


def in_tiny_space(search):
    """3 convolutions 1x1, each with GAP or SM: 6 networks."""
    search.known.agent.space = search.space = tiny = search.config.space(1, 2, 10)
    search.known.agent.__init__(tiny)
    return search


def test_while_networks_are_in_training_a_search_waits_for_what_becomes_of_them(new_database, open_search):
    schedule = EpsilonSchedule.parse("1.0:100000")
    _, database = new_database(schedule=schedule, stopping="none", layer_limit=1)
    search = in_tiny_space(open_search(database))
    tasks = list(iter(search.next_task, None))
    assert len(tasks) == 6
    for task in tasks:
        assert search.next_task() is None
        search.on_failure(task, "crashed", "")
    with pytest.raises(SearchStopped, match="led to one of the 6 known networks"):
        search.next_task()


def test_an_exhausted_state_space_ends_the_search(new_database, open_search, formula_trainer):
    schedule = EpsilonSchedule.parse("1.0:100000")
    _, database = new_database(schedule=schedule, stopping="none", layer_limit=1)
    search = in_tiny_space(open_search(database))
    with pytest.raises(
        SearchStopped, match=r"at epsilon 1 led to one of the 6 known networks: the state space has hardly"
    ):
        search.run(SerialExecutor(formula_trainer(search.config.epochs)))
    assert search.trained == 6


def test_a_greedy_agent_that_repeats_itself_is_told_from_an_exhausted_space(new_database, stopped):
    search, reason = stopped(greedy(new_database))
    assert (
        f"{SEVERAL} walks in a row at epsilon 0 led to one of the {search.trained} known networks" in reason
    )
    assert "the agent always takes what it thinks best" in reason
    assert "exhausted" not in reason


def test_a_hardly_random_agent_does_not_prove_the_space_exhausted(new_database, stopped):
    schedule = EpsilonSchedule.parse("1e-300:300")
    search, reason = stopped(new_database(schedule=schedule, stopping="none")[1])
    assert f"at epsilon 1e-300 led to one of the {search.trained} known networks: either the agent" in reason


def test_going_on_with_it_adds_nothing_and_says_the_same(new_database, stopped):
    database = greedy(new_database)
    search, reason = stopped(database)
    before = database.stored_samples()
    assert len(before) == len(search.known.memory)
    again, same = stopped(database)
    assert (same, database.stored_samples(), len(again.known.memory)) == (reason, before, len(before))


def test_a_search_that_is_killed_among_repeats_ends_where_it_would_have_ended(
    new_database, open_search, formula_trainer, stopped, monkeypatch
):
    undisturbed, database = (
        greedy(new_database),
        new_database("killed", **{"schedule": EpsilonSchedule.parse("1.0:6,0:300"), "stopping": "none"})[1],
    )
    _, reason = stopped(undisturbed)
    search = open_search(database)
    add = search.known._add_repeat

    def die(*arguments):
        if search.known.repeats == SEVERAL // 2:
            raise KeyboardInterrupt
        add(*arguments)

    monkeypatch.setattr(search.known, "_add_repeat", die)
    with pytest.raises(KeyboardInterrupt):
        search.run(SerialExecutor(formula_trainer(search.config.epochs)))
    assert stopped(database)[1] == reason
    places = [[(s.proposal, s.position) for s in found.stored_samples()] for found in (undisturbed, database)]
    assert places[0] == places[1]
