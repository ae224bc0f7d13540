"""The templates of an export. What comes from data gets into them through a filter that makes it harmless."""

from __future__ import annotations

import json
import re
from functools import cache
from pprint import pformat
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from state_space.errors import printable


def template(name: str) -> Template:
    """The template of that name."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("metaqnn.export"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"literal": literal, "code": code, "json": json.dumps}
    return environment


def literal(value: Any) -> str:
    """A Python literal, over several lines where it is long."""
    return pformat(value, width=100, compact=True)


def code(text: str) -> str:
    """Text of any content as a code span of Markdown, in which nothing has a meaning; not for tables.

    It is on one line: what cannot be printed is escaped.
    """
    line = printable(text, keep="")
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"`{line or ' '}`"
