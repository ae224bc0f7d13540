"""`metaqnn train`: one network, its curve, its test error, and its weights for `metaqnn export`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaqnn.commands.common import add_format, disk_errors, folder_path, interruptible
from metaqnn.config.bounds import MANY
from metaqnn.config.environment import DATA as PLACE
from metaqnn.config.environment import DEVICE, Environment
from metaqnn.config.options import add_flags, given_options
from metaqnn.config.search import BATCH, EPOCHS, IMAGES, RATE, SEED, SIDE
from metaqnn.output import as_json, facts_as_text, percent, rows_as_text, shell_quoted

if TYPE_CHECKING:
    from metaqnn.tune.single import SingleTraining

HYPER_PARAMETERS = ("lr", "lr_decay", "batch_size", "weight_decay", "dropout", "batch_norm")
DATA = ("dataset", "preset", "epochs", "image_size", "train_limit", "validation_size", "seed")

MOST_USED = (
    "architecture", "--rank", "--dataset", "--preset", "--image-size", "--epochs", "--batch-size", "--lr",
    "--parameters", "--seed", "--device", "--run-dir",
)  # fmt: skip

EXAMPLES = """examples:
  metaqnn train '[C(16,3,1), P(2,2), SM(10)]' --dataset digits --epochs 20 --batch-size 16
  metaqnn train published:cifar10-1 --dataset cifar10 --epochs 40      needs a GPU
  metaqnn train runs/NAME --rank 1                                     the best network of a search
  metaqnn train runs/NAME --parameters runs/tune-NAME/best.json        as `metaqnn tune` found best
  metaqnn export runs/train-NAME --to best                             its weights for your program

The recipe is that of the search unless options say otherwise: Adam, the rate times --lr-decay after each
quarter of the epochs. The network is trained on the training images without those for validation; the test
images are looked at once, after the last epoch. The same command with the same --run-dir goes on after a
kill."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn train`."""
    parser.add_argument(
        "architecture", metavar="ARCHITECTURE", help="a network, published:NAME, or a run folder"
    )
    parser.add_argument(
        "--rank", type=MANY, metavar="R", help="with a run folder: line of `metaqnn top RUN` (default 1)"
    )
    _add_data(parser.add_argument_group("data"))
    _add_recipe(parser.add_argument_group("recipe"))
    _add_environment(parser.add_argument_group("where"))
    add_format(parser)


def _add_data(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dataset", metavar="NAME", help="as in metaqnn run")
    group.add_argument("--preset", help="paper, all images as they are, or laptop (default paper)")
    group.add_argument("--image-size", type=SIDE, metavar="N", help="resize images to N x N")
    group.add_argument("--train-limit", type=IMAGES, metavar="N", help="use only so many training images")
    group.add_argument("--validation-size", type=IMAGES, metavar="N", help="of them, for validation")
    group.add_argument("--seed", type=SEED, help="addresses all random draws (default 0)")


def _add_recipe(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--epochs", type=EPOCHS, metavar="N", help="default 20, as in a search")
    group.add_argument("--parameters", type=Path, metavar="FILE", help="best.json of a `metaqnn tune`")
    group.add_argument("--lr", type=RATE, help="first learning rate (default 0.001)")
    group.add_argument("--lr-decay", type=RATE, help="its factor after each quarter (default 0.2)")
    group.add_argument("--batch-size", type=BATCH, metavar="N", help="images a step (default 128)")
    group.add_argument("--weight-decay", type=float, help="default 0")
    group.add_argument("--dropout", type=float, help="rate of the last dropout layer (default 0.5)")
    group.add_argument(
        "--batch-norm",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="batch normalisation after each convolution; cannot be exported (default off)",
    )


def _add_environment(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--run-dir", type=folder_path, metavar="DIR", help="default: runs/train-DATASET-TIME")
    add_flags(group, Environment, (*PLACE, *DEVICE))
    group.add_argument("--quiet", action="store_true", help="no progress bar")


def execute(namespace: argparse.Namespace) -> int:
    """Train to the end, then print what came of it."""
    from metaqnn.session.run_folder import RunFolder
    from metaqnn.tune.single import SingleTraining  # torch takes seconds to import
    from trainers.datasets import decoding_bar

    with decoding_bar(not namespace.quiet):
        prepared, values = _prepared(namespace)
    path = namespace.run_dir
    path = path or RunFolder.new(Path("runs"), f"train-{Path(prepared.settings.dataset).name}").path
    training = SingleTraining(path, prepared, values)
    go_on = f"resume with the same command and --run-dir {shell_quoted(path)}"
    return interruptible(lambda: _train(training, namespace, go_on), lambda: go_on)


def _train(training: SingleTraining, namespace: argparse.Namespace, go_on: str) -> int:
    from metaqnn.session.run_folder import RunFolder

    folder = RunFolder(training.folder)
    with disk_errors(folder, go_on), folder.lock():
        training.claim()
        result = training.run(_progress(training.prepared.settings.epochs, namespace.quiet))
    print(_text(result, namespace, training.folder))
    return 0


def _prepared(namespace: argparse.Namespace) -> tuple[Any, dict[str, float]]:
    from metaqnn.tune.errors import TuneError
    from metaqnn.tune.found import of_search
    from metaqnn.tune.parameters import chosen_values
    from metaqnn.tune.preparation import prepare_tuning
    from metaqnn.tune.settings import TuneSettings
    from trainers.families import FAMILIES

    if namespace.architecture in FAMILIES:
        raise TuneError(f"{namespace.architecture!r} is a family, no network; metaqnn tune is for families")
    given = {name: value for name in DATA if (value := getattr(namespace, name)) is not None}
    place = Environment(**given_options(namespace, Environment))
    given, place = of_search({**given, "family": namespace.architecture}, place, namespace.rank)
    if "dataset" not in given:
        raise TuneError("--dataset is missing, for example --dataset cifar10")
    settings = TuneSettings.of(given)
    options = {name: getattr(namespace, name) for name in HYPER_PARAMETERS}
    values = chosen_values(options, namespace.parameters, settings)
    return prepare_tuning(settings, place), values


def _progress(epochs: int, quiet: bool) -> Any:
    from tqdm import tqdm

    pause = 0.1 if sys.stderr.isatty() else 30
    bar: Any = tqdm(
        total=epochs, unit="epoch", desc="train", file=sys.stderr, disable=quiet, mininterval=pause
    )

    def heard(report: Any) -> bool:
        bar.set_postfix_str(f"validation accuracy {percent(report.accuracy)}", refresh=False)
        bar.update()
        return False

    return heard


def _text(result: dict[str, Any], namespace: argparse.Namespace, path: Path) -> str:
    from metaqnn.tune.single import error_rate
    from trainers.families import PUBLISHED

    rate, curve = error_rate(result), result["validation_accuracies"]
    if namespace.format == "json":
        interval = {} if rate is None else {"test_error": rate.rate, "interval": [rate.low, rate.high]}
        return as_json({"run": str(path), **result, **interval})
    if namespace.format == "csv":
        rows = [{"epoch": epoch, "accuracy": accuracy} for epoch, accuracy in enumerate(curve, 1)]
        return rows_as_text(rows, "csv", {})
    images = f"{result['validation_images']:,} validation images"
    facts = {
        "network": result["architecture"],
        "outcome": f"{result['outcome']}: {result['message']}",
        "accuracy": f"{percent(curve[-1])} on {images}" if curve else "-",
        "test error": "the data set has no test images" if rate is None else
        f"{percent(rate.rate)} ({percent(rate.low)} to {percent(rate.high)}) on {rate.images:,} images",
    }  # fmt: skip
    known = PUBLISHED.get(namespace.architecture.removeprefix("published:"))
    if known is not None:
        facts["published"] = f"{percent(known.test_error)} test error, after its authors' long training"
    weights = f"; metaqnn export {path} --to DIR exports it" if (path / "network.pt").exists() else ""
    return f"{facts_as_text(facts)}\n\neverything is in {path}{weights}"
