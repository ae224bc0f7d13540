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
from metaqnn.report.drawing import MARK, Drawn, draw, png
from metaqnn.report.page import page
from metaqnn.session.run_folder import RunFolder
from trainers.files import alone, write_whole

HEAD = 4096
"""Bytes in which the mark of a report must be."""


class ReportError(ValueError):
    """The report cannot be written."""


def write_report(reader: SearchReader, folder: RunFolder, to: Path) -> Path:
    """Write the page `index.html` and each figure `NAME.png`; each file completely or not at all.

    Args:
        reader: the search.
        folder: its run folder, for its name and whether it is at work.
        to: folder to write to; made if there is none. It may hold nothing but an earlier report.

    Returns:
        The page.

    Raises:
        ReportError: it holds something else or cannot be written, or another process writes a report there.
    """
    _require_own(to, folder)
    view = SearchView(reader, _watched)
    with reader.at_one_moment(), _bar(FIGURES, "figures", unit="fig") as bar:
        drawn = [draw(figure, view) for figure in bar]
        html = page(view, folder.path, folder.owner(), drawn)
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


def _require_own(to: Path, run: RunFolder) -> None:
    """Refuse a folder with files that no report has written: they would be replaced or removed."""
    if to.is_symlink() and to.absolute().parent == run.path.absolute():
        raise ReportError(
            f"{str(to)!r} is a link that leads out of the run folder; name a folder with --to DIR"
        )
    try:
        foreign = sorted(path.name for path in (to.iterdir() if to.is_dir() else ()) if not _is_own(path))
    except OSError as error:
        raise ReportError(
            f"cannot read {str(to)!r}: {error.strerror}; name another folder with --to DIR"
        ) from None
    if foreign:
        raise ReportError(
            f"{str(to)!r} holds {foreign[0]!r}, which no report of this version wrote; move it away, or name "
            "another folder with --to DIR"
        )


def _is_own(path: Path) -> bool:
    names = ("index.html", "report.lock", *(f"{figure.name}.png" for figure in FIGURES))
    if not path.is_file() or path.is_symlink():
        return False
    if path.name not in names[:1] + names[2:]:  # the lock, or what a killed report has left half written
        return path.name.lstrip(".").startswith(names)
    with path.open("rb") as file:
        return MARK in file.read(HEAD)


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
