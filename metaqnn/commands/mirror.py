"""`metaqnn mirror`: copy a search to TensorBoard or Optuna's dashboard."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from metaqnn.commands.common import add_run, folder_path
from metaqnn.config.options import ConfigError, require
from metaqnn.output import counted
from metaqnn.search.remarks import why_over
from metaqnn.session.find import reading
from state_space.errors import printable, quoted

if TYPE_CHECKING:
    from metaqnn.database.queries import SearchReader
    from metaqnn.mirrors import Mirror
    from metaqnn.search.events import SearchListener
    from metaqnn.session.run_folder import RunFolder

PAUSE = 5.0
"""Seconds between two updates with --follow."""

EXAMPLES = """examples:
  metaqnn mirror runs/NAME --tensorboard logs/          then: tensorboard --logdir logs/
  metaqnn mirror runs/NAME --optuna sqlite:///study.db  then: optuna-dashboard sqlite:///study.db
  metaqnn mirror runs/NAME --tensorboard logs/ --follow  until the search is done

Repeat the command to update a copy; nothing is copied twice. Run only one command at a time per copy."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn mirror`."""
    add_run(parser)
    add_places(parser)
    parser.add_argument(
        "--follow", action="store_true", help="keep copying until the search is done, or Ctrl-C"
    )


def add_places(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """The options that say where the copies go."""
    parser.add_argument("--tensorboard", type=folder_path, metavar="DIR", help="folder for TensorBoard logs")
    parser.add_argument("--optuna", metavar="URL", help="Optuna storage, such as sqlite:///study.db")
    parser.add_argument(
        "--study", metavar="NAME", help="with --optuna: name of the study (default: that of the run folder)"
    )


def check_places(namespace: argparse.Namespace) -> None:
    """Refuse a study's name that is empty, or given without --optuna. Raises ConfigError."""
    require(namespace.study != "", "study", namespace.study, "a name")
    if namespace.study is not None and namespace.optuna is None:
        raise ConfigError(f"--study is {quoted(namespace.study)}, but it needs --optuna")


def places(namespace: argparse.Namespace) -> list[object]:
    """The options of `add_places`, to be given again, without a password. Raises MirrorError."""
    words: list[object] = []
    if namespace.tensorboard is not None:
        words += ["--tensorboard", namespace.tensorboard]
    if namespace.optuna is not None:
        from metaqnn.mirrors.optuna import without_password

        words += ["--optuna", without_password(namespace.optuna)]
    return words if namespace.study is None else [*words, "--study", namespace.study]


def execute(namespace: argparse.Namespace) -> int:
    """Copy what has not been copied yet."""
    check_places(namespace)
    with reading(namespace.run) as reader:
        mirrors = make_mirrors(namespace, reader, namespace.run)
        if not mirrors:
            raise ConfigError("nothing to do: give --tensorboard DIR, --optuna URL, or both")
        added = dict.fromkeys(mirrors, 0)
        while True:
            config, ended = reader.config(), len(reader.ended())  # a search may be extended meanwhile
            total = config.schedule.total
            for mirror in mirrors:
                added[mirror] += _update(mirror, reader)
            if not namespace.follow or ended >= total or why_over(reader, config, ended):
                break
            time.sleep(PAUSE)
    for mirror in mirrors:
        copied = f"{len(mirror.numbers())} of {counted(total, 'network')}"
        print(f"{mirror.place}: {copied}, {added[mirror]} of them new")
    return 0


def make_mirrors(namespace: argparse.Namespace, reader: SearchReader, run: Path) -> list[Mirror]:
    """The mirrors that the options of `add_places` ask for."""
    mirrors: list[Mirror] = []
    if namespace.tensorboard is not None:
        from metaqnn.mirrors.tensorboard import TensorBoardMirror

        mirrors.append(TensorBoardMirror(namespace.tensorboard, reader))
    if namespace.optuna is not None:
        from metaqnn.mirrors.optuna import OptunaMirror  # Optuna is slow to import

        mirrors.append(OptunaMirror(namespace.optuna, reader, _study(namespace, run)))
    return mirrors


def require_unused_places(namespace: argparse.Namespace, run: Path) -> None:
    """Refuse places that a search that has not begun cannot be copied to.

    Raises:
        ConfigError: the logs would be in the run folder itself.
        MirrorError: a folder or a study holds something else, or cannot be written.
        MissingPackageError: TensorBoard or Optuna is not installed.
    """
    if namespace.optuna is not None:
        from metaqnn.mirrors.optuna import require_unused as require_unused_study

        require_unused_study(namespace.optuna, _study(namespace, run))
    if namespace.tensorboard is not None:
        from metaqnn.mirrors.tensorboard import require_unused as require_unused_folder

        other = namespace.tensorboard.resolve() != run.resolve()
        require(other, "tensorboard", str(namespace.tensorboard), "a folder other than the search's own")
        require_unused_folder(namespace.tensorboard)


def _study(namespace: argparse.Namespace, run: Path) -> str:
    return printable(namespace.study or run.resolve().name, keep="")


def mirrored(progress: SearchListener, namespace: argparse.Namespace, folder: RunFolder) -> SearchListener:
    """The listener of `metaqnn run`: `progress` and the mirrors of `make_mirrors`."""
    from metaqnn.mirrors.listener import MirroringListener

    if namespace.tensorboard is None and namespace.optuna is None:
        return progress
    reader = folder.reader()
    return MirroringListener(progress, reader, make_mirrors(namespace, reader, folder.path))


def _update(mirror: Mirror, reader: SearchReader) -> int:
    from tqdm import tqdm

    missing = mirror.missing(reader)
    bar = tqdm(mirror.updates(reader, missing), total=len(missing), unit="net", disable=None, leave=False)
    return sum(1 for _ in bar)
