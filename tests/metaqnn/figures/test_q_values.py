"""Q-values in figures, against those of the search's own agent."""

import re
from collections import Counter, defaultdict
from typing import get_args

import pytest

from metaqnn.database import ReplayDatabase
from metaqnn.figures import q_values
from metaqnn.figures.style import KIND_COLOURS
from metaqnn.results.learned import TriedAction
from state_space import Architecture, Convolution, FullyConnected, Pooling
from state_space.layers import Chosen, GlobalAveragePooling, Softmax, Terminal


@pytest.fixture
def values(finished_run, open_search, sql):
    """(depth, layer) -> the Q-values of that search's states and actions, one for each observed state."""
    database = ReplayDatabase.open(finished_run.url)
    agent = open_search(database).known.agent
    found = defaultdict(dict)
    for (text,) in sql("SELECT architecture FROM networks"):
        for depth, (state, action) in enumerate(agent.space.path(Architecture.parse(text)), start=1):
            found[depth, action][state.observed] = agent.q_value(state, action)
    database.close()
    return {key: list(of.values()) for key, of in found.items()}


def pooled(values, depth, chosen):
    return [q for (of, layer), qs in values.items() if of == depth and chosen(layer) for q in qs]


KINDS = {
    "convolution": Convolution,
    "pooling": Pooling,
    "fully connected": FullyConnected,
    "end": (GlobalAveragePooling, Softmax),
}


def test_mean_and_largest_q_values_by_kind_and_depth(view, values):
    rows = next(iter(q_values.by_kind(view).to_dict()["datasets"].values()))
    assert {row["series"] for row in rows} >= {"convolution", "end"}
    for row in rows:
        kind = KINDS[row["series"]]
        expected = pooled(values, row["depth"], lambda layer, kind=kind: isinstance(layer, kind))
        assert row["actions"] == len(expected)
        assert row["mean"] == pytest.approx(sum(expected) / len(expected))
        assert row["largest"] == pytest.approx(max(expected))
    assert sum(row["actions"] for row in rows) == sum(map(len, values.values()))


def test_the_best_first_layers_are_told_with_the_number_of_networks_that_tried_them(view, sql):
    first = Counter(
        Architecture.parse(text).chosen[0].family for (text,) in sql("SELECT architecture FROM networks")
    )
    said, *_, begin = q_values.in_words(view)
    kinds = re.findall(r"of ([a-z ]+) \(at most [0-9.]+; (\d+) network", said)
    assert kinds
    for told, number in kinds:
        assert first[told] == int(number)
    assert f"begin at {view.config.initial_q:g}" in begin


def test_where_ending_is_best_the_words_say_so(view, monkeypatch):
    tried = [TriedAction(1, Softmax(10), 0.9, 3), TriedAction(1, Convolution(8, 3, 1), 0.2, 1)]
    monkeypatch.setitem(view.__dict__, "tried_actions", tried)
    assert q_values.in_words(view)[0] == (
        "For layer 1, the agent expects most of ending the network (at most 0.900; 3 networks), least of "
        "convolution (at most 0.200; 1 network)."
    )


def test_convolutions_by_receptive_field(view, values):
    rows = next(iter(q_values.by_receptive_field(view).to_dict()["datasets"].values()))
    for row in rows:
        size = int(row["series"].split("x")[0])
        expected = pooled(
            values,
            row["depth"],
            lambda layer, size=size: isinstance(layer, Convolution) and layer.size == size,
        )
        assert row["mean"] == pytest.approx(sum(expected) / len(expected))
    assert {row["series"] for row in rows} == {"1x1", "3x3", "5x5"}


def test_every_layer_that_an_agent_may_choose_has_a_colour():
    assert {layer.family for layer in (*get_args(Chosen), *get_args(Terminal))} == set(KIND_COLOURS)
