"""What a search costs, before it is started."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from time import perf_counter

import numpy as np
import torch

from metaqnn.config.search import SearchConfig
from state_space import Architecture, StateSpace

SAMPLES = 200
PRODUCTS = 5
SMALL = 20e6
"""Mean multiply-accumulates per image below which more than one CPU thread per network does not pay."""


def mean_macs(space: StateSpace) -> float:
    """Mean multiply-accumulates per image of networks drawn at epsilon = 1."""
    return fmean(network.macs(space.input_shape, space.num_classes) for network in sampled_networks(space))


def mean_parameters(space: StateSpace) -> float:
    """Mean weights and biases of networks drawn at epsilon = 1."""
    return fmean(
        network.parameters(space.input_shape, space.num_classes) for network in sampled_networks(space)
    )


def sampled_networks(space: StateSpace) -> Iterator[Architecture]:
    """Some networks drawn at epsilon = 1, always the same."""
    rng = np.random.default_rng(0)
    return (space.sample(rng) for _ in range(SAMPLES))


def floating_point_work(config: SearchConfig, space: StateSpace, images: int) -> float:
    """Floating-point operations of the whole schedule without early stopping.

    Every image of every epoch costs a forward and a backward pass (twice the forward), two operations per
    multiply-accumulate; networks are drawn at epsilon = 1.
    """
    return mean_macs(space) * 2 * 3 * images * config.epochs * config.schedule.total


def processor_speed(side: int = 1024) -> float:
    """Floating-point operations a second of float32 matrix products on the CPU: an upper bound."""
    a = torch.ones(side, side)
    torch.mm(a, a)
    started = perf_counter()
    for _ in range(PRODUCTS):
        torch.mm(a, a)
    return PRODUCTS * 2 * side**3 / (perf_counter() - started)
