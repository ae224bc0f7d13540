"""What a text of JSON or JSON lines holds, without a last line that was cut off, as by a kill; its cells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from predictor.errors import CurvesError

UNFINISHED = re.compile(r"[ \t]*[-+.\w]*")
"""What may remain of a line after its last whole part: `tru`, or `.` of a number."""


def content_of(text: str) -> tuple[Any, bool]:
    """The content (of JSON lines, a list), and whether it lacks a last line, cut off; or `CurvesError`."""
    try:
        return json.loads(text), False
    except RecursionError:
        raise CurvesError("JSON of too many levels") from None
    except ValueError:
        return _json_lines(text)


def _json_lines(text: str) -> tuple[list[Any], bool]:
    lines, found = list(filter(str.strip, text.splitlines())), []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            if number == len(lines) > 1 and text.endswith(line) and is_cut_off(line):
                return found, True
            raise CurvesError(f"neither JSON nor JSON lines: line {number}: {error}") from None
    return found, False


def is_cut_off(line: str) -> bool:
    """Whether JSON ends within an object or a list, before the line does; NUL bytes may follow."""
    begun = line.rstrip("\0")
    try:
        json.loads(begun)
    except json.JSONDecodeError as error:
        if begun.endswith("\n") or begun.lstrip()[:1] not in ("{", "[") or error.msg == "Extra data":
            return False
        return error.msg.startswith("Unterminated string") or bool(UNFINISHED.fullmatch(begun, error.pos))
    except (ValueError, RecursionError):
        pass
    return False


def flat(item: Mapping[str, Any], outer: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values, those of objects in the object as `outer/inner`."""
    for name, value in item.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{outer}{name}/")
        else:
            yield f"{outer}{name}", value


def cells_of(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and cells of an object; those of a list are numbered from 1, `val_acc_1`."""
    for name, value in flat(item):
        if isinstance(value, list):
            yield from ((f"{name}_{place}", _cell(inner)) for place, inner in enumerate(value, start=1))
        else:
            yield name, _cell(value)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()
