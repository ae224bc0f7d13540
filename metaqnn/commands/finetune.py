"""`metaqnn finetune`: train the best networks longer and measure their test error."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.commands.common import (
    add_format,
    add_run,
    add_trust,
    epoch_counter,
    interruptible,
    print_results,
    progress_bar,
)
from metaqnn.config.bounds import MANY, ROW
from metaqnn.config.environment import DATA, DEVICE, Environment
from metaqnn.config.images import IMAGES
from metaqnn.config.options import add_flags, given_options
from metaqnn.config.search import BATCH, DECAY, EPOCHS, RATE, TRANSLATION
from metaqnn.config.tuned import Tuned
from metaqnn.output import counted, percent, shell_quoted
from metaqnn.results.audits import audited_note
from metaqnn.session.find import reading
from metaqnn.session.run_folder import RunFolder
from state_space.errors import printable

if TYPE_CHECKING:
    from metaqnn.database.queries import SearchReader
    from metaqnn.finetune import Candidate, Finetuning
    from trainers import EpochReport, ImageDataset

RECIPE = ("epochs", "learning_rate", "batch_size", "optimizer", "weight_decay", "translate")
MOST_USED = (
    "run", "--top", "--networks", "--epochs", "--batch-size", "--seeds", "--parameters", "--train-limit",
    "--device", "--quiet", "--format",
)  # fmt: skip
BEST = 5
"""Networks that are trained by default."""
SECONDS_A_LINE = 60
"""Between two updates of the progress bar if standard error is not a terminal."""

EXAMPLES = """examples:
  metaqnn finetune runs/NAME --top 5               the published 300 epochs: days without a GPU
  metaqnn finetune runs/NAME --top 5 --epochs 30   the same schedule, shortened; repeat to resume
  metaqnn finetune runs/digits-... --epochs 30 --batch-size 16    for small data sets
  metaqnn finetune runs/NAME --seeds 3             three trainings of each network
  metaqnn finetune runs/NAME --networks 17 23      these networks
  metaqnn tune runs/NAME --rank 1                  find the best way to train the best one, then use it:
  metaqnn finetune runs/NAME --parameters runs/tune-.../best.json

The learning rate is 0.025 for 40 epochs, 0.0125 for 40, 0.0001 for 160 and 0.00001 for 60; --epochs N scales
these phases to 40/300, 40/300, 160/300 and 60/300 of N. Networks are trained from scratch on all training
images of the data set. Results are in RUN/finetune. See docs/finetuning.md."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn finetune`."""
    add_run(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--top",
        type=MANY,
        metavar="K",
        help="the K best networks by observed validation accuracy (default: 5, or with --parameters the "
        "network that was tuned)",
    )
    which.add_argument("--networks", type=ROW, nargs="+", metavar="ID", help="these networks instead")
    parser.add_argument(
        "--seeds", type=MANY, default=1, metavar="N", help="trainings of each network (default: 1)"
    )
    _add_recipe(parser.add_argument_group("training"))
    place = parser.add_argument_group("where (default: as in the search, except for the precision)")
    add_flags(place, Environment, (*DATA, *DEVICE, "checkpoint_every"), default=None)
    add_trust(place)
    place.add_argument("--quiet", action="store_true", help="no progress bar")
    add_format(parser)


def _add_recipe(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--parameters",
        type=Path,
        metavar="FILE",
        help="best.json of a `metaqnn tune RUN`: use its hyper-parameters and number of epochs instead of "
        "the published recipe; the other options here still apply",
    )
    group.add_argument("--epochs", type=EPOCHS, metavar="N", help="epochs in all, 6 or more (default: 300)")
    group.add_argument(
        "--learning-rate",
        type=RATE,
        metavar="RATE",
        help="learning rate of the first phase (default: 0.025); the other phases keep their ratios to it",
    )
    group.add_argument(
        "--optimizer",
        help="sgd, with momentum 0.9, as in the authors' solver files, or adam, as in the search (default: "
        "sgd, for which the published rates are meant)",
    )
    group.add_argument(
        "--weight-decay", type=DECAY, metavar="DECAY", help="weight decay of the optimizer (default: 0.0005)"
    )
    group.add_argument(
        "--batch-size",
        type=BATCH,
        metavar="N",
        help="images per step (default: 128, as published; smaller ones suit a short training on a few "
        "thousand images)",
    )
    group.add_argument(
        "--translate",
        type=TRANSLATION,
        metavar="PIXELS",
        help="shift training images by up to this many pixels (default: 5 for images of 32x32, in proportion "
        "for other sizes)",
    )
    group.add_argument(
        "--train-limit",
        type=IMAGES,
        metavar="N",
        help="use only this many training images (default: all, even if the search used fewer)",
    )


def execute(namespace: argparse.Namespace) -> int:
    """Train what has not been trained yet, then print all results; returns 1 if every training failed."""
    return interruptible(lambda: _execute(namespace), lambda: "resume with the same command")


def _execute(namespace: argparse.Namespace) -> int:
    text, failed = _finetune(namespace)
    print_results(text)
    return int(failed)


def _finetune(namespace: argparse.Namespace) -> tuple[str, bool]:
    """The text to print, and whether every training failed."""
    from metaqnn.finetune import Finetuning, FinetuningFiles, summarise_finetuning
    from metaqnn.finetune.preparation import prepare_finetuning  # torch takes seconds to import
    from metaqnn.finetune.presentation import finetuning_text
    from metaqnn.session.trust import require_trusted
    from trainers.datasets import decoding_bar

    options = {name: getattr(namespace, name) for name in RECIPE if getattr(namespace, name) is not None}
    changes = given_options(namespace, Environment)
    with reading(namespace.run) as reader, decoding_bar(not namespace.quiet):
        require_trusted(reader.config().dataset, namespace.trust_module)
        tuned = None if namespace.parameters is None else Tuned.read(namespace.parameters)
        candidates = _candidates(reader, namespace, tuned)
        notes = _better(reader, namespace)
        prepared = prepare_finetuning(reader, options, namespace.train_limit, changes, tuned)
    notes += [f"note: {note}" for note in prepared.notes]
    files = FinetuningFiles.of(
        RunFolder(namespace.run),
        prepared.trainer,
        prepared.dataset.fingerprint,
        prepared.checkpoint_every,
    )
    finetuning = Finetuning(prepared.trainer, files, candidates, namespace.seeds, prepared.search.config.seed)
    with RunFolder(files.folder).lock():
        notes += _other_precision(finetuning)
        print(_introduction(finetuning, prepared.dataset), *notes, sep="\n", file=sys.stderr)
        with _progress(finetuning, namespace.quiet) as heard:
            finetuning.run(heard)
        trainer = prepared.trainer
        summary = summarise_finetuning(
            files, candidates, namespace.seeds, trainer.test_labels, trainer.metric.name
        )
    return finetuning_text(finetuning, summary, namespace.format, prepared.search), summary.all_failed


def _candidates(reader: SearchReader, namespace: argparse.Namespace, tuned: Tuned | None) -> list[Candidate]:
    """The networks asked for, as they are to be trained."""
    from metaqnn.finetune import choose
    from metaqnn.finetune.candidates import as_tuned, tuned_network

    numbers = namespace.networks
    if tuned is not None and namespace.top is None and numbers is None:
        numbers = [tuned_network(reader, tuned, namespace.parameters)]
    candidates = choose(reader, namespace.top or BEST, numbers)
    record = reader.record()
    return (
        candidates if tuned is None else as_tuned(candidates, tuned, record.input_shape, record.num_classes)
    )


def _better(reader: SearchReader, namespace: argparse.Namespace) -> list[str]:
    """A line about audited networks, unless the networks to train were named."""
    if namespace.networks is not None or (namespace.parameters is not None and namespace.top is None):
        return []
    found = audited_note(reader, reader.top(namespace.top or BEST), namespace.run)
    return [f"note: {found}"] if found else []


def _other_precision(finetuning: Finetuning) -> list[str]:
    """A line about stored trainings that used another precision than the one asked for."""
    other = finetuning.of_other_precision()
    if not other:
        return []
    formats = printable(" and ".join(sorted({result.precision for result in other})), keep="")
    file = f"network-{other[0].network}-seed-{other[0].seed}.json"
    return [
        f"note: {counted(len(other), 'finished training')} used {formats} and will not be repeated in "
        f"{finetuning.trainer.precision_name} unless you delete {file} or the like"
    ]


def _introduction(finetuning: Finetuning, dataset: ImageDataset) -> str:
    trainer, recipe = finetuning.trainer, finetuning.trainer.recipe
    phases = ", ".join(f"{rate:g} for {epochs}" for rate, epochs in recipe.phases)
    images_are = f"{'mirrored, ' if recipe.mirror else ''}translated by up to {recipe.translate} px"
    missing, everything = len(finetuning.missing()), len(finetuning.candidates) * finetuning.seeds
    return "\n".join(
        [
            f"results     {shell_quoted(finetuning.files.folder)}",
            f"training    {counted(recipe.epochs, 'epoch')} on {_images(dataset)} in batches of "
            f"{recipe.batch_size}, on {trainer.device}, {trainer.precision_name}",
            f"rates       {phases} epochs, {recipe.optimizer}, weight decay {recipe.weight_decay:g}",
            f"images      normalised by their global contrast, {images_are}",
            f"trainings   {everything}, of which {everything - missing} have already ended",
        ]
    )


def _images(dataset: ImageDataset) -> str:
    images, own = len(dataset.train_images), len(dataset.validation_images)
    besides = f" (not on the {own:,} of its own validation set)" if own else ""
    return f"{images:,} images{besides}"


@contextmanager
def _progress(finetuning: Finetuning, quiet: bool) -> Iterator[Any]:
    """A bar over the remaining epochs; epochs of restarted attempts are added."""
    total = len(finetuning.missing()) * finetuning.trainer.recipe.epochs
    with progress_bar(total=total, unit="epoch", desc="finetune", quiet=quiet, pause=SECONDS_A_LINE) as bar:
        count = epoch_counter(bar)

        def heard(candidate: Candidate, seed: int, report: EpochReport) -> None:
            bar.set_postfix_str(
                f"network {candidate.number}, seed {seed}: training accuracy {percent(report.accuracy)}",
                refresh=False,
            )
            count(report)

        yield heard
