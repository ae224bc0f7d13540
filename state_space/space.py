"""The networks that a search may visit: states, actions and transitions ([MQ] section 4.1, [PP] Table 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from state_space.architecture import Architecture
from state_space.checks import CHECKS, SAME
from state_space.errors import StateSpaceError
from state_space.layers import (
    MAX_NUMBER,
    Chosen,
    Convolution,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    Pooling,
    Softmax,
)
from state_space.notation import summary
from state_space.shapes import Shape
from state_space.states import START, State

if TYPE_CHECKING:
    import numpy as np


class _Moves(NamedTuple):
    """The moves from a state: the actions in canonical order, and where those taken so far have led."""

    actions: tuple[Layer, ...]
    successors: dict[Layer, State]


@dataclass(frozen=True, kw_only=True)
class StateSpace:
    """A set of networks, each a path from the start state to a terminated one.

    Attributes:
        conv_widths: numbers of filters that a convolution may have.
        conv_sizes: receptive fields of convolutions, odd; the stride is 1.
        pools: (receptive field, stride) of each max-pooling layer.
        fc_widths: numbers of neurons of fully connected layers; none is wider than the one before it.
        max_fc: most fully connected layers in a row.
        layer_limit: most C, P and FC layers in a network.
        fc_below: a feature map must be smaller than this for the first fully connected layer.
        image_size: side of the square images in pixels.
        channels: channels of the images.
        num_classes: number of classes c in GAP(c) and SM(c).
        conv_padding: padding of convolutions, `same` as published or `valid`, which is none: V(d,f,l).
        batch_norm: whether batch normalisation follows each convolution: CB(d,f,l). The authors' code, of
            which this and the other three are options, also has one before each pooling layer.
        initial_pooling: whether a network may begin with a pooling layer.
        consecutive_pooling: whether pooling may follow pooling.

    Raises:
        StateSpaceError: a value that no search could use.

    Example:
        >>> import numpy as np
        >>> from state_space import StateSpace
        >>> space = StateSpace(conv_widths=(8, 16), conv_sizes=(3,), fc_widths=(), image_size=8)
        >>> first, second = space.actions(space.start())
        >>> str(first), [str(layer) for layer in space.actions(space.step(space.start(), second))]
        ('C(8,3,1)', ['C(8,3,1)', 'C(16,3,1)', 'P(5,3)', 'P(3,2)', 'P(2,2)', 'GAP(10)', 'SM(10)'])
        >>> network = space.sample(np.random.default_rng(0))
        >>> space.contains(network)
        True
    """

    conv_widths: tuple[int, ...] = (64, 128, 256, 512)
    conv_sizes: tuple[int, ...] = (1, 3, 5)
    pools: tuple[tuple[int, int], ...] = ((5, 3), (3, 2), (2, 2))
    fc_widths: tuple[int, ...] = (512, 256, 128)
    max_fc: int = 2
    layer_limit: int = 18
    fc_below: int = 8
    image_size: int = 32
    channels: int = 3
    num_classes: int = 10
    conv_padding: str = SAME
    batch_norm: bool = False
    initial_pooling: bool = False
    consecutive_pooling: bool = False

    def __post_init__(self) -> None:
        for name, check in CHECKS.items():
            # The value as checked: a list, as read from JSON, has become a tuple and the space is hashable.
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if min(self.conv_sizes) >= self.image_size:
            raise StateSpaceError(
                f"no convolution fits: conv_sizes {self.conv_sizes} must include one smaller than "
                f"image_size {self.image_size}"
            )

    @property
    def input_shape(self) -> Shape:
        """(channels, height, width) of the images."""
        return (self.channels, self.image_size, self.image_size)

    def start(self) -> State:
        """The state before any layer is chosen."""
        return State(START, 0, 0, 0, 0, 0, self.image_size, False)

    def actions(self, state: State) -> tuple[Layer, ...]:
        """The layers that may come next, always in the same order; nothing follows GAP and SM.

        The order is C (by width, then size), P, FC, GAP, SM, each as configured. A state that this space
        cannot reach gets the actions that its fields imply.
        """
        return self._moves(state).actions

    def step(self, state: State, action: Layer) -> State:
        """The state to which `action` leads.

        Raises:
            StateSpaceError: the action is not allowed; the message says what is.
        """
        actions, successors = self._moves(state)
        after = successors.get(action)
        if after is None:
            if action not in actions:
                raise StateSpaceError(f"{action} is not allowed after {state}: allowed is {summary(actions)}")
            after = successors[action] = state.after(action)
        return after

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A network each of whose layers is drawn uniformly from the allowed actions (epsilon = 1).

        Draws exactly layer_limit + 1 numbers from `rng`, however long the network.
        """
        state = self.start()
        chosen: list[Layer] = []
        for u in rng.random(self.layer_limit + 1).tolist():
            actions, successors = self._moves(state)
            action = actions[int(u * len(actions))]
            state = successors.get(action) or self.step(state, action)
            chosen.append(action)
            if state.terminated:
                break
        return _finished(chosen)

    def build(self, actions: Iterable[Layer]) -> Architecture:
        """The network of a whole walk: the chosen layers, dropout by rule, the terminal, and SM after GAP.

        Raises:
            StateSpaceError: the walk is not possible in this space, or does not terminate.
        """
        walk = list(actions)
        self._replay(walk)
        return _finished(walk)

    def path(self, architecture: Architecture) -> tuple[tuple[State, Layer], ...]:
        """The walk to a network as (state, action) pairs, the terminal action last; dropout is ignored.

        Raises:
            StateSpaceError: the network is not in this space; the message is that of `explain`.
        """
        return self._replay([*architecture.chosen, architecture.terminal])

    def contains(self, architecture: Architecture) -> bool:
        """Whether the network is in this space; dropout is ignored."""
        return self.explain(architecture) is None

    def explain(self, architecture: Architecture) -> str | None:
        """One line saying which layer is not allowed in this space, or None if the network is in it."""
        try:
            self.path(architecture)
        except StateSpaceError as error:
            return str(error)
        return None

    def _replay(self, walk: list[Layer]) -> tuple[tuple[State, Layer], ...]:
        state = self.start()
        path: list[tuple[State, Layer]] = []
        for number, action in enumerate(walk, 1):
            try:
                after = self.step(state, action)
            except StateSpaceError as error:
                raise StateSpaceError(f"layer {number} of the network, {error}") from None
            path.append((state, action))
            state = after
        if not state.terminated:
            raise StateSpaceError(f"the walk must end with GAP or SM, not after {state}")
        return tuple(path)

    @cached_property
    def _memo(self) -> dict[State, _Moves]:
        return {}

    @cached_property
    def _convolutions(self) -> tuple[Convolution, ...]:
        variant = {"padded": self.conv_padding == SAME, "batch_norm": self.batch_norm}
        sizes = [(width, size) for width in self.conv_widths for size in self.conv_sizes]
        return tuple(Convolution(width, size, **variant) for width, size in sizes)

    @cached_property
    def _poolings(self) -> tuple[Pooling, ...]:
        return tuple(Pooling(size, stride) for size, stride in self.pools)

    @cached_property
    def _dense(self) -> tuple[FullyConnected, ...]:
        return tuple(map(FullyConnected, self.fc_widths))

    @cached_property
    def _ends(self) -> tuple[GlobalAveragePooling, Softmax]:
        return GlobalAveragePooling(self.num_classes), Softmax(self.num_classes)

    def _moves(self, state: State) -> _Moves:
        moves = self._memo.get(state)
        if moves is None:
            actions = () if state.terminated else (*self._chosen(state), *self._terminals(state))
            moves = self._memo[state] = _Moves(actions, {})
        return moves

    def _chosen(self, state: State) -> list[Chosen]:
        allowed: list[Chosen] = []
        if state.depth >= self.layer_limit:
            return allowed
        if state.spatial:
            allowed += [layer for layer in self._convolutions if layer.size < state.size]
        if self._may_be_pooled(state):
            allowed += [layer for layer in self._poolings if layer.size < state.size]
        if self._may_be_dense(state):
            widest = state.width if state.kind == "FC" else MAX_NUMBER
            allowed += [layer for layer in self._dense if layer.width <= widest]
        return allowed

    def _may_be_pooled(self, state: State) -> bool:
        after = {"C": True, "P": self.consecutive_pooling, START: self.initial_pooling}
        return after.get(state.kind, False)

    def _may_be_dense(self, state: State) -> bool:
        if state.kind == "FC":
            return state.fc_count < self.max_fc
        return state.kind in ("C", "P") and state.size < self.fc_below and self.max_fc > 0

    def _terminals(self, state: State) -> tuple[Layer, ...]:
        if state.kind == START:
            return ()
        return self._ends if state.spatial else self._ends[1:]


def _finished(walk: list[Layer]) -> Architecture:
    *chosen, terminal = walk
    return Architecture.with_dropout(chosen, terminal)  # type: ignore[arg-type]  # a walk ends with its only terminal
