"""The states of a walk through the state space, and what the agent sees of them ([MQ] section 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from state_space.errors import StateSpaceError
from state_space.layers import (
    KINDS,
    MAPPED,
    Convolution,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    Pooling,
    Softmax,
)
from state_space.shapes import side_after

START: Final = "start"


class Observation(NamedTuple):
    """The agent's view of a state: the true representation size is hidden behind its bin.

    Several states look alike, so transitions between observations are stochastic.
    """

    kind: str
    depth: int
    receptive_field: int
    stride: int
    width: int
    fc_count: int
    size_bin: int
    terminated: bool


@dataclass(frozen=True, slots=True)
class State:
    """The layer last chosen and what later choices depend on.

    Attributes:
        kind: name of the last layer, or `START`.
        depth: number of choices made so far; every step adds 1.
        receptive_field: of a C or P layer, else 0.
        stride: of a C or P layer, else 0.
        width: filters, neurons or classes; 0 for P.
        fc_count: FC layers in a row so far.
        size: the true representation size n: the side of the feature map, 1 for a vector.
        terminated: whether the walk has ended.
    """

    kind: str
    depth: int
    receptive_field: int
    stride: int
    width: int
    fc_count: int
    size: int
    terminated: bool

    def __str__(self) -> str:
        if self.kind == START:
            return f"the start (map side {self.size})"
        if self.terminated:
            return "a terminated network"
        side = f"map side {self.size}, " if self.spatial else ""
        return f"{self.kind} ({side}depth {self.depth})"

    @property
    def size_bin(self) -> int:
        """The lower end of the bin of n: 8 for n >= 8, 4 for 8 > n >= 4, 1 for n < 4."""
        return 8 if self.size >= 8 else 4 if self.size >= 4 else 1

    @property
    def observed(self) -> Observation:
        """What the agent sees of this state."""
        return Observation(
            self.kind,
            self.depth,
            self.receptive_field,
            self.stride,
            self.width,
            self.fc_count,
            self.size_bin,
            self.terminated,
        )

    @property
    def spatial(self) -> bool:
        """Whether there is a feature map, which GAP needs, rather than a vector."""
        return self.kind == START or KINDS[self.kind] in MAPPED

    def after(self, action: Layer) -> State:
        """The state to which an action leads; `StateSpace.step` checks that it is allowed.

        Raises:
            StateSpaceError: it is the action of no state.
        """
        depth, size = self.depth + 1, side_after(action, self.size)
        match action:
            case Convolution():
                return State("C", depth, action.size, action.stride, action.width, 0, size, False)
            case Pooling():
                return State("P", depth, action.size, action.stride, 0, 0, size, False)
            case FullyConnected():
                return State("FC", depth, 0, 0, action.width, self.fc_count + 1, size, False)
            case GlobalAveragePooling() | Softmax():
                return State(action.name, depth, 0, 0, action.classes, 0, size, True)
        raise StateSpaceError(f"{action} is not an action")
