"""What `metaqnn train` has left, as a network that may be exported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metaqnn.config.environment import Environment
from metaqnn.config.tuned import read_json
from metaqnn.export.card import TRAIN, Card, ExportError, without_path
from metaqnn.export.check import Evidence
from metaqnn.export.exportable import Exportable, input_facts, network_facts
from metaqnn.export.image_files import ImageFiles
from metaqnn.output import counted
from metaqnn.session.images import load_images, split
from metaqnn.session.run_folder import TRAINING, RunFolderError
from metaqnn.session.trust import require_trusted
from metaqnn.tune.settings import TuneSettings
from metaqnn.tune.single import RESULT, WEIGHTS
from trainers.weights import TrainedNetwork


def trained(folder: Path, data_dir: str | None, *, trust_module: bool = False) -> Exportable:
    """The network that was trained in a folder.

    Args:
        folder: of `metaqnn train`.
        data_dir: folder of the data set, if it has moved, else None.
        trust_module: whether the user trusts the function that is the data set, see `require_trusted`.

    Raises:
        ConfigError: that function is not trusted.
        ExportError: the network was not trained to the end, or the images differ.
        RunFolderError: a file is damaged.
    """
    claimed = read_json(folder / TRAINING)
    result = _result(folder)
    settings, environment = _stored(folder, claimed)
    network = TrainedNetwork.read(folder / WEIGHTS)
    require_trusted(settings.dataset, trust_module)
    environment = environment.but(data_dir=data_dir)
    images = load_images(settings, environment)
    if images.fingerprint != claimed["data_fingerprint"]:
        raise ExportError(f"data set {settings.dataset!r} is not that of the training; is --data-dir right?")
    normalisation = network.normalisation
    assert normalisation is not None  # all files of `metaqnn train` have one
    _, validation = split(settings, images)
    card = _card(folder, settings, result, network, input_facts(images, normalisation), len(validation[1]))
    evidence = Evidence("validation", *validation, network.accuracy, settings.metric)
    place, size = environment.data_dir, settings.image_size
    files = ImageFiles(settings.dataset, place, images, size, settings.max_pixels)
    return Exportable(card, network, normalisation, evidence, files)


def _result(folder: Path) -> dict[str, Any]:
    """The result of the training. Raises ExportError if it has left no network."""
    if not (folder / RESULT).is_file():
        raise ExportError(f"the training in {str(folder)!r} has not ended; repeat its command to continue it")
    result = read_json(folder / RESULT)
    if not (folder / WEIGHTS).is_file():
        raise ExportError(
            f"the training in {str(folder)!r} was not completed ({result['outcome']}): there is "
            "nothing to export"
        )
    return result


def _card(
    folder: Path,
    settings: TuneSettings,
    result: Mapping[str, Any],
    network: TrainedNetwork,
    facts: Mapping[str, Any],
    validation_images: int,
) -> Card:
    errors, tested = result["test_errors"], result["test_images"]
    return Card(
        dataset=without_path(settings.dataset),
        weights_from=TRAIN,
        training=f"`metaqnn train`, {counted(settings.epochs, 'epoch')}",
        metric=settings.metric,
        validation_accuracy=network.accuracy,
        validation_images=validation_images,
        test_accuracy=None if errors is None else 1 - errors / tested,
        test_images=tested,
        run=folder.resolve().name,
        network=0,
        seed=settings.seed,
        versions=result["versions"],
        **network_facts(network),
        **facts,
    )


def _stored(folder: Path, claimed: Mapping[str, Any]) -> tuple[TuneSettings, Environment]:
    try:
        return TuneSettings(**claimed["settings"]), Environment.stored(claimed["environment"])
    except (LookupError, TypeError, ValueError) as error:
        raise RunFolderError(f"{str(folder / TRAINING)!r} does not say what was trained: {error}") from None
