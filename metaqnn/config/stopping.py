"""The stopping rule of a search and the reward of the networks it stops, each as one text.

A rule is `NAME` or `NAME:setting=value,...`, whatever the flags were. `--delta D` is short for
`--stopping published:Delta=D`, and its companions are short for the rule's other settings. All others come
from the preset, so that the text contains every setting that matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from metaqnn.config.bounds import Bounds, share
from metaqnn.config.options import ConfigError, flag, option
from state_space.errors import quoted

OWN_RULE = "rank-envelope"
PUBLISHED_RULE = "published"
PUBLISHED_NAMES = (PUBLISHED_RULE, "paper")
"""The names of the published criterion: the present one and the former one."""
NO_RULE = "none"
DELTA = 0.99
REWARDS = FORECAST, LAST_SEEN = "forecast", "last-seen"
"""What a stopped network may be rewarded with."""
OF_STOPPING = "reward", "audit"
"""Options of a search that mean nothing if no network is stopped."""
CURVES = Bounds(1, 10**6)
Number = TypeVar("Number", int, float)


@dataclass(frozen=True, kw_only=True)
class PublishedFlags:
    """Flags that are short for settings of the published criterion, [PP] section 3."""

    delta: float | None = option(
        None,
        "use the published criterion: stop when p(final accuracy <= best so far) reaches this Delta, in "
        "(0, 1]; it saves less, but states its risk: if its probabilities are right, at most a share of "
        "1 - Delta of the stopped networks would have been better. The same as --stopping "
        "published:Delta=DELTA",
        within=share(above=True),
    )
    tolerance: float | None = option(
        None, "with --delta: keep every network that may end within this of the best", within=share()
    )
    nth_best: int | None = option(
        None,
        "with --delta: compare with the n-th best accuracy so far instead of the best",
        within=CURVES,
    )
    burn_in: int | None = option(
        None,
        "with --delta: networks trained to the end before any is stopped (preset paper: 100)",
        within=CURVES,
    )
    target: str | None = option(
        None,
        "with --delta: the predictor learns final (y_T, as published) or increment (y_T - y_t), which can "
        "forecast beyond the best accuracy so far and so suits a short burn-in (preset paper: final)",
    )
    svr_settings: int | None = option(
        None,
        "with --delta: draws of the random search for the predictor's parameters (preset paper: 1000)",
        within=Bounds(1, 100_000),
    )
    refit_growth: float | None = option(
        None,
        "with --delta: refit the predictor when the completed networks have grown by this factor (preset "
        "paper: 1.5)",
        metavar="FACTOR",
        within=Bounds(1, 10**6, whole=False, above=True),
    )


SETTINGS = {
    "delta": "Delta",
    "tolerance": "tolerance",
    "nth_best": "nth_best",
    "burn_in": "burn_in",
    "target": "target",
    "svr_settings": "n_settings",
    "refit_growth": "refit_growth",
}
"""The setting of the published criterion that each flag stands for."""


def split_reward(reward: str) -> tuple[str, str]:
    """What a stopped network's reward is, and the method that forecasts it; empty for the default one."""
    kind, _, method = reward.partition(":")
    return kind, method


def settings_of(rule: str) -> tuple[str, dict[str, str]]:
    """The name of a rule and its settings as text; the rule itself refuses invalid ones."""
    name, _, rest = rule.partition(":")
    parts = (part.partition("=") for part in rest.split(",") if part)
    return name.strip(), {key.strip(): value.strip() for key, _, value in parts}


def same_rule(one: str, other: str) -> bool:
    """Whether two texts mean the same rule, however its numbers are written and its settings ordered.

    Raises:
        PredictorError: one of them is not a rule.
    """
    from predictor.rules.names import RuleSpec  # with SciPy: not for --help

    first, second = RuleSpec.parse(one), RuleSpec.parse(other)
    return (first.name, first.settings) == (second.name, second.settings)


def contradicted(rule: str, flags: Mapping[str, Any]) -> str | None:
    """The first flag of `PublishedFlags` that contradicts a published criterion; None if none does.

    Raises:
        PredictorError: a setting is unknown, given twice, or no number where there should be one.
    """
    from predictor.rules.names import RuleSpec  # as above

    settings = RuleSpec.parse(rule).settings
    return next((one for one, value in flags.items() if settings.get(SETTINGS[one], value) != value), None)


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as they stand after the name of a rule and a colon."""
    return ",".join(f"{key}={value}" for key, value in settings.items())


def stated_risk(rule: str) -> float | None:
    """1 - Delta, the share of false stops that the published criterion accepts; None for all other rules."""
    return 1 - _number(rule, "Delta", DELTA) if settings_of(rule)[0] == PUBLISHED_RULE else None


def compared(rule: str) -> tuple[float, int]:
    """The tolerance of a rule and the n of the n-th best network that it compares with.

    0 and 1 unless the published criterion has other settings.
    """
    if settings_of(rule)[0] != PUBLISHED_RULE:
        return 0.0, 1
    return _number(rule, "tolerance", 0.0), _number(rule, "nth_best", 1)


def _number(rule: str, setting: str, default: Number) -> Number:
    """A setting of a rule, of the default's kind. Raises ConfigError if a database holds something else."""
    try:
        return type(default)(settings_of(rule)[1].get(setting, default))
    except ValueError:
        raise ConfigError(f"{setting} is no number in the stopping rule {quoted(rule)}") from None


def complete_rule(stopping: str | None, flags: Mapping[str, Any], preset: Mapping[str, Any]) -> str:
    """The complete rule that the options ask for.

    Args:
        stopping: the value of `--stopping`, None if it was not given.
        flags: the flags of `PublishedFlags` that were given.
        preset: the preset's settings of the published criterion.

    Raises:
        ConfigError: a flag belongs to another rule, or contradicts the one asked for.
        PredictorError: a setting is unknown, given twice, or no number where there should be one.
    """
    flags = {name: value for name, value in flags.items() if value is not None}
    if stopping is None:
        stopping = OWN_RULE if flags.get("delta") is None else PUBLISHED_RULE
    name, given = settings_of(stopping)
    if name not in PUBLISHED_NAMES:
        _refuse_foreign(stopping, flags)
        return stopping
    named = {SETTINGS[one]: value for one, value in flags.items()}
    settings = {"Delta": DELTA, **preset, **given, **named}
    _require_bounds(settings)
    if (one := contradicted(stopping, flags)) is not None:
        raise ConfigError(f"{flag(one)} {flags[one]} contradicts --stopping {stopping}: give one of them")
    return f"{PUBLISHED_RULE}:{settings_text(settings)}"


def _require_bounds(settings: Mapping[str, Any]) -> None:
    """Refuse numbers above their bounds, however given; the rule itself refuses what is not a number."""
    for one in fields(PublishedFlags):
        within, value = one.metadata["within"], settings.get(SETTINGS[one.name])
        try:
            number = float("nan" if value is None else value)
        except ValueError:
            continue
        if within is not None and number > within.high:
            raise ConfigError(f"{flag(one.name)} is {value}; it must be {within}")


def _refuse_foreign(stopping: str, flags: Mapping[str, Any]) -> None:
    if "delta" in flags:
        raise ConfigError(
            f"--delta {flags['delta']:g} asks for the published criterion and --stopping {stopping} for "
            "another rule: give one of them"
        )
    for one, value in flags.items():
        raise ConfigError(
            f"{flag(one)} {value} belongs to the published criterion, but the rule is {stopping}: "
            "add --delta, or give the rule's own settings after a colon"
        )
