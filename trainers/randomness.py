"""Addressed random numbers: every draw comes from a generator seeded by (seed, purpose, index ...)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def addressed_generator(seed: int, purpose: str, *index: int) -> torch.Generator:
    """A generator on the CPU for one purpose and index; the numbers are 0 or more."""
    return torch.Generator().manual_seed(_address(seed, purpose, *index))


@contextmanager
def addressed_draws(device: torch.device, seed: int, purpose: str, *index: int) -> Iterator[None]:
    """Seed PyTorch's global generators of CPU and `device` for this block, and restore their states after it.

    For code that can draw only from these, such as dropout.
    """
    generators = _global_generators(device)
    states = [generator.get_state() for generator in generators]
    try:
        for generator in generators:
            generator.manual_seed(_address(seed, purpose, *index))
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def _address(seed: int, purpose: str, *index: int) -> int:
    words = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), *index])
    return int(words.generate_state(1, np.uint64)[0])


def _global_generators(device: torch.device) -> list[torch.Generator]:
    generators = [torch.default_generator]
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        generators.append(torch.cuda.default_generators[index])
    elif device.type == "mps":
        generators.append(torch.mps._get_default_mps_generator())
    return generators
