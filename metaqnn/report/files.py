"""Writes the report of a search into a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from filelock import Timeout
from tqdm import tqdm

from metaqnn.database.queries import SearchReader
from metaqnn.figures import FIGURES, SearchView
from metaqnn.report.drawing import Drawn, draw, png
from metaqnn.report.page import page
from metaqnn.session.run_folder import RunFolder
from trainers.files import alone, write_whole


class ReportError(ValueError):
    """The report cannot be written."""


def write_report(reader: SearchReader, folder: RunFolder, to: Path) -> Path:
    """Write the page `index.html` and each figure `NAME.png`; each file completely or not at all.

    Args:
        reader: the search.
        folder: its run folder, for its name and whether the search is running.
        to: folder to write to; created if needed.

    Returns:
        The page.

    Raises:
        ReportError: the folder cannot be written to, or another process is writing a report there.
    """
    view = SearchView(reader, _watched)
    with _bar(FIGURES, "figures", unit="fig") as bar:
        drawn = [draw(figure, view) for figure in bar]
    html = page(view, folder.path.resolve().name, folder.owner(), drawn)
    try:
        to.mkdir(parents=True, exist_ok=True)
        with alone(to / "report.lock"):
            for one in _bar(drawn, "pictures", unit="fig"):
                _write_picture(one, to / f"{one.figure.name}.png")
            write_whole(to / "index.html", html.encode())
    except Timeout:
        raise ReportError(f"another process is writing a report to {str(to)!r}") from None
    except OSError as error:
        raise ReportError(
            f"cannot write the report to {str(to)!r}: {error.strerror}; name another folder with --to DIR"
        ) from None
    return to / "index.html"


def _write_picture(drawn: Drawn, picture: Path) -> None:
    if drawn.spec is None:
        picture.unlink(missing_ok=True)  # from an earlier report: it would look like part of this one
    else:
        write_whole(picture, png(drawn.spec))


def _watched(samples: Iterable[Any]) -> Iterable[Any]:
    return _bar(list(samples), "replaying for Q-values", unit="sample")


def _bar(things: Sequence[Any], what: str, unit: str) -> Any:
    """A progress bar on a terminal, otherwise nothing."""
    return tqdm(things, what, unit=unit, leave=False, file=sys.stderr, disable=None)
