"""Figures of a search, drawn once for the page and for print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import vl_convert

from metaqnn.figures import Figure, NothingToShow, SearchView

PNG_WIDTH = 720
PNG_SCALE = 3
"""Pixels of a PNG per unit of the figure: 2160 across, enough for a column of print at 600 dpi."""

PNG_HEADER = 33
"""Bytes of a PNG before its other chunks: the signature and the sizes."""
MARK = b"MetaQNN report"
"""Among the first bytes of a file, it tells that the file belongs to a report."""


@dataclass(frozen=True)
class Drawn:
    """A figure of a search, or the reason why it is empty.

    Attributes:
        figure: the figure.
        spec: its Vega-Lite specification, with the title for screen readers; None if it shows nothing.
        reason: why it shows nothing; None if it shows something.
        words: its gist in sentences.
    """

    figure: Figure
    spec: dict[str, Any] | None
    reason: str = ""
    words: tuple[str, ...] = ()


def draw(figure: Figure, view: SearchView) -> Drawn:
    """Draw a figure if it has something to show."""
    try:
        spec = {"description": figure.title, **figure.draw(view).to_dict()}
        return Drawn(figure, spec, words=tuple(figure.words(view)) if figure.words else ())
    except NothingToShow as reason:
        return Drawn(figure, None, str(reason))


def png(spec: dict[str, Any]) -> bytes:
    """A specification as a picture for print, with a mark of what made it."""
    picture: bytes = vl_convert.vegalite_to_png({**spec, "width": PNG_WIDTH}, scale=PNG_SCALE)
    text = b"tEXtSoftware\0" + MARK
    chunk = (len(text) - 4).to_bytes(4, "big") + text + crc32(text).to_bytes(4, "big")
    return picture[:PNG_HEADER] + chunk + picture[PNG_HEADER:]
