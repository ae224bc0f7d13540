"""Configurations as stored, in JSON values; those of older versions keep their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from metaqnn.config.options import ConfigError
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.stopping import (
    FORECAST,
    NO_RULE,
    OWN_RULE,
    PUBLISHED_NAMES,
    PUBLISHED_RULE,
    SETTINGS,
    settings_of,
    settings_text,
)
from state_space.errors import quoted

KINDS: Mapping[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    EpsilonSchedule: "a schedule such as 1.0:100,0.5:20",
    tuple[int, ...]: "a list of whole numbers",
    tuple[tuple[int, int], ...]: "a list of pairs of whole numbers",
    NoneType: "null",
}
"""What values are called in messages, by their types."""
EXTENDED = "extended"
"""Key of an extended search's schedule; `schedule` stays the one that it began with."""
VERSION, LATEST = "version", 3
"""Key of the version of a configuration's defaults; the first had none."""
FORMER_ENVELOPES: Mapping[int | None, Mapping[str, str]] = {
    None: {"looks": "up", "reduction_factor": "none"},
    2: {"looks": "up"},
}
"""What the rank envelope's defaults were in earlier versions, where they differ from today's."""
T = TypeVar("T")
FORMER_DEFAULTS = {"Delta": "0.99", "burn_in": "100", "refit_growth": "none", "random_state": "0"}
"""The defaults of `--stopping paper:...` when it did not use the preset's settings."""


def translated(values: Mapping[str, Any]) -> dict[str, Any]:
    """A stored configuration in today's terms.

    In older versions, chance was always the published one, and validation images were always drawn from the
    training images. The first versions switched the published criterion on with `early_stopping`; later ones
    had names for rules, but separate options for the settings of the published criterion. The rank envelope
    looked later and, at first, had no bound.

    Raises:
        ConfigError: they are no object, or of an unknown version.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"the stored options are {quoted(values)}; they must be an object")
    if "chance" not in values:  # from before chance could be tested, and before the stack of forecasters
        reward = values.get("reward", FORECAST)
        reward = f"{FORECAST}:robust-gp" if reward == FORECAST else reward
        values = {**values, "chance": "published", "reward": reward}
    values = {"own_validation": False, **values}
    version = values.pop(VERSION, None)
    if version not in (*FORMER_ENVELOPES, LATEST):
        raise ConfigError(
            f"the stored options are of version {quoted(version)}; this metaqnn reads versions up to {LATEST}"
        )
    if isinstance(values.get("stopping"), str):
        values["stopping"] = _completed(values["stopping"], FORMER_ENVELOPES.get(version, {}))
    if EXTENDED in values:
        values["schedule"] = values.pop(EXTENDED)
    if "early_stopping" in values:
        on = values.pop("early_stopping")
        values |= {"stopping": "paper" if on else NO_RULE, "audit": 0.0}
    if "delta" not in values or not isinstance(values.get("stopping"), str):
        return values
    former = {setting: values.pop(name) for name, setting in SETTINGS.items() if name in values}
    name, settings = settings_of(values["stopping"])
    if name in PUBLISHED_NAMES:
        settings = {**FORMER_DEFAULTS, **settings} if ":" in values["stopping"] else former
        values["stopping"] = f"{PUBLISHED_RULE}:{settings_text(settings)}"
    return values


def from_json(config: type[T], values: Mapping[str, Any], options: str) -> T:
    """A configuration, from the JSON values of its options.

    Args:
        config: a dataclass.
        values: those of the options, by name.
        options: what messages call them.

    Raises:
        ConfigError: an unknown name, or a value that is out of range or of another type.
    """
    kinds = get_type_hints(config)
    if unknown := values.keys() - kinds.keys():
        raise ConfigError(f"unknown {options} {sorted(unknown)}; written by another version of metaqnn?")
    return config(**{name: _value(name, value, kinds[name]) for name, value in values.items()})


def _value(name: str, value: Any, kind: Any) -> Any:
    """The value of an option of that type. Raises ConfigError if it is of another."""
    if not _fits(value, kind):
        kinds = get_args(kind) if get_origin(kind) is UnionType else (kind,)
        wanted = " or ".join(KINDS[one] for one in kinds)
        raise ConfigError(f"stored option {name} is {quoted(value)}; it must be {wanted}")
    if kind is EpsilonSchedule:
        return EpsilonSchedule.parse(value)
    return _as_tuples(value)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value has the type of an option."""
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


def _completed(rule: str, envelope: Mapping[str, str]) -> str:
    """The rank envelope with these settings unless it names others; any other rule as it is."""
    name, settings = settings_of(rule)
    missing = {key: value for key, value in envelope.items() if key not in settings}
    if name != OWN_RULE or not missing:
        return rule
    return f"{rule}{',' if settings else ':'}{settings_text(missing)}"
