"""Summaries of hand-made searches, worked out by hand."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.database import SearchRecord
from metaqnn.results.summary import cumulative_top, search_state, summarise


def row(epsilon, outcome, reward, epochs, trained=None):
    final = reward if outcome == "completed" else None
    return SimpleNamespace(
        epsilon=epsilon,
        outcome=outcome,
        reward=reward,
        final_accuracy=final,
        epochs=epochs,
        epochs_trained=epochs if trained is None else trained,
    )


class Reader:
    """A search of T = 5 epochs with the given ended networks."""

    def __init__(self, config, *ended):
        self._config, self._ended = config, list(ended)

    def config(self):
        return self._config

    def record(self):
        images = {"train": {"cat": 605, "dog": 405, "owl": 1}, "test": {}}
        return SearchRecord(self._config, (1, 8, 8), 3, "0" * 64, {}, {}, images)

    def ended(self):
        return self._ended

    def search(self):
        return {"seconds": 77.0}


@pytest.mark.parametrize(("best", "beaten"), [(0.8, True), (0.69, False), (0.6, False), (None, True)])
def test_the_best_is_held_against_a_constant_guess(config, best, beaten):
    config = replace(config, validation_size=100, own_validation=False)  # 60 cats and 40 dogs
    ended = [row(1.0, "stopped", 0.9, 2)] if best is None else [row(1.0, "completed", best, 5)]
    summary = summarise(Reader(config, *ended))
    assert (summary.metric, summary.guess, summary.beats_guess) == ("accuracy", 0.6, beaten)
    balanced = summarise(Reader(replace(config, metric="balanced-accuracy"), *ended))
    assert balanced.guess == 0.5  # on the images that validate


def test_a_metric_has_the_name_of_its_option_for_programs_and_words_for_people(config):
    summary = summarise(Reader(replace(config, metric="balanced-accuracy")))
    assert summary.to_dict()["metric"] == "balanced-accuracy"
    assert summary.metric_text == "balanced accuracy"


@pytest.mark.parametrize(
    ("owner", "ended", "over", "begun", "state"),
    [
        ("process 7", 4, None, True, "running"),
        ("process 7", 0, None, False, "running"),
        ("process 7", 9, None, True, "running"),  # an audit
        (None, 9, None, True, "finished"),
        (None, 4, "no walk finds another", True, "finished"),
        (None, 4, None, True, "paused"),
        (None, 0, None, True, "paused"),
        (None, 0, None, False, "not started"),
    ],
)
def test_a_search_runs_while_a_process_works_on_it_and_is_paused_once_it_has_begun(
    owner, ended, over, begun, state
):
    assert search_state(owner, ended, 9, over, begun=begun) == state


def test_a_search_in_numbers(config):
    summary = summarise(
        Reader(
            config,
            row(1.0, "completed", 0.5, 5),
            row(1.0, "completed", 0.7, 5, trained=6),  # one epoch of a first attempt at chance
            row(1.0, "chance", 0.1, 1, trained=5),
            row(0.1, "stopped", 0.6, 2),
            row(0.1, "crashed", 0.1, 0, trained=None),
        )
    )
    assert (summary.networks, summary.planned) == (5, config.schedule.total)
    assert (summary.completed, summary.stopped, summary.failed) == (2, 1, 2)
    assert summary.epochs == 5 + 6 + 5 + 2 + 0
    assert summary.full_epochs == summary.epochs + 3  # only the stopped one saved epochs
    assert summary.speed_up == pytest.approx(21 / 18)
    assert (summary.best_accuracy, summary.seconds) == (0.7, 77.0)
    explore, exploit = summary.by_epsilon
    assert (explore.epsilon, explore.networks, explore.completed, explore.failed) == (1.0, 3, 2, 1)
    assert explore.mean_reward == pytest.approx((0.5 + 0.7 + 0.1) / 3)
    assert explore.mean_accuracy == pytest.approx(0.6)
    assert (explore.best_accuracy, explore.epochs) == (0.7, 16)
    assert (exploit.epsilon, exploit.stopped, exploit.failed) == (0.1, 1, 1)
    assert exploit.mean_reward == pytest.approx(0.35)
    assert exploit.mean_accuracy is exploit.best_accuracy is None
    assert summary.to_dict()["speed_up"] == summary.speed_up


def test_the_best_so_far_are_all_that_had_ended_when_the_last_network_of_an_epsilon_did(config):
    """In order of finishing; the first of epsilon 0.5 ended before the last of epsilon 1."""
    ended = [(1.0, 0.5), (1.0, 0.6), (0.5, 0.9), (1.0, 0.7), (0.5, 0.4), (0.5, 0.8)]
    rows = [row(epsilon, "completed", accuracy, 5) for epsilon, accuracy in ended]
    explore, exploit = summarise(Reader(config, *rows)).by_epsilon
    assert (explore.best_accuracy, explore.best_so_far, explore.top5_so_far) == (0.7, 0.9, None)
    assert (exploit.best_so_far, exploit.top15_so_far) == (0.9, None)
    assert exploit.top5_so_far == pytest.approx((0.9 + 0.8 + 0.7 + 0.6 + 0.5) / 5)
    (only,) = summarise(Reader(config, *(row(1.0, "completed", k / 100, 5) for k in range(1, 17)))).by_epsilon
    assert (only.top5_so_far, only.top15_so_far) == (pytest.approx(0.14), pytest.approx(0.09))


def test_a_search_without_networks(config):
    summary = summarise(Reader(config))
    assert (summary.networks, summary.epochs, summary.speed_up) == (0, 0, 1.0)
    assert summary.best_accuracy is None
    assert summary.by_epsilon == []


@given(st.lists(st.none() | st.floats(0, 1), max_size=30), st.integers(1, 6))
def test_the_mean_of_the_k_best_so_far(accuracies, k):
    found = cumulative_top(accuracies, k)
    assert len(found) == len(accuracies)
    for n, mean in enumerate(found, start=1):
        best = sorted(y for y in accuracies[:n] if y is not None)[-k:]
        assert mean is None if len(best) < k else mean == pytest.approx(sum(best) / k)
