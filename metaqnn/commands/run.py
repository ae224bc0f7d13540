"""`metaqnn run`: start or resume a search."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.commands.common import (
    add_format,
    add_trust,
    disk_errors,
    folder_path,
    interruptible,
    print_results,
    run_path,
)
from metaqnn.commands.mirror import add_places, check_places, mirrored, places, require_unused_places
from metaqnn.commands.top import top_text
from metaqnn.config.environment import DATA, DEVICE, WORKERS, Environment
from metaqnn.config.options import add_flags, given_options
from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import NO_RULE, PublishedFlags
from metaqnn.database import DatabaseError
from metaqnn.database.engine import UnreachableError, named_url
from metaqnn.interrupts import TimeUp, time_limit
from metaqnn.output import as_json, command, seconds, shell_quoted
from metaqnn.report.text import TOP, NextStep, audit_line, headline, uses
from metaqnn.results.accuracy import better_balanced
from metaqnn.results.audits import summarise_audits
from metaqnn.results.long_trained import is_long_trained, long_trained
from metaqnn.results.summary import summarise
from metaqnn.session.find import RUNS, existing_run, reading
from metaqnn.session.notes import read_notes
from metaqnn.session.run_folder import RunFolder, RunFolderError
from state_space.errors import printable

if TYPE_CHECKING:
    from sqlalchemy import URL

    from metaqnn.executors import SearchStopped
    from metaqnn.session.start import Session

STOPPING = ("stopping", "reward", "audit")
OTHERS = [one.name for one in fields(SearchConfig) if one.name not in STOPPING]
MOST_USED = (
    "--dataset", "--preset", "--image-size", "--schedule", "--epochs", "--stopping", "--delta", "--workers",
    "--device", "--max-time", "--run-dir", "--resume",
)  # fmt: skip
EXAMPLES = """examples:
  metaqnn run                                      a first search on the bundled digits, a few minutes
  metaqnn run --dataset cifar10 --delta 0.99       the published criterion: needs a GPU
  metaqnn run --dataset cifar10 --stopping median  with another stopping rule
  metaqnn run --dataset cifar10 --preset laptop    a small search without a GPU, within an hour
  metaqnn run --dataset photos/ --image-size 32    your own images, in one folder per class
  metaqnn run --resume runs/NAME                   resume after Ctrl-C, a crash or a reboot"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn run`."""
    place = parser.add_argument_group("run folder, data and device")
    run = place.add_mutually_exclusive_group()
    run.add_argument(
        "--run-dir", type=folder_path, metavar="DIR", help="run folder (default: runs/DATASET-PRESET-TIME)"
    )
    run.add_argument(
        "--resume",
        type=run_path,
        metavar="DIR",
        help="resume the search in this run folder, or latest; a longer --schedule extends it",
    )
    place.add_argument(
        "--storage",
        metavar="URL",
        help="PostgreSQL database, as postgresql+psycopg://USER@HOST/DATABASE; the password, which is not "
        "stored, is best given in PGPASSWORD or ~/.pgpass (default: an SQLite file in the run folder)",
    )
    add_flags(place, Environment, (*DATA, *DEVICE, "keep_weights", "checkpoint_every"))
    place.add_argument(
        "--max-time",
        type=_time,
        metavar="TIME",
        help="stop cleanly after this time, such as 30m, 8h or 1d; --resume continues",
    )
    add_trust(place)
    place.add_argument("--quiet", action="store_true", help="no progress bars")
    add_places(parser.add_argument_group("copies, updated as networks end (see metaqnn mirror)"))
    workers = parser.add_argument_group("workers (can be changed at every --resume)")
    add_flags(workers, Environment, WORKERS)
    add_format(parser)
    search = parser.add_argument_group("search options (defaults come from the preset)")
    add_flags(search, SearchConfig, OTHERS, default="preset paper")
    rule = search.add_mutually_exclusive_group()
    add_flags(rule, SearchConfig, ("stopping",))
    rule.add_argument(
        "--no-early-stopping",
        dest="stopping",
        action="store_const",
        const=NO_RULE,
        default=argparse.SUPPRESS,
        help="the same as --stopping none",
    )
    add_flags(search, PublishedFlags)
    add_flags(search, SearchConfig, STOPPING[1:])


def _time(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def execute(namespace: argparse.Namespace) -> int:
    """Run the search until it is done or interrupted, then print what it found."""
    check_places(namespace)
    given = given_options(namespace, SearchConfig) | given_options(namespace, PublishedFlags)
    given = _with_preset(namespace, given)
    storage = None if namespace.storage is None else named_url(namespace.storage)
    folder = _folder(namespace, given)
    # a longer schedule is stored once the images have been read
    longer = ["--schedule", given["schedule"]] if namespace.resume and "schedule" in given else []
    again = [*longer, *places(namespace)]

    def go_on() -> str:
        return _advice(folder, again)

    return interruptible(lambda: _execute(namespace, folder, given, storage, go_on), go_on)


def _execute(
    namespace: argparse.Namespace,
    folder: RunFolder,
    given: dict[str, Any],
    storage: URL | None,
    go_on: Callable[[], str],
) -> int:
    with disk_errors(folder, go_on):
        stopped = _search(namespace, folder, given, storage)
    print_results(_result(folder, namespace.format))
    if stopped is None:
        return 0
    print(f"stopped early: {printable(str(stopped))}", file=sys.stderr)
    if not stopped.for_good:
        print(go_on(), file=sys.stderr)
    return 1


def _advice(folder: RunFolder, again: Sequence[object]) -> str:
    try:
        stored = folder.holds_search()
    except UnreachableError:  # interrupted while the search waited for its database
        stored = True
    except DatabaseError:  # on a full disk, even reading may fail
        return "repeat the command"
    if stored:
        return f"resume with: {command('run', '--resume', folder.path, *again)}"
    return "repeat the command: nothing has been stored yet"


def _with_preset(namespace: argparse.Namespace, given: dict[str, Any]) -> dict[str, Any]:
    """The options, with a preset for the user's own data if none was given: it depends on the device."""
    stored = namespace.run_dir is not None and RunFolder(namespace.run_dir).holds_search()
    if namespace.resume or stored or not _preset_is_open(given):
        return given
    from trainers.device import choose_device

    device = given_options(namespace, Environment).get("device", "auto")
    return {**given, "preset": "laptop" if choose_device(device).type == "cpu" else "paper"}


def _preset_is_open(given: dict[str, Any]) -> bool:
    """Whether the data are the user's own and no preset is given."""
    from trainers.datasets import DATASET_NAMES  # which takes a while to import

    return "preset" not in given and given.get("dataset", "digits") not in DATASET_NAMES


def _folder(namespace: argparse.Namespace, given: dict[str, Any]) -> RunFolder:
    if namespace.resume is not None:
        return existing_run(namespace.resume)
    if namespace.run_dir is not None:
        folder = RunFolder(namespace.run_dir)
        folder.refuse_other("search")
        return folder
    config = SearchConfig.of(**given)
    return RunFolder.new(RUNS, f"{Path(config.dataset).name.split('.')[0]}-{config.preset}")


def _search(
    namespace: argparse.Namespace, folder: RunFolder, given: dict[str, Any], storage: URL | None
) -> SearchStopped | None:
    """Start or resume the search, and run it. Returns why it stopped early, if it did."""
    from metaqnn.session.start import begin, prepare, resume  # torch takes seconds to import
    from trainers.datasets import decoding_bar

    changes = given_options(namespace, Environment)
    if namespace.resume or folder.holds_search():
        options = given if namespace.resume or _preset_is_open(given) else _with_defaults(given)
        with folder.lock():
            with decoding_bar(not namespace.quiet):
                session = resume(
                    folder,
                    options,
                    changes,
                    storage,
                    may_extend="schedule" in given,
                    trust_module=namespace.trust_module,
                )
            return _run(session, namespace)
    with decoding_bar(not namespace.quiet):
        prepared = prepare(SearchConfig.of(**given), Environment().but(**changes))
    require_unused_places(namespace, folder.path)
    with folder.lock():
        folder.refuse_other("search")
        if folder.holds_search():
            raise RunFolderError(f"another process has just started a search in {str(folder.path)!r}")
        return _run(begin(prepared, folder, storage), namespace)


def _with_defaults(given: dict[str, Any]) -> dict[str, Any]:
    """The options that the search in the folder must have; a schedule only if it or a preset is given."""
    options = vars(SearchConfig.of(**given))
    if {"schedule", "preset"} & given.keys():
        return options
    return {name: value for name, value in options.items() if name != "schedule"}


def _run(session: Session, namespace: argparse.Namespace) -> SearchStopped | None:
    from metaqnn.commands.banner import introduction
    from metaqnn.commands.bars import Bars
    from metaqnn.executors import SearchStopped
    from metaqnn.search.events import SearchListener

    print(printable(introduction(session)), file=sys.stderr)
    bars = SearchListener() if namespace.quiet else Bars(session.search, session.executor.workers)
    progress = mirrored(bars, namespace, session.folder)
    try:
        with time_limit(namespace.max_time):
            session.search.run(session.executor, progress)
    except SearchStopped as stopped:
        return stopped
    except TimeUp:
        advice = _advice(session.folder, places(namespace))
        print(f"the time limit --max-time has passed; {advice}", file=sys.stderr)
    finally:
        progress.close()
        session.database.close()
    return None


def _result(folder: RunFolder, output_format: str) -> str:
    with reading(folder.path) as reader:
        summary, audit, best = summarise(reader), summarise_audits(reader), reader.top(TOP)
        record, architectures = reader.record(), reader.architectures()
    config = record.config
    notes = read_notes(folder.path)
    if output_format == "json":
        top = json.loads(top_text(best, config, "json", notes))
        return as_json({"run": str(folder.path), **summary.to_dict(), "audit": asdict(audit), "top": top})
    if output_format == "csv":
        return top_text(best, config, "csv", notes)
    found = [headline(summary), audit_line(audit)] if audit.stops else [headline(summary)]
    finetuned = is_long_trained(long_trained(folder.path, architectures=architectures)[0], best)
    steps = uses(summary, folder.path, record, finetuned=finetuned)
    if not summary.beats_guess and better_balanced(config.metric, summary.guess, record.num_classes):
        found.append(
            "the classes have unequal numbers of validation images: in a new search, --metric "
            "balanced-accuracy counts all classes equally"
        )
    return "\n".join(["", *found, "", top_text(best, config, "table", notes), "", _where(folder.path, steps)])


def _where(run: Path, uses: list[NextStep]) -> str:
    """Where the results are, and the most useful next commands."""
    steps = [NextStep(command("report", run), "to see all figures on a page (dashboard: live)"), *uses]
    width = max(len(step.command) for step in steps)
    lines = (f"  {step.command:<{width}}  {step.purpose}" for step in steps)
    return "\n".join([f"everything is in {shell_quoted(run)}; next:", *lines])
