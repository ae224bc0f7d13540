"""A kind of rule: how it is made, and how its settings are read from text."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Union, get_args, get_origin, get_type_hints

from predictor.curves.wording import quoted
from predictor.errors import PredictorError

READABLE = {bool: "yes or no", int: "a whole number", float: "a number", str: "text"}
LARGEST = 2**63 - 1
"""The largest whole number that a setting may be, with either sign."""
BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class RuleKind:
    """How rules with one name are made.

    Attributes:
        make: the rule's class, or a function that makes one, with the settings as keyword arguments.
        summary: one line for people.
        declared_by: the class or function whose keyword arguments are the settings, None if it is `make`.
    """

    make: Callable[..., Any]
    summary: str
    declared_by: Callable[..., Any] | None = None

    @property
    def settings(self) -> dict[str, inspect.Parameter]:
        """The settings by name, with their defaults and types."""
        source = self.declared_by or self.make
        function: Any = source.func if isinstance(source, partial) else source
        hints = get_type_hints(function.__init__ if inspect.isclass(function) else function)
        return {
            name: parameter.replace(annotation=hints[name])
            for name, parameter in inspect.signature(source).parameters.items()
            if name in hints and any(option in READABLE for option in _options(hints[name]))
        }


def read_setting(text: str, parameter: inspect.Parameter, rule: str) -> Any:
    """The setting's value, parsed as the first type that fits: None, bool, int, float, str.

    Raises:
        PredictorError: the text fits none of the parameter's types; `rule` is named in the message.
    """
    options = _options(parameter.annotation)
    if type(None) in options and text.lower() == "none":
        return None
    for kind in READABLE:
        if kind not in options:
            continue
        try:
            value = BOOLEANS[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError):
            continue
        if kind is int and abs(value) > LARGEST:
            break
        return value
    names = [READABLE.get(option, "none") for option in options]
    example = "" if parameter.default is parameter.empty else f", such as {written(parameter.default)}"
    raise PredictorError(
        f"setting {parameter.name} = {quoted(text)} of rule {rule!r}; expected {' or '.join(names)}{example}"
    )


def written(value: Any) -> str:
    """A setting's value as users write it."""
    return "none" if value is None else str(value)


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
