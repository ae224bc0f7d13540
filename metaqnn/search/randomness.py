"""Addressed random numbers: every draw belongs to (search seed, purpose, index).

A search resumed after a crash draws what the undisturbed one would have drawn, because no generator
carries state from one event to the next.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a random stream is for. The numbers are part of a search's identity: never renumber."""

    SAMPLE = 1  # one per proposal: the walk through the state space
    REPLAY = 2  # one per stored sample: which stored networks the agent learns from
    TRAINING = 3  # one per network: initial weights, order of images, augmentation, dropout
    PREDICTOR = 4  # one per search: the random search of the sequential regression models
    AUDIT = 5  # one per search: which stopped networks are trained to the end
    DATA = 6  # one per search: subset and validation split
    AUDIT_IN_LOOP = 7  # one per network: whether it is trained to the end when the rule would stop it
    FINETUNING = 8  # one per network: the seeds of its long trainings
    BRACKET = 9  # one per trial of a tuning: its bracket of Hyperband


def generator(seed: int, purpose: Purpose, index: int = 0) -> np.random.Generator:
    """The generator at address (seed, purpose, index)."""
    return np.random.default_rng((seed, purpose, index))


def derived_seed(seed: int, purpose: Purpose, index: int = 0) -> int:
    """A 31-bit seed at address (seed, purpose, index), for libraries that take an integer."""
    return int(generator(seed, purpose, index).integers(2**31))
