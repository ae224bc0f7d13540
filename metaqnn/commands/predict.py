"""`metaqnn predict`: the classes of image files, by a trained network."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from metaqnn.commands.chosen import add_choice, chosen, refuse_choice
from metaqnn.commands.common import add_format, run_path
from metaqnn.config.bounds import MANY
from metaqnn.config.options import ConfigError, add_flags, given_options
from metaqnn.config.search import SearchConfig
from metaqnn.output import as_json, percent, rows_as_text
from metaqnn.session.run_folder import RunFolder, RunFolderError
from state_space.errors import printable, quoted

if TYPE_CHECKING:
    from metaqnn.export.classifier import ImageClassifier, Prediction

EXAMPLES = """examples:
  metaqnn predict runs/NAME photo.jpg                the best network of a search
  metaqnn predict runs/NAME holiday/ '*.png'         all images in a folder, and those that match a pattern
  metaqnn predict latest photo.jpg --finetuned       with the weights from `metaqnn finetune`
  metaqnn predict best/ holiday/ --format csv        an export; it needs no data set

RUN is the folder of a search, of `metaqnn train` or of `metaqnn export`. Files are read as in the training:
upright, transparency over white, first frame only, resized to the network's size. Files that are not images
or cannot be read are left out and counted. A probability is the network's softmax output: its confidence
among its own classes, even if the image shows none of them."""

COLUMNS = {"file": "file", "class": "class", "shown": "probability", "next": "next"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn predict`."""
    parser.add_argument(
        "run", type=run_path, metavar="RUN", help="folder of a search or an export, or latest"
    )
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="image files, folders of them, or patterns"
    )
    parser.add_argument(
        "-k", type=MANY, default=3, help="number of classes to show per image, likeliest first (default: 3)"
    )
    add_choice(parser)
    add_flags(parser, SearchConfig, ("max_pixels",))
    add_format(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Print each image's classes, and on standard error the network and what was left out."""
    from trainers import DatasetError  # torch takes seconds to import
    from trainers.datasets.walk import given_files

    files = given_files(namespace.images)
    classifier = _classifier(namespace)
    print(printable(f"by {classifier.name}: {classifier.network.architecture}", keep=""), file=sys.stderr)
    with tqdm(total=len(files), unit="file", file=sys.stderr, leave=False, delay=1, disable=None) as bar:
        options = given_options(namespace, SearchConfig)
        found = list(classifier.classify(files, **options, heard=bar.update))
    notes = [printable(line, keep="") for line in classifier.notes.lines()]
    for line in notes:
        print(f"note: {line}", file=sys.stderr)
    if not found:
        reason = classifier.unreadable or "there is none in the files and folders given"
        raise DatasetError(f"no image could be read: {reason}")
    print(_text(classifier, found, notes, namespace))
    return 0


def _classifier(namespace: argparse.Namespace) -> ImageClassifier:
    from metaqnn.export.classifier import ImageClassifier
    from metaqnn.export.exported import FACTS, exported, is_export

    folder = RunFolder(namespace.run)
    if is_export(folder.path):
        refuse_choice(namespace, "an export")
        if namespace.data_dir is not None:
            raise ConfigError(f"--data-dir is {quoted(namespace.data_dir)}, but an export needs no data set")
        return exported(folder.path)
    if folder.path.is_dir() and folder.kind() is None:
        raise RunFolderError(
            f"{str(folder.path)!r} holds neither a search nor an export: there is no {folder.database.name} "
            f"and no {FACTS} in it"
        )
    return ImageClassifier.of(chosen(namespace))


def _text(
    classifier: ImageClassifier, found: list[Prediction], notes: list[str], namespace: argparse.Namespace
) -> str:
    best = [(one.file, _best(classifier, one, namespace.k)) for one in found]
    if namespace.format == "json":
        return as_json(
            {
                "network": classifier.name,
                "architecture": classifier.network.architecture,
                "images": [{"file": file, "classes": classes} for file, classes in best],
                "notes": notes,
            }
        )
    if namespace.format == "csv":
        rows = [
            {"file": file, "rank": rank, **row}
            for file, classes in best
            for rank, row in enumerate(classes, 1)
        ]
        return rows_as_text(rows, "csv", COLUMNS)
    return rows_as_text([_row(file, *classes) for file, classes in best], "table", COLUMNS)


def _best(classifier: ImageClassifier, prediction: Prediction, k: int) -> list[dict[str, Any]]:
    order = (-prediction.probabilities).argsort(kind="stable")[:k]
    return [
        {"class": classifier.classes[index], "probability": float(prediction.probabilities[index])}
        for index in order
    ]


def _row(file: str, best: dict[str, Any], *others: dict[str, Any]) -> dict[str, str]:
    following = ", ".join(f"{one['class']} {percent(one['probability'])}" for one in others)
    return {"file": file, "class": best["class"], "shown": percent(best["probability"]), "next": following}
