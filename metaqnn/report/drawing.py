"""Figures of a search, drawn once for the page and for print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import vl_convert

from metaqnn.figures import Figure, NothingToShow, SearchView

PNG_WIDTH = 720
PNG_SCALE = 3
"""Pixels of a PNG per unit of the figure: 2160 across, enough for a column of print at 600 dpi."""


@dataclass(frozen=True)
class Drawn:
    """A figure of a search, or the reason why it is empty.

    Attributes:
        figure: the figure.
        spec: its Vega-Lite specification, with the title for screen readers; None if it shows nothing.
        reason: why it shows nothing; None if it shows something.
    """

    figure: Figure
    spec: dict[str, Any] | None
    reason: str = ""


def draw(figure: Figure, view: SearchView) -> Drawn:
    """Draw a figure if it has something to show."""
    try:
        return Drawn(figure, {"description": figure.title, **figure.draw(view).to_dict()})
    except NothingToShow as reason:
        return Drawn(figure, None, str(reason))


def png(spec: dict[str, Any]) -> bytes:
    """A specification as a picture for print."""
    picture: bytes = vl_convert.vegalite_to_png({**spec, "width": PNG_WIDTH}, scale=PNG_SCALE)
    return picture
