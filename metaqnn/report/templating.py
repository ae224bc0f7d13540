"""Templates of pages. All data is escaped; HTML comes only from templates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from metaqnn.output import count, duration, number, percent, predicted
from metaqnn.report.diagram import blocks


def environment(*packages: str) -> Environment:
    """The templates of the given packages, with the filters that all pages use."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_encodable,
    )
    filters = percent, predicted, number, count, duration, moment, blocks
    environment.filters.update({one.__name__: one for one in filters})
    return environment


def _encodable(value: Any) -> Any:
    r"""A value as a template shows it; bytes of a name that are not UTF-8 become `\udcff`."""
    if not isinstance(value, str) or value.isascii():
        return value
    shown = value.encode(errors="backslashreplace").decode()
    return Markup(shown) if isinstance(value, Markup) else shown


def moment(seconds: float | None) -> str:
    """Seconds since 1970 as a date and time, UTC."""
    return "-" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
