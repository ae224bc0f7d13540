"""The Q-learning agent: walks the state space and learns from stored networks.

The agent sees a state only through its bin of the representation size ([MQ] section 4), so states of
different true size share their Q-values, while each state keeps its own set of allowed actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from metaqnn.search.randomness import Purpose, generator
from state_space import Architecture, Layer, State, StateSpace
from state_space.errors import StateSpaceError


@dataclass(slots=True, eq=False)
class Node:
    """A true state: its actions, and where their Q-values are in the row of the observed state.

    `largest` holds the largest value of the row, and belongs to the row. `choices` has the place of each
    action among the actions; nodes with the same actions share it. `steps` has the actions that were taken.
    """

    state: State
    actions: tuple[Layer, ...]
    row: list[float]
    largest: list[float]
    slots: list[int]
    choices: Mapping[Layer, int]
    successors: list[Node | None]
    steps: dict[int, Step] = field(default_factory=dict)

    def step(self, choice: int) -> Step:
        """The action at that place, always the same object: paths share it."""
        if choice not in self.steps:
            self.steps[choice] = Step(self, choice, self.row, self.slots[choice], self.slots, self.largest)
        return self.steps[choice]

    def best(self) -> float:
        """max_u Q(s, u) over the actions allowed here."""
        row = self.row
        return max(row) if len(row) == len(self.slots) else max([row[slot] for slot in self.slots])


class Step(NamedTuple):
    """An action at a true state, with all that an update needs: a replay takes a thousand steps."""

    node: Node
    choice: int
    row: list[float]
    slot: int
    slots: list[int]
    largest: list[float]


Path = tuple[Step, ...]


class QLearner:
    """Tabular Q-learning over the paths of a state space ([MQ] section 3).

    Args:
        space: the state space that is walked.
        alpha: learning rate of the update.
        gamma: discount of later rewards.
        initial: Q(s, u) before the first update.
    """

    def __init__(
        self, space: StateSpace, *, alpha: float = 0.01, gamma: float = 1.0, initial: float = 0.5
    ) -> None:
        self.space = space
        self.alpha = alpha
        self.gamma = gamma
        self.initial = initial
        self._rows: dict[object, tuple[list[float], list[float], dict[Layer, int]]] = {}
        self._nodes: dict[State, Node] = {}
        self._choices: dict[tuple[Layer, ...], dict[Layer, int]] = {}
        self._start = self._node(space.start())

    def sample(self, epsilon: float, rng: np.random.Generator) -> Architecture:
        """One epsilon-greedy walk: uniform with probability epsilon, else a best action, ties uniform."""
        draws = iter(rng.random(2 * (self.space.layer_limit + 2)).tolist())
        actions: list[Layer] = []
        node: Node | None = self._start
        while node is not None:
            choice = self._choose(node, epsilon, next(draws), next(draws))
            actions.append(node.actions[choice])
            node = self._successor(node, choice)
        return self.space.build(actions)

    def path(self, architecture: Architecture) -> Path:
        """The steps (state, action) of an architecture, in the form that `update` takes.

        Raises:
            StateSpaceError: the architecture lies outside the state space.
        """
        steps: list[Step] = []
        node: Node | None = self._start
        for action in (*architecture.chosen, architecture.terminal):
            choice = None if node is None else node.choices.get(action)
            if node is None or choice is None:
                raise StateSpaceError(self.space.explain(architecture))
            steps.append(node.step(choice))
            node = self._successor(node, choice)
        return tuple(steps)

    def update(self, path: Path, reward: float) -> None:
        """Learn from one path, last step first.

        Q(s, u) <- (1 - alpha) Q(s, u) + alpha (r + gamma max_u' Q(s', u')), where only the last
        step has a reward r.
        """
        alpha, gamma = self.alpha, self.gamma
        target = reward
        for node, _, row, slot, slots, largest in reversed(path):
            old = row[slot]
            row[slot] = new = old + alpha * (target - old)
            if new >= largest[0]:
                largest[0] = new
            elif old == largest[0]:
                largest[0] = max(row)
            target = gamma * (largest[0] if len(row) == len(slots) else node.best())

    def q_value(self, state: State, action: Layer) -> float:
        """Q(s, u)."""
        node = self._node(state)
        return node.row[node.slots[node.actions.index(action)]]

    def q_table(self) -> dict[object, dict[Layer, float]]:
        """Every Q-value met so far: observed state -> action -> value."""
        return {
            observed: {action: row[slot] for action, slot in slots.items()}
            for observed, (row, _, slots) in self._rows.items()
        }

    @staticmethod
    def _choose(node: Node, epsilon: float, explore: float, which: float) -> int:
        if explore < epsilon:
            return int(which * len(node.actions))
        best = node.best()
        ties = [choice for choice, slot in enumerate(node.slots) if node.row[slot] == best]
        return ties[int(which * len(ties))]

    def _node(self, state: State) -> Node:
        if state not in self._nodes:
            self._nodes[state] = self._new_node(state)
        return self._nodes[state]

    def _new_node(self, state: State) -> Node:
        actions = self.space.actions(state)
        row, largest, slots = self._rows.setdefault(state.observed, ([], [self.initial], {}))
        own = [slots.setdefault(action, len(slots)) for action in actions]
        row += [self.initial] * (len(slots) - len(row))
        largest[0] = max(row)
        choices = self._choices.get(actions)
        if choices is None:
            choices = self._choices[actions] = {action: at for at, action in enumerate(actions)}
        return Node(state, actions, row, largest, own, choices, [None] * len(actions))

    def _successor(self, node: Node, choice: int) -> Node | None:
        if node.successors[choice] is None:
            state = self.space.step(node.state, node.actions[choice])
            if state.terminated:
                return None
            node.successors[choice] = self._node(state)
        return node.successors[choice]


class ReplayMemory:
    """Samples in order of arrival, and how the agent learns when one arrives ([MQ] section 4.2).

    Args:
        agent: the agent that learns.
        seed: the search's seed; draws are addressed by (seed, position of the arriving sample).
        draws: how many stored samples the agent learns from after each newly trained network.

    Attributes:
        samples: path and reward of each, in order of arrival; those of one network share their path.
    """

    def __init__(self, agent: QLearner, *, seed: int, draws: int) -> None:
        self._agent = agent
        self._seed = seed
        self._draws = draws
        self.samples: list[tuple[Path, float]] = []
        self._paths: dict[Architecture, Path] = {}

    def __len__(self) -> int:
        return len(self.samples)

    def add(self, architecture: Architecture, reward: float) -> None:
        """Store one sample. A new network triggers a replay; a repeated one a single update along it."""
        repeated = architecture in self._paths
        self.recall(architecture, reward)
        if repeated:
            self._agent.update(*self.samples[-1])
        else:
            self._replay()

    def recall(self, architecture: Architecture, reward: float) -> None:
        """Store one sample without learning from it."""
        path = self._paths.get(architecture)
        if path is None:
            path = self._paths[architecture] = self._agent.path(architecture)
        self.samples.append((path, reward))

    def _replay(self) -> None:
        position = len(self.samples) - 1
        for index in replay_draws(self._seed, position, self._draws).tolist():
            self._agent.update(*self.samples[index])


def replay_draws(seed: int, position: int, draws: int) -> npt.NDArray[np.int64]:
    """The positions in the memory that are learned from when a new network arrives at `position`."""
    return generator(seed, Purpose.REPLAY, position).integers(0, position + 1, size=draws)
