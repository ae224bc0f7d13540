"""`metaqnn ls`: the searches in a folder."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from metaqnn.commands.common import add_format, run_path
from metaqnn.output import percent, rows_as_text
from metaqnn.results.summary import search_state
from metaqnn.search.remarks import why_over
from metaqnn.session.find import RUNS, existing_run, reading, runs_in
from metaqnn.session.run_folder import RunFolder, RunFolderError
from state_space.errors import printable
from trainers.metric import ACCURACY

EXAMPLES = """examples:
  metaqnn ls                     the searches in runs/, the latest one last
  metaqnn top latest             every command accepts `latest` as the run folder of a search"""

COLUMNS = {
    "run": "run",
    "state": "state",
    "shown_networks": "networks",
    "shown_best": "best",
    "dataset": "data set",
    "stopping": "stopping",
    "shown_changed": "last change",
}
KEYS = (
    "run", "state", "networks", "planned", "best_accuracy", "metric", "dataset", "stopping", "changed",
    "over",
)  # fmt: skip
"""Those in JSON and CSV."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn ls`."""
    parser.add_argument(
        "folder",
        type=run_path,
        nargs="?",
        default=RUNS,
        metavar="DIR",
        help="folder of run folders, or one run folder, or latest (default: runs)",
    )
    add_format(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Print a line for each search, or why it cannot be read."""
    if namespace.folder != RUNS and not namespace.folder.is_dir():
        raise RunFolderError(f"there is no folder {str(namespace.folder)!r}")
    own = [existing_run(namespace.folder).path] if RunFolder(namespace.folder).kind() else []
    runs = own or sorted(runs_in(namespace.folder), key=lambda run: RunFolder(run).changed())
    rows = [_row(run) for run in runs]
    if namespace.format != "table":
        rows = [{key: row[key] for key in KEYS} for row in rows]
    elif not rows:
        print(f"no search in {str(namespace.folder)!r}; start one with: metaqnn run")
        return 0
    print(rows_as_text(rows, namespace.format, COLUMNS, keys=KEYS))
    if namespace.format == "table":
        for row in rows:
            if row["over"] is not None:
                print(printable(f"\n{row['run']} is over: {row['over']}"))
    return 0


def _row(run: Path) -> dict[str, Any]:
    unknown = dict.fromkeys((*KEYS, *COLUMNS))
    changed = RunFolder(run).changed()
    try:
        with reading(run) as reader:
            config, ended = reader.config(), reader.ended()
            over = why_over(reader, config, len(ended))
            begun = bool(ended or reader.networks(limit=1)[0])
    except ValueError as error:
        known: dict[str, Any] = {"state": f"not readable: {error}"}
        shown = {"shown_networks": "-", "shown_best": "-"}
    else:
        best = max((row.final_accuracy for row in ended if row.final_accuracy is not None), default=None)
        planned = config.schedule.total
        known = {
            "state": search_state(RunFolder(run).owner(), len(ended), planned, over, begun=begun),
            "over": over,
            "networks": len(ended),
            "planned": planned,
            "best_accuracy": best,
            "metric": config.metric,
            "dataset": config.dataset,
            "stopping": config.stopping.partition(":")[0],
        }
        of = "" if config.metric == ACCURACY or best is None else f" {config.metric_text}"
        shown = {"shown_networks": f"{len(ended)} of {planned}", "shown_best": f"{percent(best)}{of}"}
    moment = datetime.fromtimestamp(changed).strftime("%Y-%m-%d %H:%M")
    return {**unknown, "run": str(run), **known, **shown, "changed": changed, "shown_changed": moment}
