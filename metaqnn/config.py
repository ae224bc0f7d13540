"""The configuration of a search: one dataclass whose help texts are also `metaqnn run --help`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from math import inf, isfinite
from typing import Any, Self

from metaqnn.schedule import PUBLISHED, EpsilonSchedule
from state_space import StateSpace, preset


class ConfigError(ValueError):
    """A value that makes no sense; the message quotes it and says what would be right."""


def option(default: Any, help: str, **more: Any) -> Any:
    """A dataclass field with the help text of its command-line flag."""
    return field(default=default, metadata={"help": help, **more})


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """Everything that decides which networks a search trains and what it learns from them.

    A search with the same configuration, on the same device with one worker, trains the same
    networks to the same accuracies. `SearchConfig.of(preset, **changes)` starts from a preset.

    Raises:
        ConfigError: a value is out of range; the message names the option and quotes the value.
    """

    dataset: str = option(
        "digits",
        "cifar10, cifar100, svhn, mnist, fashion-mnist or digits; or your own images: "
        "a folder or archive of class folders, an .npz file, or module:function",
    )
    preset: str = option("paper", "where all other options start from: paper (a GPU), laptop, first-run")
    seed: int = option(0, "seed of every random draw")
    # the state space
    layer_limit: int = option(18, "most layers of a network (convolution, pooling, fully connected)")
    conv_widths: tuple[int, ...] = option((64, 128, 256, 512), "numbers of filters of a convolution")
    conv_sizes: tuple[int, ...] = option((1, 3, 5), "receptive field sizes of a convolution")
    pools: tuple[tuple[int, int], ...] = option(
        ((5, 3), (3, 2), (2, 2)), "pooling (size, stride) as 5:3,3:2,2:2"
    )
    fc_widths: tuple[int, ...] = option((512, 256, 128), "numbers of neurons of a fully connected layer")
    # the agent
    schedule: EpsilonSchedule = option(PUBLISHED, "epsilon:networks,... e.g. 1.0:100,0.5:20,0.1:20")
    alpha: float = option(0.01, "learning rate of the Q-value update")
    gamma: float = option(1.0, "discount factor of the Q-value update")
    initial_q: float = option(0.5, "Q-value of an action never tried")
    replays: int = option(100, "stored networks the agent learns from after each new one")
    # training
    image_size: int | None = option(None, "resize images to this side")
    train_limit: int | None = option(None, "use only this many training images (a stratified subset)")
    validation_size: int | None = option(
        None, "training images held out for the validation accuracy (default: a tenth, 5000 at most)"
    )
    epochs: int = option(20, "epochs T of a full training")
    batch_size: int = option(128, "images per step")
    learning_rate: float = option(1e-3, "initial learning rate of Adam")
    decay_factor: float = option(0.2, "factor on the learning rate at each decay")
    decay_every: int = option(5, "epochs between two decays of the learning rate")
    attempts: int = option(5, "tries at most with lower rates when the first epoch is no better than chance")
    mirror: bool = option(True, "mirror training images at random")
    translate: int = option(0, "shift training images at random by up to this many pixels")
    svhn_extra: bool = option(False, "add SVHN's extra set to its training images")
    # early stopping
    early_stopping: bool = option(True, "stop hopeless networks; --no-early-stopping trains all to the end")
    delta: float = option(0.99, "Delta: stop when p(final accuracy <= best so far) reaches this, in (0, 1]")
    tolerance: float = option(0.0, "delta: keep every network that may end within this of the best")
    nth_best: int = option(1, "compare with the n-th best accuracy so far instead of the best")
    burn_in: int = option(100, "networks trained to the end before any is stopped")
    target: str = option(
        "final",
        "what the predictor learns: final (y_T, as published) or increment (y_T - y_t), which can forecast "
        "beyond the best accuracy so far and so suits a short burn-in",
    )
    svr_settings: int = option(1000, "draws of the random search for the nu-SVR's parameters")
    refit_growth: float = option(1.5, "refit the predictor when the completed networks grew by this factor")

    def __post_init__(self) -> None:
        self._require(0 < self.delta <= 1, "delta", "a probability in (0, 1]")
        self._require(0 <= self.tolerance < inf, "tolerance", "0 or more")
        self._require(0 < self.alpha <= 1, "alpha", "in (0, 1]")
        self._require(0 <= self.gamma <= 1, "gamma", "in [0, 1]")
        self._require(isfinite(self.initial_q), "initial_q", "a finite number")
        self._require(1 < self.refit_growth < inf, "refit_growth", "above 1")
        self._require(self.burn_in >= 5, "burn_in", "at least 5, to fit a predictor")
        self._require(self.target in ("final", "increment"), "target", "final or increment")
        self._require(self.seed >= 0, "seed", "0 or more")
        for name in ("nth_best", "replays", "svr_settings", "epochs"):
            self._require(getattr(self, name) >= 1, name, "at least 1")
        self._require(self.nth_best <= self.burn_in, "nth_best", f"at most --burn-in, {self.burn_in}")
        for name in ("image_size", "train_limit", "validation_size"):
            self._require(getattr(self, name) is None or getattr(self, name) >= 1, name, "at least 1")

    def _require(self, holds: bool, name: str, wanted: str) -> None:
        if not holds:
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag} is {getattr(self, name)!r}; it must be {wanted}")

    @classmethod
    def of(cls, preset: str | None = None, **changes: Any) -> Self:
        """The configuration of a preset with some options changed.

        Without a preset, the embedded data set `digits` gets `first-run`, all others `paper`. What a data
        set asks for in every preset (SVHN and digits are not mirrored) comes before the changes.

        Raises:
            ConfigError: the preset is unknown, or a value is out of range.
        """
        dataset = changes.get("dataset", "digits")
        name = preset or ("first-run" if dataset == "digits" else "paper")
        if name not in PRESETS:
            near = get_close_matches(name, PRESETS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigError(f"unknown preset {name!r}: presets are {', '.join(PRESETS)}{hint}")
        space = "svhn" if (name, dataset) == ("paper", "svhn") else SPACES[name]
        by_data = {"mirror": False} if dataset in NOT_MIRRORED else {}
        return cls(**{**_space_options(space), **PRESETS[name], **by_data, **changes, "preset": name})

    def space(self, channels: int, image_size: int, num_classes: int) -> StateSpace:
        """The state space for images of that size, number of channels and classes."""
        options = {name: getattr(self, name) for name in SPACE_OPTIONS}
        return StateSpace(channels=channels, image_size=image_size, num_classes=num_classes, **options)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, lossless."""
        return {**asdict(self), "schedule": str(self.schedule)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`; unknown names are refused.

        Raises:
            ConfigError: a name that this version does not know.
        """
        known = {f.name for f in fields(cls)}
        if unknown := set(values) - known:
            raise ConfigError(f"unknown options {sorted(unknown)}; written by another version of metaqnn?")
        return cls(**{name: _from_json(name, value) for name, value in values.items()})


def _from_json(name: str, value: Any) -> Any:
    if name == "schedule":
        return EpsilonSchedule.parse(value)
    if name == "pools":
        return tuple((size, stride) for size, stride in value)
    return tuple(value) if isinstance(value, list) else value


SPACE_OPTIONS = ("layer_limit", "conv_widths", "conv_sizes", "pools", "fc_widths")
SPACES = {"paper": "cifar10", "laptop": "laptop", "first-run": "first-run"}
NOT_MIRRORED = {"svhn", "mnist", "digits"}


def _space_options(name: str) -> dict[str, Any]:
    space = preset(name)
    return {option: getattr(space, option) for option in SPACE_OPTIONS}


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "laptop": {
        "image_size": 16,
        "train_limit": 5000,
        "validation_size": 1000,
        "epochs": 10,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "decay_every": 4,
        "burn_in": 40,
        "target": "increment",
        "schedule": EpsilonSchedule.parse(
            "1.0:100,0.9:8,0.8:8,0.7:8,0.6:12,0.5:12,0.4:12,0.3:12,0.2:12,0.1:12"
        ),
    },
    "first-run": {
        "validation_size": 300,
        "epochs": 10,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "decay_every": 4,
        "burn_in": 15,
        "target": "increment",
        "delta": 0.95,
        "svr_settings": 200,
        "schedule": EpsilonSchedule.parse("1.0:40,0.7:5,0.5:5,0.3:5,0.1:5"),
    },
}
