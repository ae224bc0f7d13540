"""`metaqnn run`: start a search or go on with one."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.commands.common import add_format, disk_errors, reading
from metaqnn.commands.mirror import add_places, mirrored
from metaqnn.commands.top import top_text
from metaqnn.config.flags import add_config_options, given_options
from metaqnn.config.search import SearchConfig
from metaqnn.database.engine import UnreachableError, postgresql_url
from metaqnn.interrupts import interrupt_on_termination
from metaqnn.output import as_json
from metaqnn.report.text import audit_line, headline
from metaqnn.results.summary import summarise, summarise_audits
from metaqnn.session.run_folder import RunFolder, RunFolderError
from metaqnn.streams import drop
from state_space.errors import printable

if TYPE_CHECKING:
    from sqlalchemy import URL

    from metaqnn.session.start import Session

CIRCUMSTANCES = (
    *("data_dir", "device", "precision", "threads", "download"),
    *("workers", "workers_per_gpu", "executor", "address", "epoch_timeout", "keep_weights"),
)

EXAMPLES = """examples:
  metaqnn run                                      a first search on the embedded digits, a few minutes
  metaqnn run --dataset cifar10 --delta 0.99       the published search: needs a GPU, takes days
  metaqnn run --dataset cifar10 --stopping median  with another stopping rule
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
    place.add_argument(
        "--storage",
        metavar="URL",
        help="PostgreSQL database, as postgresql+psycopg://USER@HOST/DATABASE; the password is best in "
        "PGPASSWORD or ~/.pgpass, it is not stored (default: an SQLite file in the run folder)",
    )
    place.add_argument("--data-dir", metavar="DIR", help="where data sets are looked for before any download")
    place.add_argument(
        "--no-download", dest="download", action="store_false", default=None, help="never download"
    )
    place.add_argument("--device", help="auto, cuda, cuda:1, mps or cpu (default auto: the fastest there is)")
    place.add_argument("--precision", help="auto, float32 or bfloat16 (default auto: bfloat16 where native)")
    place.add_argument(
        "--threads", type=int, help="CPU threads for training (default: 1 for small networks, else all)"
    )
    place.add_argument(
        "--keep-weights",
        type=int,
        metavar="K",
        help="keep the trained weights of the best K networks in the run folder (default 5; may change at "
        "every --resume, when fewer than before removes the others)",
    )
    place.add_argument("--quiet", action="store_true", help="no progress bars")
    add_places(parser.add_argument_group("copies, brought up to date as networks end (see metaqnn mirror)"))
    _add_worker_options(parser)
    add_format(parser)
    add_config_options(parser)


def _add_worker_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("workers (may change at every --resume)")
    group.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help="networks trained side by side, or auto: one for each CPU core, or as many as the GPUs or the "
        "Ray cluster take (default 1)",
    )
    group.add_argument(
        "--workers-per-gpu",
        type=_workers,
        metavar="N",
        help="with --workers auto; auto: as many as its memory and the CPU cores allow, 4 at most; on Ray, 1 "
        "(default 1)",
    )
    group.add_argument(
        "--executor",
        help="local: processes on this machine, or ray: a Ray cluster (default local)",
    )
    group.add_argument(
        "--address",
        help="of the Ray cluster: HOST:PORT, or auto for the one on this machine, or local to start one that "
        "ends with the search (default local)",
    )
    group.add_argument(
        "--epoch-timeout", type=float, metavar="SECONDS", help="give up a network that is silent for so long"
    )


def _workers(text: str) -> int | str:
    return text if text == "auto" else int(text)


_workers.__name__ = "number of workers"


def execute(namespace: argparse.Namespace) -> int:
    """Run the search until it is done or interrupted, then print what it found."""
    interrupt_on_termination()
    given = given_options(namespace)
    storage = None if namespace.storage is None else postgresql_url(namespace.storage)
    folder = _folder(namespace, given)
    try:
        with disk_errors(folder, f"metaqnn run --resume {folder.path}"):
            reason = _search(namespace, folder, given, storage)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be closed
            print(f"\ninterrupted; {_advice(folder)}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # nobody reads the progress any more, as in `metaqnn run 2>&1 | head -1`
        drop(sys.stderr)
        return 1
    print(_result(folder, namespace.format))
    if reason:
        advice = f"go on with: metaqnn run --resume {folder.path}"
        print(f"stopped early: {printable(reason)}\n{advice}", file=sys.stderr)
    return 1 if reason else 0


def _advice(folder: RunFolder) -> str:
    try:
        stored = folder.holds_search()
    except UnreachableError:  # interrupted while the search waited for its database
        stored = True
    if stored:
        return f"go on with: metaqnn run --resume {folder.path}"
    return "nothing was stored yet"


def _folder(namespace: argparse.Namespace, given: dict[str, Any]) -> RunFolder:
    if namespace.resume is not None:
        return RunFolder.existing(namespace.resume)
    if namespace.run_dir is not None:
        return RunFolder(namespace.run_dir)
    config = SearchConfig.of(**given)
    return RunFolder.new(Path("runs"), f"{Path(config.dataset).name.split('.')[0]}-{config.preset}")


def _search(
    namespace: argparse.Namespace, folder: RunFolder, given: dict[str, Any], storage: URL | None
) -> str | None:
    """Start or go on, and run. Returns why the search stopped early, if it did."""
    from metaqnn.config.environment import Circumstances
    from metaqnn.session.start import begin, go_on, prepare  # torch takes seconds to import
    from trainers.datasets import decoding_bar

    changes = {name: getattr(namespace, name) for name in CIRCUMSTANCES}
    if namespace.resume or folder.holds_search():
        options = given if namespace.resume else vars(SearchConfig.of(**given))
        with folder.lock():
            with decoding_bar(not namespace.quiet):
                session = go_on(folder, options, changes, storage)
            return _run(session, namespace)
    with decoding_bar(not namespace.quiet):
        prepared = prepare(SearchConfig.of(**given), Circumstances().but(**changes))
    with folder.lock():
        if folder.holds_search():
            raise RunFolderError(f"another process has just begun a search in {str(folder.path)!r}")
        return _run(begin(prepared, folder, storage), namespace)


def _run(session: Session, namespace: argparse.Namespace) -> str | None:
    from metaqnn.commands.banner import introduction
    from metaqnn.commands.bars import Bars
    from metaqnn.executors import SearchStopped
    from metaqnn.search.events import Progress

    print(printable(introduction(session)), file=sys.stderr)
    bars = Progress() if namespace.quiet else Bars(session.search, session.executor.workers)
    progress = mirrored(bars, namespace, session.folder)
    try:
        session.search.run(session.executor, progress)
    except SearchStopped as reason:
        return str(reason)
    finally:
        progress.close()
        session.database.close()
    return None


def _result(folder: RunFolder, output_format: str) -> str:
    with reading(folder.path) as reader:
        summary, audit, best = summarise(reader), summarise_audits(reader), reader.top(5)
    if output_format == "json":
        top = json.loads(top_text(best, "json"))
        return as_json({"run": str(folder.path), **summary.to_dict(), "audit": asdict(audit), "top": top})
    if output_format == "csv":
        return top_text(best, "csv")
    found = [headline(summary), audit_line(audit)] if audit.stops else [headline(summary)]
    return "\n".join(["", *found, "", top_text(best, "table"), "", _where(folder)])


def _where(folder: RunFolder) -> str:
    return (
        f"everything is in {folder.path}: try `metaqnn report {folder.path}`, `metaqnn dashboard "
        f"{folder.path}`, `metaqnn top {folder.path}`, `metaqnn show {folder.path} ID`"
    )
