"""A trained network in a run folder, with everything that an export needs to describe and check it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from metaqnn.config.environment import Environment
from metaqnn.database import SearchRecord
from metaqnn.database.queries import SearchReader
from metaqnn.export.card import LEVELS, SEARCH, Card, ExportError, without_path
from metaqnn.export.check import Evidence
from metaqnn.export.ensemble import Ensemble
from metaqnn.export.image_files import ImageFiles
from metaqnn.output import command, counted
from metaqnn.results.accuracy import guess_text
from metaqnn.search.network_files import checkpoint_file, kept_weights, weights_file
from metaqnn.session.images import load_images, split
from metaqnn.session.preparation import require_same_images
from metaqnn.session.run_folder import RunFolder
from state_space import Architecture
from trainers import Checkpoint, ImageDataset
from trainers.chance import constant_guess, limit_of_guessing
from trainers.datasets import Part
from trainers.normalisation import Normalisation
from trainers.weights import TrainedNetwork


@dataclass(frozen=True)
class Exportable:
    """A network that may be exported.

    Attributes:
        card: what is known about it.
        network: its weights.
        normalisation: what is done to pixels before it sees them.
        evidence: the images on which its accuracy was observed.
        files: of the data set, if it has any.
    """

    card: Card
    network: TrainedNetwork | Ensemble
    normalisation: Normalisation
    evidence: Evidence
    files: ImageFiles | None = None

    @property
    def guess_text(self) -> str:
        """What a constant guess reaches on the images of the evidence; warns if the network is hardly better.

        A network trained for balanced accuracy may do worse where all images count alike: no warning then.
        """
        metric, found = self.evidence.measured, self.evidence.accuracy
        limit = limit_of_guessing(metric) if self.card.metric == metric.name else None
        return guess_text(
            constant_guess(metric), limit, found, who=f"{self.card.title} is NOT clearly better"
        )


def ranked(reader: SearchReader, rank: int) -> int:
    """The number of the network that is at that place in `metaqnn top`.

    Raises:
        ExportError: fewer networks were trained to the end.
    """
    found = reader.top(rank)
    if len(found) < rank:
        ended = counted(len(found), "network")
        raise ExportError(f"--rank is {rank}, but the search has trained {ended} to the end so far")
    number: int = found[-1]["number"]
    return number


def searched(folder: RunFolder, reader: SearchReader, number: int, data_dir: str | None = None) -> Exportable:
    """A network with the weights that its search has kept.

    Args:
        folder: the run folder.
        reader: its search.
        number: of the network in its search.
        data_dir: folder of the data set, if it has moved.

    Raises:
        ExportError: its weights are not there, or are those of another network.
        OtherImagesError: the images are not those of the search.
        UnknownNetworkError: there is no such network.
    """
    record, row = reader.record(), reader.network(number)
    file = _weights_file(folder.path, row)
    network = TrainedNetwork.read(file)
    if network.architecture != row["architecture"]:
        raise ExportError(
            f"{str(file)!r} holds the weights of {network.architecture}, but network {number} is "
            f"{row['architecture']}; train it again: {command('finetune', folder.path, '--networks', number)}"
        )
    dataset, (training, _), (images, labels) = images_of(record, data_dir)
    normalisation = network.normalisation or Normalisation.of(training)
    told = f"of the search, {counted(row['epochs'], 'epoch')}"
    card = card_of(folder, record, row, dataset, normalisation, SEARCH, told)
    evidence = Evidence("validation", images, labels, row["final_accuracy"], record.config.metric)
    files = files_of(record, data_dir, dataset)
    return Exportable(card, network, normalisation, evidence, files)


def card_of(
    folder: RunFolder,
    record: SearchRecord,
    row: Mapping[str, Any],
    dataset: ImageDataset,
    normalisation: Normalisation,
    weights_from: str,
    training: str,
) -> Card:
    """What the database and the data set know about a network."""
    config = record.config
    return Card(
        dataset=without_path(config.dataset),
        architecture=row["architecture"],
        parameters=row["parameters"],
        macs=row["macs"],
        weights_from=weights_from,
        training=training,
        metric=config.metric,
        validation_accuracy=row["final_accuracy"],
        validation_images=config.validation_size or 0,
        run=folder.path.resolve().name,
        network=row["number"],
        seed=config.seed,
        versions=record.versions,
        **input_facts(dataset, normalisation),
    )


def input_facts(dataset: ImageDataset, normalisation: Normalisation) -> dict[str, Any]:
    """What every card says about the images, how they become a network's input, and who wrote the export."""
    return {
        "data_fingerprint": dataset.fingerprint,
        "classes": dataset.class_names,
        "input_shape": dataset.input_shape,
        "levels": dataset.levels,
        "normalisation": normalisation.kind,
        "mean": _in_unit(normalisation.mean),
        "std": _in_unit(normalisation.std),
        "exported_with": {name: version(name) for name in ("metaqnn", "torch")},
    }


def network_facts(network: TrainedNetwork) -> dict[str, Any]:
    """What a card says about a network as it was trained: its normalisation may differ from the search's."""
    architecture, place = Architecture.parse(network.architecture), (network.input_shape, network.num_classes)
    return {
        "architecture": network.architecture,
        "parameters": architecture.parameters(*place),
        "macs": architecture.macs(*place),
    }


def _weights_file(run: Path, row: Mapping[str, Any]) -> Path:
    """The file with the weights of a network. Raises ExportError, saying what to do, if there is none."""
    number, outcome = row["number"], row["outcome"]
    file = weights_file(run, number)
    if outcome != "completed":
        reason = f"network {number} was not trained to the end ({outcome or 'its training has not ended'})"
    elif file.is_file():
        return file
    elif _waits(run, row):
        again = command("run", "--resume", run)
        raise ExportError(f"the weights of network {number} are still in its checkpoint; {again} saves them")
    else:
        reason = f"the weights of network {number} were not kept"
    kept = kept_weights(run)
    here = f"there are weights of {', '.join(map(str, kept))}" if kept else "no weights are kept"
    raise ExportError(
        f"{reason}; {here} (run --keep-weights K keeps more); or train it again: "
        f"{command('finetune', run, '--networks', number)}, then export it with --finetuned"
    )


def _waits(run: Path, row: Mapping[str, Any]) -> bool:
    """Whether a checkpoint can be read that holds a network after its last epoch."""
    saved = Checkpoint(checkpoint_file(run, row["number"])).load(None)
    return saved is not None and saved.reports[-1].epoch >= (row["epochs"] or 0)


def images_of(record: SearchRecord, data_dir: str | None) -> tuple[ImageDataset, Part, Part]:
    """The data set of a search, with its training and its validation images and their labels.

    Raises:
        OtherImagesError: the images are not those of the search.
    """
    dataset = load_images(record.config, _environment(record, data_dir))
    require_same_images(record, dataset)
    return dataset, *split(record.config, dataset)


def files_of(record: SearchRecord, data_dir: str | None, dataset: ImageDataset) -> ImageFiles:
    """The files that the data set of a search was read from."""
    config, environment = record.config, _environment(record, data_dir)
    return ImageFiles(config.dataset, environment.data_dir, dataset, config.image_size, config.max_pixels)


def _environment(record: SearchRecord, data_dir: str | None) -> Environment:
    return Environment.stored(record.environment).but(data_dir=data_dir)


def _in_unit(levels: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Numbers in units of 0..255 for pixels in [0, 1], with the 9 digits that a float32 has."""
    return None if levels is None else tuple(float(f"{level / LEVELS:.9g}") for level in levels)
