"""`metaqnn audit`: train some of the stopped networks to the end."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from metaqnn.commands.common import (
    add_format,
    add_run,
    add_trust,
    disk_errors,
    epoch_counter,
    interruptible,
    print_results,
    progress_bar,
)
from metaqnn.config.bounds import share
from metaqnn.config.environment import Environment
from metaqnn.config.options import add_flags, flag, given_options
from metaqnn.output import command, percent, predicted, rows_as_text
from metaqnn.report.text import audit_line
from metaqnn.results.audits import summarise_audits
from metaqnn.session.find import existing_run, reading
from metaqnn.session.run_folder import RunFolder
from state_space.errors import printable

EXAMPLES = """examples:
  metaqnn audit runs/NAME --share 0.1      trains a tenth of the stopped networks; repeat to resume
  metaqnn audit runs/NAME --share 1        all of them"""

COLUMNS = {
    "number": "id",
    "when": "audited",
    "epochs": "stopped after",
    "predicted": "y_hat_T",
    "final": "y_T",
    "best": "compared with",
    "architecture": "architecture",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn audit`."""
    add_run(parser)
    parser.add_argument(
        "--share", type=share(above=True), default=0.1, help="share of the stopped networks (default: 0.1)"
    )
    place = parser.add_argument_group("where (default: as in the search)")
    add_flags(place, Environment, ("data_dir", "device", "precision"), default=None)
    add_trust(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_format(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Train, then print how far the predictions were off."""
    folder = existing_run(namespace.run)
    go_on = f"resume with the same command: {_again(namespace)}"
    return interruptible(lambda: _execute(folder, namespace, go_on), lambda: go_on)


def _again(namespace: argparse.Namespace) -> str:
    """The command, also where images and device are others than in the search."""
    given = given_options(namespace, Environment)
    words = [word for name in given for word in (flag(name), given[name])]
    if namespace.trust_module:
        words.append("--trust-module")
    if namespace.format != "table":
        words += ["--format", namespace.format]
    return command("audit", namespace.run, "--share", namespace.share, *words)


def _execute(folder: RunFolder, namespace: argparse.Namespace, go_on: str) -> int:
    with disk_errors(folder, lambda: go_on), folder.lock():
        _train(folder, namespace)
    print_results(_text(folder.path, namespace.format))
    return 0


def _train(folder: RunFolder, namespace: argparse.Namespace) -> None:
    from metaqnn.session.audit import Audit  # torch takes seconds to import
    from metaqnn.session.preparation import changes_since
    from metaqnn.session.start import reopen
    from trainers import EpochReport
    from trainers.datasets import decoding_bar

    changes = given_options(namespace, Environment)
    with decoding_bar(not namespace.quiet):
        database, prepared = reopen(folder, changes, trust_module=namespace.trust_module)
    audit = Audit(database, prepared.trainer, prepared.config.seed, namespace.share)
    if audit.waiting():
        for change in changes_since(database.record(), prepared, goes_on=False):
            print(f"note: {change}", file=sys.stderr)
    epochs = len(audit.waiting()) * prepared.config.epochs
    with progress_bar(total=epochs, unit="epoch", desc="audit", quiet=namespace.quiet) as bar:
        count = epoch_counter(bar)

        def heard(architecture: str, report: EpochReport) -> None:
            bar.set_postfix_str(f"{percent(report.accuracy)} {architecture[:40]}", refresh=False)
            count(report)

        failed = audit.run(heard)
    for number, why in failed.items():
        print(f"network {number} could not be audited: {printable(why)}", file=sys.stderr)
    database.close()


def _text(run: Path, output_format: str) -> str:
    with reading(run) as reader:
        audits = [
            {"when": "during the search" if row.pop("in_loop") else "afterwards", **row}
            for row in reader.audits()
        ]
        summary = summarise_audits(reader)
    if output_format != "table":
        return rows_as_text(audits, output_format, COLUMNS)
    rows = [
        {
            **row,
            "predicted": predicted(row["predicted_accuracy"]),
            "final": "diverged" if row["final_accuracy"] is None else percent(row["final_accuracy"]),
            "best": percent(row["best_accuracy"]),
        }
        for row in audits
    ]
    return "\n".join([rows_as_text(rows, "table", COLUMNS), "", audit_line(summary)])
