"""Presets: a set of options for each kind of machine."""

from __future__ import annotations

from typing import Any

from metaqnn.config.schedule import EpsilonSchedule
from state_space import preset

SPACE_OPTIONS = ("layer_limit", "conv_widths", "conv_sizes", "pools", "fc_widths")
VARIANTS = ("max_fc", "conv_padding", "batch_norm", "initial_pooling", "consecutive_pooling")
"""Options of the state space that are the same in all presets."""
SPACES = {"paper": "cifar10", "laptop": "laptop", "first-run": "first-run"}
NOT_MIRRORED = {"svhn", "mnist", "digits"}
PUBLISHED_DATA = {"cifar10", "svhn", "mnist"}
"""The data sets of [MQ], on which nearly every network beats the published initial Q-value, 0.5."""

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "laptop": {
        "image_size": 16,
        "train_limit": 5000,
        "epochs": 10,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "decay_every": 4,
        "schedule": EpsilonSchedule.parse(
            "1.0:100,0.9:8,0.8:8,0.7:8,0.6:12,0.5:12,0.4:12,0.3:12,0.2:12,0.1:12"
        ),
    },
    "first-run": {
        "epochs": 10,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "decay_every": 4,
        "schedule": EpsilonSchedule.parse("1.0:40,0.7:5,0.5:5,0.3:5,0.1:5"),
    },
}

VALIDATION_SIZES = {"laptop": 1000, "first-run": 300}
"""Each preset's number of validation images, if nobody asks for another and there are enough images."""

PUBLISHED_SETTINGS: dict[str, dict[str, Any]] = {
    "paper": {"burn_in": 100, "refit_growth": 1.5},
    "laptop": {"burn_in": 40, "target": "increment", "refit_growth": 1.5},
    "first-run": {"burn_in": 15, "target": "increment", "n_settings": 200, "refit_growth": 1.5},
}
"""Each preset's settings of the published criterion; all other settings have the rule's own defaults."""


def preset_options(name: str, dataset: str) -> dict[str, Any]:
    """The options of a preset for a data set that differ from the defaults, including the state space."""
    space = preset("svhn" if (name, dataset) == ("paper", "svhn") else SPACES[name])
    by_data: dict[str, Any] = {"mirror": False} if dataset in NOT_MIRRORED else {}
    if name != "paper" or dataset not in PUBLISHED_DATA:
        by_data["initial_q"] = 0.0
    return {**{option: getattr(space, option) for option in SPACE_OPTIONS}, **PRESETS[name], **by_data}
