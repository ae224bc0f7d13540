"""From the published notation of a network, `[C(64,3,1), P(2,2), GAP(10), SM(10)]`, to its layers.

Brackets and dropout tokens may be missing, blanks may replace commas, and letters may be lower-case. The
variants of convolutions, `V`, `CB` and `VB`, are ours: the published notation has none. Parsing
takes linear time in the length of the text, which is bounded, and never converts a number of more than five
digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from state_space.errors import NotationError, quoted
from state_space.layers import KINDS, VARIANTS, Convolution, Layer

MAX_TEXT: Final = 20_000
"""Longest accepted text, in characters; networks of hundreds of layers are shorter."""

_FORMS: Final = ", ".join(kind.form for kind in KINDS.values())
# Possessive and bounded quantifiers: no input can make the match backtrack.
_TOKEN: Final = re.compile(r"(([A-Za-z]{1,20}+)\s*+\(([^()\[\]]{0,60}+)\))\s*+(,?+)\s*+")
_NUMBER: Final = re.compile(r"[0-9]{1,5}")
_UP_TO_BRACKET: Final = re.compile(r"[^)]{0,60}\)?")


def parse_layers(text: str) -> tuple[Layer, ...]:
    """The layers that `text` names, in order; `Architecture` checks whether they make a network.

    Raises NotationError, quoting the first token that is not a layer.
    """
    if not isinstance(text, str):
        raise NotationError(f"a network is written as text like [C(64,3,1), SM(10)], not {quoted(text)}")
    if len(text) > MAX_TEXT:
        raise NotationError(f"a network of {len(text)} characters is too long: at most {MAX_TEXT}")
    body = _without_brackets(text.strip())
    layers: list[Layer] = []
    position = 0
    while position < len(body):
        match = _TOKEN.match(body, position)
        if match is None:
            raise _unknown(body, position)
        layers.append(_layer(*match.group(1, 2, 3)))
        position = match.end()
        if position == len(body) and match[4]:
            raise NotationError(f"a layer is missing after the last comma, in {quoted(match[1] + ',')}")
    if not layers:
        raise NotationError(f"{quoted(text)} names no layer: a network looks like [C(64,3,1), SM(10)]")
    return tuple(layers)


def _without_brackets(text: str) -> str:
    if text.startswith("[") != text.endswith("]"):
        missing = "closing ']'" if text.startswith("[") else "opening '['"
        raise NotationError(f"the {missing} is missing: {quoted(text)}")
    return text[1:-1].strip() if text.startswith("[") else text


@lru_cache(maxsize=4096)
def _layer(token: str, name: str, arguments: str) -> Layer:
    variant = VARIANTS.get(name.upper())
    kind = KINDS.get(Convolution.name if variant else name.upper())
    if kind is None:
        raise NotationError(f"unknown layer {quoted(token)}: a layer is one of {_FORMS}")
    numbers = [part.strip() for part in arguments.split(",")]
    if len(numbers) != len(kind.__match_args__) or not all(map(_NUMBER.fullmatch, numbers)):
        form = kind.form.replace(kind.name, name.upper(), 1)
        raise NotationError(f"{quoted(token)} should be {form} with whole numbers of at most 5 digits")
    if variant:
        return Convolution(*map(int, numbers), **variant)
    return kind(*map(int, numbers))


def _unknown(body: str, position: int) -> NotationError:
    found = _UP_TO_BRACKET.match(body, position)
    token = found[0] if found else body[position : position + 60]
    return NotationError(f"{quoted(token)} is not a layer: a layer is one of {_FORMS}")


def summary(layers: Sequence[Layer]) -> str:
    """Layers in a few words, all convolutions in one: C(8|16,1|3,1), P(2,2), SM(10)."""
    words: dict[str, None] = {}
    convolutions = [layer for layer in layers if isinstance(layer, Convolution)]
    if convolutions:
        widths = "|".join(map(str, dict.fromkeys(layer.width for layer in convolutions)))
        sizes = "|".join(map(str, dict.fromkeys(layer.size for layer in convolutions)))
        words[f"{str(convolutions[0]).partition('(')[0]}({widths},{sizes},1)"] = None
    words |= {str(layer): None for layer in layers if not isinstance(layer, Convolution)}
    return ", ".join(words) or "nothing"
