"""The configuration of a search: one dataclass whose help texts are also `metaqnn run --help`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import inf, isfinite
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

from metaqnn.config.presets import PRESETS, SPACE_OPTIONS, preset_options
from metaqnn.config.schedule import PUBLISHED, EpsilonSchedule
from state_space import StateSpace
from state_space.errors import did_you_mean

OWN_RULE = "rank-envelope"
PUBLISHED_RULE = "paper"
PUBLISHED_SETTINGS = ("tolerance", "nth_best", "burn_in", "target", "svr_settings", "refit_growth")
REWARDS = ("forecast", "last-seen")


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
    # early stopping, by any rule
    stopping: str = option(
        OWN_RULE,
        f"rule that stops hopeless networks, NAME or NAME:setting=value,...: {OWN_RULE} (this project's own, "
        "the default, which stops early after few full trainings), paper (the published criterion, the same "
        "as --delta 0.99), none (every network is trained to the end), or any other that "
        "`python -m predictor simulate --help` lists",
    )
    reward: str = option(
        "forecast",
        "what the agent gets for a stopped network: forecast (the predicted final accuracy, as published; "
        "the default) or last-seen (its last accuracy)",
    )
    audit: float = option(
        0.02,
        "share of the networks to be stopped that are trained to the end all the same, drawn at random: they "
        "show what the rule risks and keep the predictions honest; 0 for none (default: 0.02)",
    )
    # early stopping, by the published criterion
    delta: float | None = option(
        None,
        "use the published criterion instead: stop when p(final accuracy <= best so far) reaches this Delta, "
        "in (0, 1]; slower, but it says what it risks: a share of 1 - Delta of the networks it stops would "
        "have been better",
    )
    tolerance: float = option(0.0, "with --delta: keep every network that may end within this of the best")
    nth_best: int = option(1, "with --delta: compare with the n-th best accuracy so far instead of the best")
    burn_in: int = option(100, "with --delta: networks trained to the end before any is stopped")
    target: str = option(
        "final",
        "with --delta: the predictor learns final (y_T, as published) or increment (y_T - y_t), which can "
        "forecast beyond the best accuracy so far and so suits a short burn-in",
    )
    svr_settings: int = option(
        1000, "with --delta: draws of the random search for the predictor's parameters"
    )
    refit_growth: float = option(
        1.5, "with --delta: refit the predictor when the completed networks grew by this factor"
    )

    def __post_init__(self) -> None:
        self._require(self.delta is None or 0 < self.delta <= 1, "delta", "a probability in (0, 1]")
        if (self.delta is None) == (self.stopping == PUBLISHED_RULE):
            raise ConfigError(_contradiction(self.stopping, self.delta))
        self._require(self.reward in REWARDS, "reward", " or ".join(REWARDS))
        self._require(0 <= self.audit <= 1, "audit", "a share from 0 to 1")
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
        set asks for in every preset (SVHN and digits are not mirrored) comes before the changes. A `delta`
        without `stopping` is the published criterion, and that criterion without `delta` has 0.99.

        Raises:
            ConfigError: the preset is unknown, a value is out of range, or an option belongs to another
                stopping rule.
        """
        dataset = changes.get("dataset", "digits")
        name = preset or ("first-run" if dataset == "digits" else "paper")
        if name not in PRESETS:
            hint = did_you_mean(name, PRESETS)
            raise ConfigError(f"unknown preset {name!r}: presets are {', '.join(PRESETS)}{hint}")
        defaults = preset_options(name, dataset)
        return cls(**{**defaults, **changes, **_stopping(changes), "preset": name})

    def space(self, channels: int, image_size: int, num_classes: int) -> StateSpace:
        """The state space for images of that size, number of channels and classes."""
        options = {name: getattr(self, name) for name in SPACE_OPTIONS}
        return StateSpace(channels=channels, image_size=image_size, num_classes=num_classes, **options)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, lossless."""
        return {**asdict(self), "schedule": str(self.schedule)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`, also for what was stored when rules had no names; unknown names are refused.

        Raises:
            ConfigError: a name that this version does not know.
        """
        if "early_stopping" in values:
            values = _with_a_named_rule(values)
        known = {f.name for f in fields(cls)}
        if unknown := set(values) - known:
            raise ConfigError(f"unknown options {sorted(unknown)}; written by another version of metaqnn?")
        kinds = get_type_hints(cls)
        return cls(**{name: _from_json(name, value, kinds[name]) for name, value in values.items()})


def _from_json(name: str, value: Any, kind: Any) -> Any:
    if not _fits(value, kind):
        raise ConfigError(f"stored option {name} is {value!r}, which is not a {kind}")
    if kind is EpsilonSchedule:
        return EpsilonSchedule.parse(value)
    return _as_tuples(value)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of the type of an option."""
    parts = get_args(kind)
    if get_origin(kind) is UnionType:
        return any(_fits(value, one) for one in parts)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            return False
        kinds = parts[:1] * len(value) if parts[-1] is ... else parts
        return len(kinds) == len(value) and all(map(_fits, value, kinds))
    if kind is EpsilonSchedule:
        return isinstance(value, str)
    if kind in (int, float):
        is_number = isinstance(value, int | kind) and not isinstance(value, bool)
        return is_number and (isinstance(value, kind) or abs(value) < 2**53)
    return isinstance(value, kind)


def _stopping(changes: Mapping[str, Any]) -> dict[str, Any]:
    """`stopping` and `delta` as the changes ask for them; refuses settings of a rule that does not run."""
    delta = changes.get("delta")
    stopping = changes.get("stopping", OWN_RULE if delta is None else PUBLISHED_RULE)
    if stopping == PUBLISHED_RULE:
        return {"stopping": stopping, "delta": 0.99 if delta is None else delta}
    foreign = [name for name in PUBLISHED_SETTINGS if name in changes]
    if foreign and delta is None:
        flag = foreign[0].replace("_", "-")
        raise ConfigError(
            f"--{flag} {changes[foreign[0]]} belongs to the published criterion, but the rule is {stopping}: "
            "give --delta, too, or the rule's own settings after a colon"
        )
    return {"stopping": stopping, "delta": delta}


def _contradiction(stopping: str, delta: float | None) -> str:
    if delta is None:
        return f"--stopping {stopping} needs a --delta, such as 0.99"
    return (
        f"--delta {delta:g} asks for the published criterion and --stopping {stopping} for another rule: "
        "give one of them"
    )


def _with_a_named_rule(values: Mapping[str, Any]) -> dict[str, Any]:
    """An old configuration: `early_stopping` switched the published criterion, `delta` was always there."""
    kept = {name: value for name, value in values.items() if name != "early_stopping"}
    on = values["early_stopping"]
    rule = {"stopping": PUBLISHED_RULE} if on else {"stopping": "none", "delta": None}
    return {**kept, **rule, "reward": "forecast", "audit": 0.0}
