"""Networks with the weights of their long trainings, one or several together, as candidates for export."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.database.queries import SearchReader
from metaqnn.export.card import FINETUNE, ExportError
from metaqnn.export.check import Evidence
from metaqnn.export.ensemble import Ensemble
from metaqnn.export.exportable import Exportable, card_of, files_of, images_of
from metaqnn.finetune import FinetuningFiles, FinetuningResult
from metaqnn.output import command, counted
from metaqnn.session.run_folder import RunFolder
from state_space import Architecture
from trainers.weights import TrainedNetwork


def finetuned(
    folder: RunFolder, reader: SearchReader, number: int, data_dir: str | None = None
) -> Exportable:
    """A network with the weights of its newest long training; of several seeds, of the first.

    The seed is not chosen by the test images, whose accuracy would then be too high.

    Args:
        folder: the run folder.
        reader: its search.
        number: of the network in its search.
        data_dir: folder of the data set, if it has moved.

    Raises:
        ExportError: it was not finetuned.
        OtherImagesError: the images are not those of the search.
        UnknownNetworkError: there is no such network.
    """
    record, row = reader.record(), reader.network(number)
    files, result = _long_training(folder.path, number)
    network = TrainedNetwork.read(files.weights(number, result.seed))
    assert network.normalisation is not None  # as all files of long trainings
    assert result.test_errors is not None  # it was chosen by that
    dataset, _, _ = images_of(record, data_dir)
    accuracy = 1 - result.test_errors / result.test_images
    epochs = counted(len(result.training_accuracies), "epoch")
    training = f"`metaqnn finetune`, {epochs}, its seed {result.seed}"
    card = card_of(folder, record, row, dataset, network.normalisation, FINETUNE, training)
    card = replace(card, test_accuracy=accuracy, test_images=result.test_images, **_counts(network))
    evidence = Evidence("test", dataset.test_images, dataset.test_labels, accuracy)
    return Exportable(card, network, network.normalisation, evidence, files_of(record, data_dir, dataset))


def ensemble(folder: RunFolder, reader: SearchReader, data_dir: str | None = None) -> Exportable:
    """All networks of the newest recipe by which two or more were trained for long, together.

    As `metaqnn finetune` has it, the mean of their softmax outputs decides [MQ], those of the first seed.

    Args:
        folder: the run folder.
        reader: its search.
        data_dir: folder of the data set, if it has moved.

    Raises:
        ExportError: fewer than two have been finetuned.
        OtherImagesError: the images are not those of the search.
    """
    record = reader.record()
    files, results = _trained_together(folder.path)
    members = {one.network: TrainedNetwork.read(files.weights(one.network, one.seed)) for one in results}
    together = Ensemble(members)
    normalisation = next(iter(members.values())).normalisation
    assert normalisation is not None  # as all files of long trainings
    dataset, _, _ = images_of(record, data_dir)
    shares = np.mean([files.probabilities(one.network, one.seed) for one in results], axis=0)
    accuracy = float((shares.argmax(1) == dataset.test_labels).mean())
    first, counts = reader.network(next(iter(members))), [_counts(member) for member in members.values()]
    epochs = counted(len(results[0].training_accuracies), "epoch")
    training = f"`metaqnn finetune`, {epochs} each, its seed {results[0].seed}"
    card = card_of(folder, record, first, dataset, normalisation, FINETUNE, training)
    card = replace(
        card,
        architecture=together.architecture,
        members={str(number): member.architecture for number, member in members.items()},
        parameters=sum(one["parameters"] for one in counts),
        macs=sum(one["macs"] for one in counts),
        network=0,
        validation_accuracy=None,
        test_accuracy=accuracy,
        test_images=len(dataset.test_labels),
    )
    evidence = Evidence("test", dataset.test_images, dataset.test_labels, accuracy)
    return Exportable(card, together, normalisation, evidence, files_of(record, data_dir, dataset))


def _counts(network: TrainedNetwork) -> dict[str, Any]:
    """Of a network that was trained with other normalisation than in the search."""
    architecture = Architecture.parse(network.architecture)
    place = network.input_shape, network.num_classes
    return {
        "architecture": network.architecture,
        "parameters": architecture.parameters(*place),
        "macs": architecture.macs(*place),
    }


def _long_training(run: Path, number: int) -> tuple[FinetuningFiles, FinetuningResult]:
    """The newest recipe by which a network was trained to the end, and its first seed."""
    failed = None
    for files in FinetuningFiles.newest_first(run):
        failed = failed or files.result(number, 0)
        results = takewhile(bool, (files.result(number, seed) for seed in count()))
        ended = next((result for result in results if result and result.test_errors is not None), None)
        if ended is not None:
            return files, ended
    if failed is not None:
        raise ExportError(
            f"network {number}: its long training failed ({failed.outcome.replace('_', ' ')}) and left no "
            "weights; --network ID exports another one, without --finetuned the weights of the search are "
            "exported"
        )
    raise ExportError(
        f"network {number} has not been finetuned: {command('finetune', run, '--networks', number)} does "
        "that; without --finetuned the weights of the search are exported"
    )


def _trained_together(run: Path) -> tuple[FinetuningFiles, list[FinetuningResult]]:
    """The newest recipe by which at least two networks were trained to the end, with the first seed."""
    for files in FinetuningFiles.newest_first(run):
        ended = [result for result in files.results(seed=0) if result.test_errors is not None]
        if len(ended) > 1:
            return files, ended
    raise ExportError(
        f"an ensemble needs two finetuned networks: {command('finetune', run, '--top', 5)} trains five"
    )
