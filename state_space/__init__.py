"""Which networks exist: layers, notation, states, actions, transitions and presets.

A network is a walk from the start of a `StateSpace` to a terminal state; `Architecture` is the network that
the walk builds. This package knows neither training nor databases and imports no other.

    >>> import numpy as np
    >>> from state_space import Architecture, preset
    >>> space = preset("cifar10")
    >>> network = space.sample(np.random.default_rng(0))
    >>> Architecture.parse(str(network)) == network and space.contains(network)
    True
"""

from __future__ import annotations

from state_space.architecture import Architecture
from state_space.errors import NotationError, ShapeError, StateSpaceError
from state_space.layers import (
    Convolution,
    Dropout,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    Pooling,
    Softmax,
)
from state_space.presets import PRESETS, preset
from state_space.shapes import Shape, Stage
from state_space.space import StateSpace
from state_space.states import Observation, State

__all__ = [
    "PRESETS",
    "Architecture",
    "Convolution",
    "Dropout",
    "FullyConnected",
    "GlobalAveragePooling",
    "Layer",
    "NotationError",
    "Observation",
    "Pooling",
    "Shape",
    "ShapeError",
    "Softmax",
    "Stage",
    "State",
    "StateSpace",
    "StateSpaceError",
    "preset",
]
