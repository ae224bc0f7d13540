"""Options: dataclass fields whose help texts are also `--help`, and the flags made from them."""

from __future__ import annotations

import argparse
import types
from collections.abc import Callable, Collection, Iterator
from dataclasses import MISSING, Field, field, fields
from typing import Any, Union, get_args, get_origin, get_type_hints

from metaqnn.config.bounds import Bounds
from metaqnn.config.schedule import EpsilonSchedule, ScheduleError
from state_space.errors import quoted

AUTO = "auto"


class ConfigError(ValueError):
    """An invalid value; the message quotes it and says what would be right."""


def option(
    default: Any,
    help: str,
    *,
    metavar: str | None = None,
    explained: bool = False,
    within: Bounds | None = None,
    called: str | None = None,
) -> Any:
    """A dataclass field with the help text of its command-line flag.

    Args:
        default: default of the field.
        help: one sentence or two.
        metavar: what stands for the value in the help; if None, N for whole numbers, else the last word of
            the name.
        explained: whether the help itself says what the default is.
        within: the bounds of every number in the value.
        called: the name of the flag, if it is not the field's.
    """
    metadata = {"help": help, "metavar": metavar, "explained": explained, "within": within, "called": called}
    return field(default=default, metadata=metadata)


def flag(name: str) -> str:
    """The command-line flag of a field."""
    return "--" + name.replace("_", "-")


def require(holds: bool, name: str, value: object, wanted: str) -> None:
    """Raise ConfigError unless `holds`: `--NAME is VALUE; it must be WANTED`."""
    if not holds:
        raise ConfigError(f"{flag(name)} is {quoted(value)}; it must be {wanted}")


def require_bounds(config: Any) -> None:
    """Refuse numbers that are out of bounds.

    Args:
        config: a dataclass whose fields are options.

    Raises:
        ConfigError: a number in a field is outside the field's bounds.
    """
    for one in fields(config):
        within, value = one.metadata["within"], getattr(config, one.name)
        if within is not None and not all(number in within for number in _numbers_in(value)):
            auto = ", or auto" if "int | str" in str(one.type) else ""
            require(False, _name(one), value, f"{within}{auto}")


def _name(one: Field[Any]) -> str:
    return one.metadata["called"] or one.name


def _numbers_in(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for part in value:
            yield from _numbers_in(part)
    elif value is not None and value != AUTO:
        yield value


def add_flags(
    group: argparse._ActionsContainer,
    config: type,
    names: Collection[str] | None = None,
    default: str | None = "default",
) -> None:
    """One flag per field of a dataclass; only flags that were given appear in the parsed namespace.

    Args:
        group: a group of a parser.
        config: the dataclass.
        names: the fields that get a flag; None for all.
        default: what the help calls the fields' defaults; None if others apply.
    """
    hints = get_type_hints(config)
    for one in fields(config):
        if names is None or one.name in names:
            _add(group, one, hints[one.name], default)


def given_options(namespace: argparse.Namespace, config: type) -> dict[str, Any]:
    """The fields of a dataclass that the user set."""
    names = {one.name for one in fields(config)}
    return {name: value for name, value in vars(namespace).items() if name in names}


def _add(group: argparse._ActionsContainer, one: Field[Any], kind: Any, default: str | None) -> None:
    name, text = _name(one), _help(one, default).replace("%", "%%")
    common: dict[str, Any] = {"dest": one.name, "default": argparse.SUPPRESS, "help": text}
    if kind in (bool, bool | None):
        group.add_argument(flag(name), action=argparse.BooleanOptionalAction, **common)
    else:
        metavar = one.metadata["metavar"] or (
            "N" if kind in (int, int | None) else name.rsplit("_", 1)[-1].upper()
        )
        plain = get_origin(kind) is not tuple and kind != int | str
        reader = one.metadata["within"] if plain else None
        group.add_argument(flag(name), type=reader or _reader(kind), metavar=metavar, **common)


def _help(one: Field[Any], name: str | None) -> str:
    default, text = one.default, str(one.metadata["help"])
    if name is None or default is None or default is MISSING or one.metadata["explained"]:
        return text
    if isinstance(default, bool):
        default = "on" if default else "off"
    elif isinstance(default, tuple):
        default = ",".join(":".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in default)
    return f"{text} ({name}: {default})"


def _reader(kind: Any) -> Callable[[str], Any]:
    if kind not in _READERS and get_origin(kind) in (Union, types.UnionType):
        return next(_reader(one) for one in get_args(kind) if one is not type(None))
    return _READERS.get(kind, kind)


def _schedule(text: str) -> EpsilonSchedule:
    try:
        return EpsilonSchedule.parse(text)
    except ScheduleError as error:  # argparse replaces the message of any other exception
        raise argparse.ArgumentTypeError(str(error)) from None


def _number_or_auto(text: str) -> int | str:
    return text if text == AUTO else int(text)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _pairs(text: str) -> tuple[tuple[int, int], ...]:
    pairs = (part.split(":") for part in text.split(","))
    return tuple((int(size), int(stride)) for size, stride in pairs)


_number_or_auto.__name__ = "whole number, or auto"
_numbers.__name__ = "list of numbers like 64,128"
_pairs.__name__ = "list of pairs like 3:2,2:2"
_READERS: dict[Any, Callable[[str], Any]] = {
    EpsilonSchedule: _schedule,
    int | str: _number_or_auto,
    tuple[int, ...]: _numbers,
    tuple[tuple[int, int], ...]: _pairs,
}
"""What reads options of these types; any other type reads its own."""
