"""`metaqnn run`: start a search or go on with one."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.commands.common import add_format, disk_errors, reading
from metaqnn.commands.report import headline
from metaqnn.commands.top import top_text
from metaqnn.config import SearchConfig
from metaqnn.interrupts import interrupt_on_termination
from metaqnn.options import add_config_options, given_options
from metaqnn.output import as_json, duration
from metaqnn.run_folder import RunFolder, RunFolderError
from metaqnn.summary import summarise

if TYPE_CHECKING:
    from metaqnn.launch import Session

CIRCUMSTANCES = ("data_dir", "device", "precision", "threads", "download")
LONG = 6 * 3600
"""Seconds from which on a search on a CPU is worth a warning."""

EXAMPLES = """examples:
  metaqnn run                                      a first search on the embedded digits, a few minutes
  metaqnn run --dataset cifar10 --delta 0.99       the published search: needs a GPU, takes days
  metaqnn run --dataset cifar10 --preset laptop    the same search on small networks, within an hour
  metaqnn run --dataset photos/ --image-size 32    your own images, in one folder per class
  metaqnn run --resume runs/NAME                   go on after Ctrl-C, a crash or a reboot"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn run`."""
    place = parser.add_argument_group("where")
    run = place.add_mutually_exclusive_group()
    run.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="run folder (default: runs/DATASET-PRESET-TIME)"
    )
    run.add_argument("--resume", type=Path, metavar="DIR", help="go on with the search in this run folder")
    place.add_argument("--data-dir", metavar="DIR", help="where data sets are looked for before any download")
    place.add_argument(
        "--no-download", dest="download", action="store_false", default=None, help="never download"
    )
    place.add_argument("--device", help="auto, cuda, cuda:1, mps or cpu (default auto: the fastest there is)")
    place.add_argument("--precision", help="auto, float32 or bfloat16 (default auto: bfloat16 where native)")
    place.add_argument(
        "--threads", type=int, help="CPU threads for training (default: 1 for small networks, else all)"
    )
    place.add_argument("--quiet", action="store_true", help="no progress bars")
    add_format(parser)
    add_config_options(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Run the search until it is done or interrupted, then print what it found."""
    interrupt_on_termination()
    given = given_options(namespace)
    folder = _folder(namespace, given)
    try:
        with disk_errors(folder):
            reason = _search(namespace, folder, given)
    except KeyboardInterrupt:
        print(f"\ninterrupted; {_advice(folder)}", file=sys.stderr)
        return 130
    print(_result(folder, namespace.format))
    if reason:
        print(f"stopped early: {reason}\ngo on with: metaqnn run --resume {folder.path}", file=sys.stderr)
    return 1 if reason else 0


def _advice(folder: RunFolder) -> str:
    if folder.holds_search():
        return f"go on with: metaqnn run --resume {folder.path}"
    return "nothing was stored yet"


def _folder(namespace: argparse.Namespace, given: dict[str, Any]) -> RunFolder:
    if namespace.resume is not None:
        return RunFolder.existing(namespace.resume)
    if namespace.run_dir is not None:
        return RunFolder(namespace.run_dir)
    config = SearchConfig.of(**given)
    return RunFolder.new(Path("runs"), f"{Path(config.dataset).name.split('.')[0]}-{config.preset}")


def _search(namespace: argparse.Namespace, folder: RunFolder, given: dict[str, Any]) -> str | None:
    """Start or go on, and run. Returns why the search stopped early, if it did."""
    from metaqnn.launch import Circumstances, begin, go_on, prepare  # torch takes seconds to import

    changes = {name: getattr(namespace, name) for name in CIRCUMSTANCES}
    if namespace.resume or folder.holds_search():
        options = given if namespace.resume else vars(SearchConfig.of(**given))
        with folder.lock():
            return _run(go_on(folder, options, changes), namespace)
    prepared = prepare(SearchConfig.of(**given), Circumstances().but(**changes))
    with folder.lock():
        if folder.holds_search():
            raise RunFolderError(f"another process has just begun a search in {str(folder.path)!r}")
        return _run(begin(prepared, folder), namespace)


def _run(session: Session, namespace: argparse.Namespace) -> str | None:
    from metaqnn.progress import Bars
    from metaqnn.search import Progress, SearchStopped

    print(_introduction(session), file=sys.stderr)
    progress = Progress() if namespace.quiet else Bars(session.search)
    try:
        session.search.run(session.trainer, progress)
    except SearchStopped as reason:
        return str(reason)
    finally:
        progress.close()
        session.database.close()
    return None


def _introduction(session: Session) -> str:
    config, trainer, search = session.config, session.trainer, session.search
    rule = "none: every network is trained to the end"
    if config.early_stopping:
        rule = f"at p(y_T <= best) >= {config.delta:g}, once {config.burn_in} networks are trained to the end"
    precision = str(trainer.precision).removeprefix("torch.")
    lines = [
        f"run folder  {session.folder.path}",
        f"data set    {config.dataset}, images {trainer.input_shape}, {trainer.num_classes} classes",
        f"training    {config.epochs} epochs on {trainer.device}, {precision}",
        f"schedule    {config.schedule.total} networks, epsilon {config.schedule}",
        f"stopping    {rule}",
    ]
    if search.trained:
        lines.append(f"resumed     {search.trained} networks were trained before")
    return "\n".join([*lines, *_warning(session)])


def _warning(session: Session) -> list[str]:
    """On a CPU, how long it will take, if that is long."""
    from metaqnn.estimate import floating_point_work, processor_speed

    if session.trainer.device.type != "cpu" or session.search.trained:
        return []
    work = floating_point_work(session.config, session.search.space, session.training_images)
    seconds = work / processor_speed()
    if seconds < LONG:
        return []
    return [
        f"warning     without early stopping this takes at least {duration(seconds)} on this CPU; use a GPU "
        "(--device cuda), or smaller networks and images (--preset laptop)"
    ]


def _result(folder: RunFolder, output_format: str) -> str:
    with reading(folder.path) as reader:
        summary, best = summarise(reader), reader.top(5)
    if output_format == "json":
        return as_json(
            {"run": str(folder.path), **summary.to_dict(), "top": json.loads(top_text(best, "json"))}
        )
    if output_format == "csv":
        return top_text(best, "csv")
    return "\n".join(["", headline(summary), "", top_text(best, "table"), "", _where(folder)])


def _where(folder: RunFolder) -> str:
    return (
        f"everything is in {folder.path}: try `metaqnn report {folder.path}`, "
        f"`metaqnn top {folder.path}`, `metaqnn show {folder.path} ID`"
    )
