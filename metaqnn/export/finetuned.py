"""Networks with the weights of their long trainings, one or several together, as candidates for export."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from metaqnn.database.queries import SearchReader
from metaqnn.export.card import FINETUNE, ExportError
from metaqnn.export.check import Evidence
from metaqnn.export.ensemble import Ensemble
from metaqnn.export.exportable import Exportable, card_of, files_of, images_of, network_facts
from metaqnn.finetune import FinetuningFiles, FinetuningResult
from metaqnn.output import command, counted
from metaqnn.session.run_folder import RunFolder
from trainers import ImageDataset
from trainers.weights import TrainedNetwork


def finetuned(
    folder: RunFolder,
    reader: SearchReader,
    number: int,
    data_dir: str | None = None,
    recipe: str | None = None,
) -> Exportable:
    """A network with the weights of its newest long training; if that had several seeds, of the first.

    The seed is not chosen by the test images, whose accuracy would then be too high.

    Args:
        folder: the run folder.
        reader: its search.
        number: of the network in its search.
        data_dir: folder of the data set, if it has moved.
        recipe: name of the folder of the long training; None for the newest.

    Raises:
        ExportError: it was not finetuned, or not by that recipe.
        FinetuningError: what a long training left is damaged, or of another network.
        OtherImagesError: the images are not those of the search.
        UnknownNetworkError: there is no such network.
    """
    record, row = reader.record(), reader.network(number)
    files, result = _long_training(folder.path, row, recipe)
    network = TrainedNetwork.read(files.weights(number, result.seed))
    assert network.normalisation is not None  # all files of long trainings have one
    assert result.test_errors is not None  # only such results are chosen
    dataset, _, _ = images_of(record, data_dir)
    accuracy = 1 - result.test_errors / result.test_images
    training = _training(files, result)
    card = card_of(folder, record, row, dataset, network.normalisation, FINETUNE, training)
    observed = card.validation_accuracy if network.architecture == card.architecture else None
    card = replace(
        card,
        data_fingerprint=files.data() or card.data_fingerprint,
        validation_accuracy=observed,
        test_accuracy=accuracy,
        test_images=result.test_images,
        **network_facts(network),
    )
    changed = _changed(files, result, dataset)
    evidence = Evidence("test", dataset.test_images, dataset.test_labels, accuracy, changed=changed)
    return Exportable(card, network, network.normalisation, evidence, files_of(record, data_dir, dataset))


def ensemble(
    folder: RunFolder,
    reader: SearchReader,
    data_dir: str | None = None,
    recipe: str | None = None,
    networks: Collection[int] | None = None,
) -> Exportable:
    """All networks of the newest recipe by which two or more were trained for long, together.

    As in `metaqnn finetune`, the mean of their softmax outputs decides [MQ]; only the first seed counts.

    Args:
        folder: the run folder.
        reader: its search.
        data_dir: folder of the data set, if it has moved.
        recipe: name of the folder of the long trainings; None for the newest.
        networks: numbers of the members, which one recipe must have; None for all that it has.

    Raises:
        ExportError: fewer than two have been finetuned, or not by that recipe, or with other test images.
        FinetuningError: what a long training left is damaged, or of another network.
        OtherImagesError: the images are not those of the search.
        UnknownNetworkError: there is no network with one of the numbers.
    """
    record = reader.record()
    for number in networks or ():
        reader.network(number)
    files, results = _trained_together(folder.path, recipe, networks)
    architectures = reader.architectures()
    for one in results:
        one.require_of(architectures.get(one.network), files.result_file(one.network, one.seed))
    members = {one.network: TrainedNetwork.read(files.weights(one.network, one.seed)) for one in results}
    together = Ensemble(members)
    normalisation = next(iter(members.values())).normalisation
    assert normalisation is not None  # all files of long trainings have one
    dataset, _, _ = images_of(record, data_dir)
    if changed := _changed(files, results[0], dataset):
        raise ExportError(f"the accuracy of the ensemble is not known: {changed}")
    shares = np.mean([files.probabilities(one.network, one.seed) for one in results], axis=0)
    accuracy = float((shares.argmax(1) == dataset.test_labels).mean())
    first, facts = reader.network(next(iter(members))), [network_facts(one) for one in members.values()]
    training = _training(files, results[0], " each")
    card = card_of(folder, record, first, dataset, normalisation, FINETUNE, training)
    card = replace(
        card,
        data_fingerprint=files.data() or card.data_fingerprint,
        architecture=together.architecture,
        members={str(number): member.architecture for number, member in members.items()},
        parameters=sum(one["parameters"] for one in facts),
        macs=sum(one["macs"] for one in facts),
        network=0,
        validation_accuracy=None,
        test_accuracy=accuracy,
        test_images=len(dataset.test_labels),
    )
    evidence = Evidence("test", dataset.test_images, dataset.test_labels, accuracy)
    return Exportable(card, together, normalisation, evidence, files_of(record, data_dir, dataset))


def _changed(files: FinetuningFiles, result: FinetuningResult, dataset: ImageDataset) -> str:
    """A message if the test images are known to be no longer those of a long training, else empty."""
    then, now = result.test_images, len(dataset.test_labels)
    if then == now and files.test_data() in (None, dataset.test_fingerprint):
        return ""
    how = "as many, but different" if then == now else f"{then} of them, now {now}"
    return (
        f"the test images are no longer those of recipe {files.folder.name} ({how}): restore those, or "
        "repeat its `metaqnn finetune`"
    )


def _training(files: FinetuningFiles, result: FinetuningResult, each: str = "") -> str:
    """Which training it was, in words."""
    epochs = counted(len(result.training_accuracies), "epoch")
    return f"`metaqnn finetune`, {epochs}{each}, recipe {files.folder.name}, its seed {result.seed}"


def _recipes(run: Path, number: int | None, recipe: str | None) -> list[FinetuningFiles]:
    """The recipe asked for, or all of them, newest first. Raises ExportError if it does not exist."""
    found = FinetuningFiles.newest_first(run, number)
    asked = [files for files in found if recipe in (None, files.folder.name)]
    if found and not asked:
        names = ", ".join(files.folder.name for files in found)
        trained = "networks were" if number is None else f"network {number} was"
        raise ExportError(
            f"there is no recipe {recipe!r:.60} by which {trained} finetuned; there are {names}"
        )
    return asked


def _long_training(
    run: Path, row: Mapping[str, Any], recipe: str | None
) -> tuple[FinetuningFiles, FinetuningResult]:
    """The newest recipe by which a network was trained to the end, and its first seed."""
    failed, number, architecture = None, row["number"], row["architecture"]
    for files in _recipes(run, number, recipe):
        failed = failed or files.result(number, 0, architecture)
        results = takewhile(bool, (files.result(number, seed, architecture) for seed in count()))
        ended = next((result for result in results if result and result.test_errors is not None), None)
        if ended is not None:
            return files, ended
    if failed is not None:
        raise ExportError(
            f"the long training of network {number} failed ({failed.outcome.replace('_', ' ')}) and left no "
            "weights; --network ID exports another one, and without --finetuned the weights of the search "
            "are exported"
        )
    raise ExportError(
        f"network {number} has not been finetuned: {command('finetune', run, '--networks', number)} does "
        "that; without --finetuned the weights of the search are exported"
    )


def _trained_together(
    run: Path, recipe: str | None, networks: Collection[int] | None
) -> tuple[FinetuningFiles, list[FinetuningResult]]:
    """The newest recipe by which at least two networks were trained to the end, with the first seed.

    If networks are named, all of them, and only these.
    """
    named = sorted(set(networks or ()))
    needed, recipes = max(2, len(named)), _recipes(run, None, recipe)
    for files in recipes:
        ended = [result for result in files.results(seed=0) if result.test_errors is not None]
        members = [result for result in ended if networks is None or result.network in networks]
        if len(members) >= needed:
            return files, members
    if named:
        raise ExportError(_why_not_together(run, recipes, named))
    raise ExportError(
        f"an ensemble needs two finetuned networks: {command('finetune', run, '--top', 5)} trains five"
    )


def _why_not_together(run: Path, recipes: list[FinetuningFiles], named: list[int]) -> str:
    """The message about named networks that cannot be an ensemble."""
    names = ", ".join(map(str, named))
    if len(named) == 1:
        return f"an ensemble needs two networks: name at least two with --networks, not only {names}"
    if not recipes:
        again = command("finetune", run, "--networks", *named)
        return f"none of networks {names} has been finetuned: {again} does that"
    return (
        f"there is no recipe by which all of networks {names} were finetuned without a failure: "
        f"{', '.join(_lacking(files, named) for files in recipes)}; `metaqnn finetune` with the options of a "
        "recipe and --networks ID... trains those that it lacks"
    )


def _lacking(files: FinetuningFiles, named: list[int]) -> str:
    """Which networks were not trained to the end by a recipe, in words."""
    errors = {result.network: result.test_errors for result in files.results(seed=0)}
    failed = {number for number, of_test in errors.items() if of_test is None}
    lacking = [number for number in named if number in failed or number not in errors]
    listed = (f"{number} (failed)" if number in failed else str(number) for number in lacking)
    return f"{files.folder.name} lacks {' and '.join(listed)}"
