"""What `metaqnn train` has left, as a candidate for export."""

from __future__ import annotations

from pathlib import Path

from metaqnn.config.environment import Environment
from metaqnn.export.candidate import Candidate, input_facts
from metaqnn.export.card import TRAIN, Card, ExportError
from metaqnn.export.check import Evidence
from metaqnn.export.files import ImageFiles
from metaqnn.output import counted
from metaqnn.tune.preparation import load_images, validation_size
from metaqnn.tune.settings import TuneSettings
from metaqnn.tune.single import RESULT, SETTINGS, WEIGHTS, read_json
from state_space import Architecture
from trainers import split_validation
from trainers.weights import TrainedNetwork


def is_training(folder: Path) -> bool:
    """Whether `metaqnn train` has worked there."""
    return (folder / SETTINGS).is_file()


def trained(folder: Path, data_dir: str | None = None) -> Candidate:
    """The network that was trained in a folder.

    Args:
        folder: of `metaqnn train`.
        data_dir: folder of the data set.

    Raises:
        ExportError: it was not trained to the end, has batch normalisation, or the images are others.
    """
    claimed = read_json(folder / SETTINGS)
    if not (folder / RESULT).is_file():
        raise ExportError(
            f"the training in {str(folder)!r} has not ended; repeat its command to go on with it"
        )
    result, settings = read_json(folder / RESULT), TuneSettings(**claimed["settings"])
    if not (folder / WEIGHTS).is_file():
        raise ExportError(_why_not(folder, result["outcome"]))
    network = TrainedNetwork.read(folder / WEIGHTS)
    environment = Environment().but(data_dir=data_dir)
    images = load_images(settings, environment)
    if images.fingerprint != claimed["data_fingerprint"]:
        raise ExportError(f"data set {settings.dataset!r} is not that of the training; is --data-dir right?")
    assert network.normalisation is not None  # as all files of `metaqnn train`
    architecture = Architecture.parse(network.architecture)
    size = validation_size(settings, images)
    _, validation = split_validation(images.train_labels, size, settings.seed)
    errors, tested = result["test_errors"], result["test_images"]
    card = Card(
        dataset=settings.dataset,
        architecture=network.architecture,
        parameters=architecture.parameters(images.input_shape, images.num_classes),
        macs=architecture.macs(images.input_shape, images.num_classes),
        weights_from=TRAIN,
        training=f"`metaqnn train`, {counted(settings.epochs, 'epoch')}",
        validation_accuracy=network.accuracy,
        validation_images=size,
        test_accuracy=None if errors is None else 1 - errors / tested,
        test_images=tested,
        run=folder.resolve().name,
        network=0,
        seed=settings.seed,
        versions=result["versions"],
        **input_facts(images, network.normalisation),
    )
    evidence = Evidence(
        "validation", images.train_images[validation], images.train_labels[validation], network.accuracy
    )
    files = ImageFiles(settings.dataset, environment.data_dir, images, settings.image_size)
    return Candidate(card, network, network.normalisation, evidence, files)


def _why_not(folder: Path, outcome: str) -> str:
    if outcome == "completed":
        return f"the network in {str(folder)!r} has batch normalisation, which an export cannot describe yet"
    return f"the training in {str(folder)!r} did not come to its end ({outcome}); there is nothing to export"
