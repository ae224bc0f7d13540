"""Run folders on disk: the one that is named, the latest, and the one that was meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from metaqnn.database.queries import SearchReader
from metaqnn.database.trouble import damage_explained
from metaqnn.session.run_folder import DATABASE, Kind, RunFolder, RunFolderError
from state_space.errors import nearest

RUNS = Path("runs")
"""Where run folders are made unless the user says otherwise."""


def existing_run(path: Path) -> RunFolder:
    """The folder of a search that was started before.

    Raises:
        RunFolderError: there is no search, or it cannot be read.
    """
    folder = RunFolder(path)
    if folder.kind() != "search":
        raise RunFolderError(_what_else(path) or f"there is no folder {str(path)!r}{_nearest_run(path)}")
    return folder


@contextmanager
def reading(run: Path) -> Iterator[SearchReader]:
    """The search in a run folder, read-only, after a check that all its values are possible."""
    folder = existing_run(run)
    with damage_explained(folder.url), closing(folder.reader()) as reader:
        reader.require_possible()
        yield reader


def runs_in(parent: Path, kind: Kind = "search") -> list[Path]:
    """The run folders of a kind in a folder; none where it is missing or may not be read."""
    try:
        paths = list(parent.iterdir())
    except OSError:  # no folder, or one that may not be read
        return []
    return [path for path in paths if _is_of(path, kind)]


def _is_of(path: Path, kind: Kind) -> bool:
    """Whether a folder is of that kind; False where it may not be read."""
    try:
        return RunFolder(path).kind() == kind
    except RunFolderError:
        return False


def latest(parent: Path, kind: Kind = "search") -> Path | None:
    """The run folder of a kind in `parent` that last stored anything; None if there is none."""
    return max(runs_in(parent, kind), key=lambda run: RunFolder(run).changed(), default=None)


def _what_else(path: Path) -> str | None:
    """Why there is no search in this folder; None if there is no folder."""
    kind = RunFolder(path).kind()
    if kind == "tuning":
        return f"{str(path)!r} holds a tuning, not a search: its results are in curves.csv and best.json"
    if kind == "training":
        return f"{str(path)!r} holds the training of one network, not a search"
    if path.exists():
        return f"{str(path)!r} holds no search: there is no {DATABASE} in it{_nearest_run(path)}"
    return None


def _nearest_run(path: Path) -> str:
    """A hint at the run folder that was meant: the newest one inside, if any, or one of similar name."""
    inside = latest(path)
    if inside is not None:
        return f"; did you mean {str(inside)!r}?"
    near = nearest(path.name, (run.name for run in runs_in(path.parent)))
    return "" if near is None else f"; did you mean {str(path.with_name(near))!r}?"
