"""`metaqnn tune`: the hyper-parameters of a family of models, or of a network that a search has found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from metaqnn.commands.common import (
    add_format,
    add_trust,
    disk_errors,
    folder_path,
    interruptible,
    print_results,
    progress_bar,
    run_or_name,
    run_path,
)
from metaqnn.config.bounds import MANY
from metaqnn.config.environment import DATA, DEVICE, Environment
from metaqnn.config.options import add_flags, given_options
from metaqnn.output import command
from metaqnn.tune import TuneError
from metaqnn.tune.settings import DEFAULT_TRIALS, TuneSettings

if TYPE_CHECKING:
    from metaqnn.tune.session import TuneSession

STOPPING = ("stopping", "delta", "hyperband", "eta", "min_epochs", "kappa", "burn_in")
SETTINGS = [one.name for one in fields(TuneSettings) if one.name != "family"]

MOST_USED = (
    "family", "--rank", "--dataset", "--preset", "--trials", "--epochs", "--image-size", "--stopping",
    "--delta", "--hyperband", "--workers", "--device", "--run-dir", "--resume",
)  # fmt: skip

EXAMPLES = """examples:
  metaqnn tune resnet --dataset cifar10 --preset laptop --trials 20    small ResNets, minutes on a CPU
  metaqnn tune lstm --dataset ptb --data-dir data --hyperband          Hyperband
  metaqnn tune convnet --dataset cifar10 --hyperband --delta 0.95 --trials 300
                                                                       the same, sped up by predictions
  metaqnn tune '[C(16,3,1), P(2,2), SM(10)]' --dataset mnist           the best way to train a network
  metaqnn tune published:cifar10-1 --dataset cifar10                   the same for a published network
  metaqnn tune runs/NAME --rank 1                                      the same for the best one of a search
  metaqnn tune --resume runs/NAME                                      resume after Ctrl-C, a kill or a reboot

FAMILY is resnet, resnet39, lstm, convnet, a network, published:NAME or the run folder of a search, also
latest, whose data, split, seed and number of epochs are taken over. Optuna samples the hyper-parameters
(pip install 'metaqnn[optuna]'); its study, which optuna-dashboard can show, is in RUN/study.db or at
--storage. Trials that will not be among the best are stopped: by --stopping RULE (rank-envelope by default,
see metaqnn run), by the published criterion (--delta D), or by Hyperband (--hyperband), which --delta
accelerates. RUN/curves.csv holds all curves, for `python -m predictor evaluate`; RUN/best.json holds the
best hyper-parameters, for --parameters of `metaqnn finetune` and `metaqnn train`, whose networks can be
exported. The tuning itself keeps no weights. See docs/tuning.md."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn tune`."""
    parser.add_argument(
        "family", type=run_or_name, nargs="?", metavar="FAMILY", help="what to tune, see below"
    )
    parser.add_argument(
        "--rank", type=MANY, metavar="R", help="with a run folder: line of `metaqnn top RUN` (default: 1)"
    )
    parser.add_argument(
        "--trials",
        type=MANY,
        metavar="N",
        help=f"trials in all (default: {DEFAULT_TRIALS}; with --resume, as many as last time)",
    )
    what = parser.add_argument_group("settings of the tuning (the same at every --resume)")
    add_flags(what, TuneSettings, [name for name in SETTINGS if name not in STOPPING])
    add_flags(parser.add_argument_group("which trials are stopped"), TuneSettings, STOPPING)
    _add_environment(parser.add_argument_group("where (may change at every --resume)"))
    parser.add_argument(
        "--top", type=MANY, default=5, metavar="K", help="print the K best trials (default: 5)"
    )
    add_format(parser)


def _add_environment(group: argparse._ArgumentGroup) -> None:
    run = group.add_mutually_exclusive_group()
    run.add_argument(
        "--run-dir",
        type=folder_path,
        metavar="DIR",
        help="run folder (default: runs/tune-FAMILY-DATASET-TIME)",
    )
    run.add_argument(
        "--resume",
        type=partial(run_path, kind="tuning"),
        metavar="DIR",
        help="resume the tuning in this run folder, or latest",
    )
    group.add_argument(
        "--storage",
        metavar="URL",
        help="storage of the study, always the same (default: an SQLite file in the run folder)",
    )
    add_flags(group, Environment, (*DATA, *DEVICE, "workers"))
    add_trust(group)
    group.add_argument("--quiet", action="store_true", help="no progress bar")


def execute(namespace: argparse.Namespace) -> int:
    """Tune until the trials are done or interrupted, then print the best."""
    from metaqnn.tune.session import TuneSession  # torch takes seconds to import
    from trainers.datasets import decoding_bar

    given = _given(namespace)
    with ExitStack() as locked:
        with decoding_bar(not namespace.quiet):
            opened = TuneSession.opened(namespace, given, given_options(namespace, Environment))
            session = locked.enter_context(opened)
        again = command("tune", "--resume", session.folder.path, "--trials", session.trials)
        go_on = f"resume with: {again}"
        return interruptible(lambda: _tune(session, namespace, go_on), lambda: go_on)


def _tune(session: TuneSession, namespace: argparse.Namespace, go_on: str) -> int:
    from metaqnn.tune.presentation import results_text

    with disk_errors(session.folder.run, lambda: go_on):
        with _progress(session, namespace) as heard:
            reason = session.run(heard)
        results = results_text(session, namespace.top, namespace.format)
    print_results(results)
    if reason:
        print(f"stopped early: {reason}\n{go_on}", file=sys.stderr)
    return 1 if reason or session.all_failed() else 0


def _given(namespace: argparse.Namespace) -> dict[str, Any]:
    """The settings that the user has given."""
    if namespace.family is None and namespace.resume is None:
        raise TuneError(
            "FAMILY is missing: resnet, resnet39, lstm, convnet, a network, published:NAME or a run folder"
        )
    given = given_options(namespace, TuneSettings)
    return {name: value for name, value in given.items() if value is not None}


@contextmanager
def _progress(session: TuneSession, namespace: argparse.Namespace) -> Iterator[Any]:
    """Print the introduction; yields what shows the progress."""
    from metaqnn.tune.presentation import best_line, introduction

    print(introduction(session), file=sys.stderr)
    ended, quiet = session.ended(), namespace.quiet
    with progress_bar(total=session.trials, initial=ended, unit="trial", desc="tune", quiet=quiet) as bar:

        def heard(number: int, what: str) -> None:
            if what == "epoch":
                return
            bar.set_postfix_str(f"trial {number} {what}, {best_line(session)}", refresh=False)
            bar.update()

        yield heard
