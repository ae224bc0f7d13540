"""The configuration of a search: one dataclass, whose help texts also make `metaqnn run --help`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from metaqnn.config.bounds import COUNT, Bounds, share
from metaqnn.config.images import ImageOptions, refuse_two_validations
from metaqnn.config.options import ConfigError, flag, option, require
from metaqnn.config.presets import (
    PRESETS,
    PUBLISHED_SETTINGS,
    SPACE_OPTIONS,
    VALIDATION_SIZES,
    VARIANTS,
    preset_options,
)
from metaqnn.config.schedule import PUBLISHED, EpsilonSchedule
from metaqnn.config.stopping import (
    FORECAST,
    LAST_SEEN,
    NO_RULE,
    OF_STOPPING,
    OWN_RULE,
    PUBLISHED_RULE,
    SETTINGS,
    complete_rule,
    settings_of,
    split_reward,
)
from metaqnn.config.stored import LATEST, VERSION, from_json, translated
from state_space import StateSpace
from state_space.errors import did_you_mean
from trainers.chance import KINDS as CHANCE_KINDS
from trainers.chance import TESTED

EPOCHS = Bounds(1, 10_000)
BATCH = Bounds(1, 10**6)
TRANSLATION = Bounds(0, 4095)
RATE = Bounds(0, 1000, whole=False, above=True)
"""Bounds of learning rates and of the factors on them."""
DECAY = Bounds(0, 1000, whole=False)
"""Bounds of weight decay."""


@dataclass(frozen=True, kw_only=True)
class SearchConfig(ImageOptions):
    """Everything that decides which networks a search trains and what it learns from them.

    A search with the same configuration, on the same CPU with one worker, trains the same networks to the
    same accuracies; on a GPU, kernels may add numbers in any order. `SearchConfig.of(preset, **changes)`
    starts from a preset.

    Raises:
        ConfigError: a value is out of range; the message names the option and quotes the value.
    """

    preset: str = option(
        "paper",
        "sets the defaults of all other options: paper (needs a GPU), laptop or first-run (default: "
        "first-run for digits, laptop for your own images on a CPU, else paper)",
        metavar="NAME",
        explained=True,
    )
    # the state space
    layer_limit: int = option(
        18,
        "largest number of layers: convolution, pooling, fully connected (preset paper: 18, on svhn 12)",
        explained=True,
    )
    conv_widths: tuple[int, ...] = option((64, 128, 256, 512), "possible numbers of filters of a convolution")
    conv_sizes: tuple[int, ...] = option((1, 3, 5), "possible receptive field sizes of a convolution")
    pools: tuple[tuple[int, int], ...] = option(
        ((5, 3), (3, 2), (2, 2)), "possible (size, stride) of a pooling layer, as 5:3,3:2,2:2"
    )
    fc_widths: tuple[int, ...] = option((512, 256, 128), "possible widths of a fully connected layer")
    max_fc: int = option(2, "largest number of fully connected layers in a row")
    conv_padding: str = option(
        "same", "padding of convolutions: same, as published, or valid, that is, none", metavar="same|valid"
    )
    batch_norm: bool = option(False, "batch normalisation after each convolution, before its ReLU")
    initial_pooling: bool = option(False, "networks may begin with a pooling layer")
    consecutive_pooling: bool = option(False, "pooling may follow pooling")
    # the agent
    schedule: EpsilonSchedule = option(PUBLISHED, "epsilon:networks,..., such as 1.0:100,0.5:20,0.1:20")
    alpha: float = option(0.01, "learning rate of the Q-value update", within=share(above=True))
    gamma: float = option(1.0, "discount factor of the Q-value update", within=share())
    initial_q: float = option(
        0.5,
        "initial Q-value of every action: if networks reach less, the agent prefers layers that it has never "
        "tried to the best that it knows (default: 0; preset paper on cifar10, svhn and mnist: 0.5, as "
        "published)",
        explained=True,
        within=Bounds(-1000, 1000, whole=False),
    )
    replays: int = option(
        100, "stored networks that the agent learns from after each new network", within=Bounds(1, 10_000)
    )
    # training
    epochs: int = option(20, "epochs T of a full training", within=EPOCHS)
    batch_size: int = option(128, "images per step", within=BATCH)
    learning_rate: float = option(1e-3, "initial learning rate of Adam", within=RATE)
    decay_factor: float = option(0.2, "factor on the learning rate at each decay", within=RATE)
    decay_every: int = option(5, "epochs between two decays of the learning rate", within=EPOCHS)
    attempts: int = option(
        5,
        "most attempts, with falling learning rates, for a network that is no better than chance",
        within=Bounds(1, 100),
    )
    chance: str = option(
        TESTED,
        "what counts as no better than chance: tested (not significantly better than always guessing the "
        "commonest class, once a network has had the 352 steps of a published first epoch; for ten or more "
        "balanced classes, the published 1.5 / classes, after 50 steps) or published (1.5 / classes after "
        "the first epoch, for all data)",
        metavar="KIND",
    )
    mirror: bool = option(
        True,
        "mirror training images at random (default: on, except for digits, mnist and svhn)",
        explained=True,
    )
    translate: int = option(
        0, "shift training images at random by up to this many pixels", within=TRANSLATION
    )
    # early stopping
    stopping: str = option(
        OWN_RULE,
        f"rule that stops hopeless networks, NAME or NAME:setting=value,...: {OWN_RULE} (this project's own, "
        "the default, which needs only a few full trainings), published (the published criterion, the "
        "same as --delta 0.99), none (every network is trained to the end), or any other that "
        "`python -m predictor simulate --help` lists",
        metavar="RULE",
        explained=True,
    )
    reward: str = option(
        FORECAST,
        "what the agent gets for a stopped network: forecast (the predicted final accuracy, as published; "
        "the default), forecast:METHOD (see `python -m predictor evaluate --help`) or last-seen "
        "(its last accuracy)",
        explained=True,
    )
    audit: float = option(
        0.02,
        "share of the networks to be stopped, drawn at random, that are trained to the end anyway: they show "
        "what the rule risks and keep the predictions honest; 0 for none (default: 0.02)",
        metavar="SHARE",
        explained=True,
        within=share(),
    )

    def __post_init__(self) -> None:
        kind, method = split_reward(self.reward)
        valid = kind == FORECAST or (kind == LAST_SEEN and not method)
        require(valid, "reward", self.reward, "forecast, forecast:METHOD or last-seen")
        require(self.preset in PRESETS, "preset", self.preset, ", ".join(PRESETS))
        require(self.chance in CHANCE_KINDS, "chance", self.chance, " or ".join(CHANCE_KINDS))
        super().__post_init__()

    @property
    def preset_validation_size(self) -> int | None:
        """See `ImageOptions`."""
        return VALIDATION_SIZES.get(self.preset)

    @classmethod
    def of(cls, preset: str | None = None, **changes: Any) -> Self:
        """The configuration of a preset with some options changed.

        Without a preset, the embedded data set `digits` gets `first-run` and all others get `paper`. Options
        that depend on the data set in every preset (SVHN and digits are not mirrored) are set before the
        changes. `delta` and the other names in `stopping.SETTINGS` are short for settings of the published
        criterion.

        Raises:
            ConfigError: the preset is unknown, a value is out of range, two options contradict each other,
                or one does not apply to the stopping rule: a flag of the published criterion to another rule,
                a reward's method to the published criterion, any option for stopped networks to `none`.
        """
        dataset = changes.get("dataset", "digits")
        name = preset or ("first-run" if dataset == "digits" else "paper")
        if name not in PRESETS:
            hint = did_you_mean(name, PRESETS)
            raise ConfigError(f"unknown preset {name!r}: presets are {', '.join(PRESETS)}{hint}")
        refuse_two_validations(changes)
        defaults = preset_options(name, dataset)
        flags = {one: changes.pop(one) for one in SETTINGS if one in changes}
        rule = complete_rule(changes.get("stopping"), flags, PUBLISHED_SETTINGS[name])
        config = cls(**{**defaults, **changes, "stopping": rule, "preset": name})
        named = not config.reward.endswith(":")  # only here, as older searches may have that
        require(named, "reward", config.reward, "forecast, forecast:METHOD or last-seen")
        config._refuse_unused_method()
        config._refuse_without_stops(changes)
        return config

    def _refuse_unused_method(self) -> None:
        """Refuse a method of the reward if it would be ignored; older searches may have one."""
        method = split_reward(self.reward)[1]
        if method and settings_of(self.stopping)[0] == PUBLISHED_RULE:
            raise ConfigError(
                f"{flag('reward')} is {self.reward!r}, but the published criterion has its own model: "
                f"give {flag('stopping')} {PUBLISHED_RULE}:method={method}"
            )

    def _refuse_without_stops(self, given: Mapping[str, Any]) -> None:
        """Refuse options for stopped networks if none is stopped; an audit of 0 is allowed."""
        for name in OF_STOPPING if settings_of(self.stopping)[0] == NO_RULE else ():
            if given.get(name):
                rule = f"{flag('stopping')} {NO_RULE}"
                raise ConfigError(f"{flag(name)} is {given[name]}, but with {rule} no network is stopped")

    def space(self, channels: int, image_size: int, num_classes: int) -> StateSpace:
        """The state space for images of that size, number of channels and classes.

        Raises:
            ConfigError: networks in it may have more operations than can be counted.
            StateSpaceError: there is no such space.
        """
        options = {name: getattr(self, name) for name in (*SPACE_OPTIONS, *VARIANTS)}
        space = StateSpace(channels=channels, image_size=image_size, num_classes=num_classes, **options)
        width = max(*space.conv_widths, *space.fc_widths, channels, num_classes)
        largest = (space.layer_limit + 2) * (width * max(space.conv_sizes) * image_size) ** 2
        if largest not in COUNT:
            raise ConfigError(
                f"networks of up to {space.layer_limit} layers, {width} wide, on images of {image_size}x"
                f"{image_size} may have {largest:.0e} operations, more than can be counted: make "
                "--layer-limit, --conv-widths, --conv-sizes, --fc-widths or --image-size smaller"
            )
        return space

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, lossless."""
        return {**asdict(self), "schedule": str(self.schedule), VERSION: LATEST}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`, also for configurations of older versions; unknown names are refused.

        Raises:
            ConfigError: an unknown name, or a value of the wrong type.
        """
        return from_json(cls, translated(values), "options")
