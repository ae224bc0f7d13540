"""What several commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from metaqnn.database.trouble import SPACE, advice, cause_of, is_lost
from metaqnn.output import FORMATS
from metaqnn.session.find import RUNS, latest
from metaqnn.session.run_folder import Kind, RunFolder, RunFolderError
from predictor.output import NO_SPACE, drop

if TYPE_CHECKING:
    from tqdm import tqdm

    from trainers import EpochReport

LATEST = "latest"


def add_run(parser: argparse.ArgumentParser) -> None:
    """The positional argument RUN."""
    parser.add_argument(
        "run", type=run_path, metavar="RUN", help="run folder, such as runs/digits-first-run-..., or latest"
    )


def folder_path(text: str) -> Path:
    """The path of a folder. Raises ArgumentTypeError for no name, which would mean the current one."""
    if not text:
        raise argparse.ArgumentTypeError("'' is not the name of a folder; . is the current one")
    return Path(text)


def run_path(text: str, kind: Kind = "search") -> Path:
    """A run folder's path; `latest` is the one in `runs` that last stored anything, if there is one."""
    if text != LATEST or Path(text).exists():
        return folder_path(text)
    return latest(RUNS, kind) or RUNS / LATEST


def run_or_name(text: str) -> str:
    """A run folder's path or another name; `latest` is as in `run_path`."""
    return str(run_path(text)) if text == LATEST else text


def add_format(parser: argparse.ArgumentParser) -> None:
    """The option --format."""
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="table for people, json or csv for programs"
    )


def add_trust(parser: argparse._ActionsContainer) -> None:
    """The option --trust-module."""
    parser.add_argument(
        "--trust-module",
        action="store_true",
        help="import the search's data-set function even if the search was started elsewhere or by someone "
        "else; this runs its code",
    )


def epoch_counter(bar: tqdm[Any]) -> Callable[[EpochReport], None]:
    """A callback that counts trained epochs in a progress bar, for one training after the other.

    When another attempt starts, those of the previous one were in vain: as many are added to the total.
    """
    last = 0

    def count(report: EpochReport) -> None:
        nonlocal last
        if report.attempt > 1 and report.epoch == 1:
            bar.total = (bar.total or 0) + last
        last = report.epoch
        bar.update()

    return count


def progress_bar(*, quiet: bool, pause: float = 30, **options: Any) -> tqdm[NoReturn]:
    """A progress bar on standard error; where that is not a terminal, a line every `pause` seconds."""
    from tqdm import tqdm

    seconds = 0.1 if sys.stderr.isatty() else pause
    return tqdm(mininterval=seconds, file=sys.stderr, disable=quiet, **options)


def interruptible(work: Callable[[], int], advice: Callable[[], str]) -> int:
    """Do some long work, and end cleanly if it is interrupted.

    Args:
        work: returns the exit code.
        advice: says how to resume after an interruption; called only then.

    Returns:
        The exit code: 130 after Ctrl-C, termination or a closed terminal, 1 if nobody reads the progress
        any more, as in `metaqnn run 2>&1 | head -1`.
    """
    try:
        return work()
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be closed
            print(f"\ninterrupted; {advice()}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        drop(sys.stderr)
        return 1


def print_results(text: str) -> None:
    """Print the results of long work. It is no error if nobody reads them, as in `metaqnn run | head -0`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        drop(sys.stdout)


@contextmanager
def disk_errors(folder: RunFolder, go_on: Callable[[], str]) -> Iterator[None]:
    """Turn a full disk, missing write permission or a lost server into one line. Stored results are kept.

    Args:
        folder: the run folder.
        go_on: says how to resume afterwards, as for `interruptible`; called only then.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise _unwritable(folder, go_on, error.strerror or str(error), SPACE) from None
        if error.filename is not None and folder.path in Path(str(error.filename)).parents:
            reason = f"{error.strerror}: {str(error.filename)!r}"
            raise _unwritable(folder, go_on, reason, "change that") from None
        raise
    except Exception as error:
        cause, reason = cause_of(error)
        if help_ := advice(cause):
            raise _unwritable(folder, go_on, reason, help_) from None
        if is_lost(cause):
            raise RunFolderError(
                f"the database of {folder.path} cannot be used now: {reason}; once it can, {go_on()}"
            ) from None
        raise


def _unwritable(folder: RunFolder, go_on: Callable[[], str], reason: str, what_to_do: str) -> RunFolderError:
    return RunFolderError(f"cannot write to {folder.path}: {reason}; {what_to_do}, then {go_on()}")
