"""`metaqnn train`: one network, its curve, its test error, and its weights for `metaqnn export`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.commands.common import (
    add_format,
    add_trust,
    disk_errors,
    epoch_counter,
    folder_path,
    interruptible,
    print_results,
    progress_bar,
    run_or_name,
)
from metaqnn.config.bounds import MANY
from metaqnn.config.environment import DATA, DEVICE, Environment
from metaqnn.config.images import ImageOptions
from metaqnn.config.options import add_flags, given_options
from metaqnn.config.search import SearchConfig
from metaqnn.config.tuned import HyperParameters, hyper_parameters
from metaqnn.output import as_json, counted, facts_as_text, percent, rows_as_text, shell_quoted
from metaqnn.results.accuracy import guess_text
from metaqnn.session.find import RUNS
from metaqnn.session.run_folder import RunFolder
from metaqnn.tune import TuneError
from metaqnn.tune.settings import OF_FAMILY, TuneSettings
from state_space.errors import printable
from trainers.metric import ACCURACY, in_words

if TYPE_CHECKING:
    from metaqnn.results.long_trained import ErrorRate
    from metaqnn.tune.found import Asked
    from metaqnn.tune.single import SingleTraining

MOST_USED = (
    "architecture", "--rank", "--dataset", "--preset", "--image-size", "--epochs", "--batch-size",
    "--learning-rate", "--parameters", "--seed", "--device", "--run-dir",
)  # fmt: skip

EXAMPLES = """examples:
  metaqnn train '[C(16,3,1), P(2,2), SM(10)]' --dataset digits --epochs 20 --batch-size 16
  metaqnn train published:cifar10-1 --dataset cifar10 --epochs 40      needs a GPU
  metaqnn train runs/NAME --rank 1                                     the best network of a search
  metaqnn train runs/NAME --parameters runs/tune-NAME/best.json        with the best hyper-parameters found
  metaqnn export runs/train-NAME --to best                             its weights for your program

The recipe is that of the published search unless options say otherwise: Adam, with the rate multiplied
by --decay-factor after each quarter of the epochs, rounded up. For a run folder, the rate is the one at
which the search trained the network to the end; --decay-factor, --decay-every (in proportion to
--epochs) and --batch-size are those of the search, as are data, split, seed and number of epochs. No
training starts again at a lower rate. The network is trained on the training images except those held
out for validation; the test images are used once, after the last epoch. The same command with the same
--run-dir resumes after a kill."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn train`."""
    parser.add_argument(
        "architecture",
        type=run_or_name,
        metavar="ARCHITECTURE",
        help="a network, published:NAME, a run folder, or latest",
    )
    parser.add_argument(
        "--rank", type=MANY, metavar="R", help="with a run folder: line of `metaqnn top RUN` (default: 1)"
    )
    data = parser.add_argument_group("data and epochs (by default, those of the search in a run folder)")
    add_flags(data, ImageOptions)
    add_flags(data, TuneSettings, ("preset", "epochs", "translate"))
    add_flags(data, SearchConfig, ("mirror",))
    recipe = parser.add_argument_group("recipe")
    add_flags(recipe, HyperParameters)
    recipe.add_argument("--parameters", type=Path, metavar="FILE", help="best.json of a `metaqnn tune`")
    _add_environment(parser.add_argument_group("where"))
    add_format(parser)


def _add_environment(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--run-dir", type=folder_path, metavar="DIR", help="run folder (default: runs/train-DATASET-TIME)"
    )
    add_flags(group, Environment, (*DATA, *DEVICE))
    add_trust(group)
    group.add_argument("--quiet", action="store_true", help="no progress bar")


def execute(namespace: argparse.Namespace) -> int:
    """Train to the end, then print the results."""
    from metaqnn.tune.single import SingleTraining  # torch takes seconds to import
    from trainers.datasets import decoding_bar

    with decoding_bar(not namespace.quiet):
        prepared, values = _prepared(namespace)
    path = namespace.run_dir or RunFolder.new(RUNS, f"train-{Path(prepared.settings.dataset).name}").path
    training = SingleTraining(path, prepared, values)
    go_on = f"resume with the same command and --run-dir {shell_quoted(path)}"
    return interruptible(lambda: _train(training, namespace, go_on), lambda: go_on)


def _train(training: SingleTraining, namespace: argparse.Namespace, go_on: str) -> int:
    from metaqnn.tune.presentation import data_lines
    from trainers import Outcome

    folder = RunFolder(training.folder)
    with disk_errors(folder, lambda: go_on), folder.lock():
        training.claim()
        lines = [f"results     {shell_quoted(folder.path)}", *data_lines(training.prepared)]
        lines.append(f"training    {training.recipe_text}")
        print("\n".join(lines), file=sys.stderr)
        settings = training.prepared.settings
        with _progress(settings.epochs, settings.metric_text, namespace.quiet) as heard:
            result = training.run(heard)
    print_results(_text(result, namespace, training.folder))
    return 0 if result["outcome"] == Outcome.COMPLETED else 1


def _prepared(namespace: argparse.Namespace) -> tuple[Any, dict[str, float]]:
    from metaqnn.session.trust import trust
    from metaqnn.tune.found import of_another_network, of_search
    from metaqnn.tune.preparation import prepare_again, prepare_tuning
    from metaqnn.tune.single import precision_so_far
    from trainers.families import FAMILIES

    if namespace.architecture in FAMILIES:
        raise TuneError(
            f"{namespace.architecture!r} is a family, not a network; metaqnn tune is for families"
        )
    given = {**given_options(namespace, TuneSettings), "family": namespace.architecture}
    place = Environment(**given_options(namespace, Environment))
    found = of_search(given, place, namespace.rank, namespace.trust_module)
    options = given_options(namespace, HyperParameters)
    values = hyper_parameters(options, namespace.parameters, found.recipe).values
    if "dataset" not in found.settings:
        raise TuneError("--dataset is missing, for example --dataset cifar10")
    if "preset" in given and found.recipe and {*OF_FAMILY} <= {*found.settings}:
        raise TuneError(f"--preset is {given['preset']}, but images and epochs are those of the search")
    if found.attempt > 1 and values["lr"] == found.recipe["lr"]:
        print(f"note: {_rate_note(found)}", file=sys.stderr)
    settings = TuneSettings.of(found.settings)
    _refuse_ignored(options, settings.family)
    if namespace.parameters and (note := of_another_network(namespace.parameters, settings.family)):
        print(printable(note), file=sys.stderr)
    if "dataset" in given:
        trust(settings.dataset)
    before = precision_so_far(namespace.run_dir) if namespace.run_dir else None
    if before is None:
        return prepare_tuning(settings, found.place), values
    place = replace(found.place, precision=getattr(namespace, "precision", before))
    return prepare_again(settings, place, before, "network"), values


def _rate_note(found: Asked) -> str:
    return (
        f"the rate is {found.recipe['lr']:.3g}, at which the search trained the network to the end, in "
        f"attempt {found.attempt}; at the earlier rates, it learned nothing"
    )


def _refuse_ignored(options: dict[str, Any], network: str) -> None:
    """Refuse hyper-parameters that would have no effect on the network. Raises TuneError."""
    from state_space import Convolution, Dropout
    from trainers.families.names import parse_architecture

    layers = parse_architecture(network).layers
    if options.get("dropout") and not any(isinstance(layer, Dropout) for layer in layers):
        raise TuneError(
            f"--dropout is {options['dropout']:g}, but {network} has no dropout layer, such as D(1,1)"
        )
    written = any(isinstance(layer, Convolution) and layer.batch_norm for layer in layers)
    if options.get("batch_norm") is False and written:
        raise TuneError(
            f"--no-batch-norm is given, but {network} has batch normalisation; write C(d,f,l), without B"
        )


@contextmanager
def _progress(epochs: int, metric: str, quiet: bool) -> Iterator[Any]:
    with progress_bar(total=epochs, unit="epoch", desc="train", quiet=quiet) as bar:
        count = epoch_counter(bar)

        def heard(report: Any) -> bool:
            bar.set_postfix_str(f"validation {metric} {percent(report.accuracy)}", refresh=False)
            count(report)
            return False

        yield heard


def _guess(result: dict[str, Any]) -> str:
    """What a constant guess reaches on the validation images; empty for a result of an older version."""
    if "guess" not in result:
        return ""
    who, last = "the network is NOT clearly better", result["validation_accuracies"][-1]
    return f"; {guess_text(result['guess'], result['guess_limit'], last, who=who)}"


def _unmeasured(result: dict[str, Any]) -> str:
    """Why there is no test error."""
    from trainers import Outcome

    ended_well = result["outcome"] == Outcome.COMPLETED
    return "the data set has no test images" if ended_well else "not measured, as the training failed"


def _facts(result: dict[str, Any], rate: ErrorRate | None) -> dict[str, str]:
    """The results, by name; `rate` is the test error, if there is one."""
    metric, curve = in_words(result.get("metric", ACCURACY)), result["validation_accuracies"]
    images = counted(result["validation_images"], "validation image")
    return {
        "network": result["architecture"],
        "outcome": f"{result['outcome']}: {result['message']}",
        metric: f"{percent(curve[-1])} on {images}{_guess(result)}" if curve else "-",
        "test error": _unmeasured(result) if rate is None else _measured(result, rate),
    }


def _measured(result: dict[str, Any], rate: ErrorRate) -> str:
    interval = f"{percent(rate.low)} to {percent(rate.high)}"
    guess = percent(result.get("test_error_of_guess"))  # an older version left it out, like the metric
    return (
        f"{percent(rate.rate)} ({interval}) on {rate.images:,} images; {guess} by always guessing the "
        "commonest class"
    )


def _text(result: dict[str, Any], namespace: argparse.Namespace, path: Path) -> str:
    from metaqnn.results.long_trained import in_columns
    from metaqnn.tune.single import error_rate
    from trainers.families import PUBLISHED

    rate = error_rate(result)
    if namespace.format == "json":
        return as_json({"run": str(path), **in_columns(rate), **result})
    if namespace.format == "csv":
        curve = enumerate(result["validation_accuracies"], 1)
        return rows_as_text([{"epoch": epoch, "accuracy": accuracy} for epoch, accuracy in curve], "csv", {})
    facts = _facts(result, rate)
    known = PUBLISHED.get(namespace.architecture.removeprefix("published:"))
    if known is not None:
        facts["published"] = f"{percent(known.test_error)} test error, after its authors' long training"
    folder = shell_quoted(path)
    weights = f"; metaqnn export {folder} --to DIR exports it" if (path / "network.pt").exists() else ""
    return f"{facts_as_text(facts)}\n\neverything is in {folder}{weights}"
