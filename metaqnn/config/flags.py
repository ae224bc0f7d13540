"""Command-line flags made from the fields of `SearchConfig`."""

from __future__ import annotations

import argparse
import types
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any, Union, get_args, get_origin, get_type_hints

from metaqnn.config.schedule import EpsilonSchedule, ScheduleError
from metaqnn.config.search import SearchConfig


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """One flag per field of `SearchConfig`; only flags that were given appear in the parsed namespace."""
    group = parser.add_argument_group("search options (defaults come from the preset)")
    hints = get_type_hints(SearchConfig)
    for field in fields(SearchConfig):
        one_of = group.add_mutually_exclusive_group() if field.name == "stopping" else group
        _add(one_of, field, hints[field.name])
        if field.name == "stopping":
            one_of.add_argument(
                "--no-early-stopping",
                dest="stopping",
                action="store_const",
                const="none",
                default=argparse.SUPPRESS,
                help="the same as --stopping none",
            )


def given_options(namespace: argparse.Namespace) -> dict[str, Any]:
    """The fields of `SearchConfig` that the user set."""
    names = {field.name for field in fields(SearchConfig)}
    return {name: value for name, value in vars(namespace).items() if name in names}


def _add(group: argparse._ArgumentGroup, field: Field[Any], kind: Any) -> None:
    flag = "--" + field.name.replace("_", "-")
    common: dict[str, Any] = {"default": argparse.SUPPRESS, "help": _help(field).replace("%", "%%")}
    if kind is bool:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, **common)
    else:
        group.add_argument(flag, type=_reader(kind), metavar=_metavar(field), **common)


def _help(field: Field[Any]) -> str:
    default = field.default
    if default is None or field.name in ("dataset", "preset", "schedule", "stopping", "reward", "audit"):
        return str(field.metadata["help"])
    if isinstance(default, bool):
        default = "on" if default else "off"
    elif isinstance(default, tuple):
        default = ",".join(":".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in default)
    return f"{field.metadata['help']} (paper: {default})"


def _reader(kind: Any) -> Callable[[str], Any]:
    if kind is EpsilonSchedule:
        return _schedule
    if get_origin(kind) in (Union, types.UnionType):
        return next(_reader(option) for option in get_args(kind) if option is not type(None))
    if kind == tuple[int, ...]:
        return _numbers
    if kind == tuple[tuple[int, int], ...]:
        return _pairs
    reader: Callable[[str], Any] = kind
    return reader


def _schedule(text: str) -> EpsilonSchedule:
    try:
        return EpsilonSchedule.parse(text)
    except ScheduleError as error:  # argparse would replace the message of any other exception by its own
        raise argparse.ArgumentTypeError(str(error)) from None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _pairs(text: str) -> tuple[tuple[int, int], ...]:
    pairs = (part.split(":") for part in text.split(","))
    return tuple((int(size), int(stride)) for size, stride in pairs)


_numbers.__name__ = "list of numbers like 64,128"
_pairs.__name__ = "list of pairs like 3:2,2:2"


def _metavar(field: Field[Any]) -> str:
    return {"dataset": "NAME", "preset": "NAME", "stopping": "RULE", "audit": "SHARE"}.get(
        field.name, field.name.rsplit("_", 1)[-1].upper()
    )
