"""One network trained by one recipe: its curve, its test error, and its weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch

from metaqnn.config.environment import Environment
from metaqnn.config.options import ConfigError
from metaqnn.config.tuned import read_json
from metaqnn.output import counted
from metaqnn.results.long_trained import ErrorRate
from metaqnn.search.randomness import Purpose, derived_seed
from metaqnn.session.preparation import library_versions
from metaqnn.session.run_folder import TRAINING, RunFolder, RunFolderError
from metaqnn.tune import TuneError
from metaqnn.tune.preparation import PreparedTuning
from predictor.output import csv_text
from trainers import Checkpoint, EpochReport, ImageDataset, Outcome, TrainingResult
from trainers.chance import constant_guess, limit_of_guessing
from trainers.families import Configuration, ImageFamilyTrainer
from trainers.families.architecture import ArchitectureFamily
from trainers.files import write_whole
from trainers.loader import ImageLoader
from trainers.memory import EVALUATION_BATCH
from trainers.metric import ACCURACY, Metric
from trainers.steps import IGNORED, logits
from trainers.weights import TrainedNetwork

RESULT, WEIGHTS, CURVE = "result.json", "network.pt", "curve.csv"


@dataclass(frozen=True)
class SingleTraining:
    """The training of one network in a run folder, which goes on after a kill.

    Args:
        folder: the run folder, which exists and is locked.
        prepared: the network as a family, its images and trainer.
        values: hyper-parameters.
    """

    folder: Path
    prepared: PreparedTuning
    values: dict[str, float]

    def claim(self) -> None:
        """Write what is trained here. Raises RunFolderError if the folder has something else."""
        claimed = {
            "settings": asdict(self.prepared.settings),
            "parameters": self.values,
            "data_fingerprint": self._images.fingerprint,
        }
        RunFolder(self.folder).refuse_other("training")
        file = self.folder / TRAINING
        if file.exists() and not claimed.items() <= (stored := read_json(file)).items():
            raise self._another(stored, claimed)
        if file.exists() and (self.folder / RESULT).exists():
            return  # it stays as it was trained
        place = {"environment": asdict(self.prepared.environment)}
        write_whole(file, json.dumps({**claimed, **place}, indent=2) + "\n")

    def _another(self, stored: Mapping[str, Any], claimed: Mapping[str, Any]) -> RunFolderError:
        """What the folder holds instead of this training."""
        where, settings = str(self.folder), self.prepared.settings
        if [name for name in claimed if stored.get(name) != claimed[name]] == ["data_fingerprint"]:
            then = str(stored.get("data_fingerprint"))
            return RunFolderError(self.prepared.other_data(f"that the training in {where!r}", then))
        known = stored.get("settings")
        network = known.get("family") if isinstance(known, Mapping) else None  # a file may hold anything
        it = f" of {network}; name it, or its --rank, or" if network not in (None, settings.family) else ";"
        return RunFolderError(f"{where!r} holds another training{it} give another --run-dir")

    def run(self, heard: Callable[[EpochReport], bool]) -> dict[str, Any]:
        """Train, or resume the training; returns the result, which is also written."""
        if (self.folder / RESULT).exists():
            return read_json(self.folder / RESULT)
        checkpoint = Checkpoint(self.folder / "training.pt")
        seed = derived_seed(self.prepared.settings.seed, Purpose.TRAINING)
        configuration = Configuration(self.prepared.settings.family, self.values)
        ended = self.prepared.trainer.train(configuration, seed=seed, on_epoch=heard, checkpoint=checkpoint)
        result = self._result(ended)
        if ended.outcome is Outcome.COMPLETED:
            result.update(self._trained(checkpoint))
        write_whole(self.folder / CURVE, self._curve(ended.curve))
        write_whole(self.folder / RESULT, json.dumps(result, indent=2) + "\n")
        checkpoint.discard()
        return result

    @property
    def recipe_text(self) -> str:
        """Its epochs, learning rates and batches, for people."""
        recipe = self.prepared.family.recipe(self.values, self.prepared.settings.epochs)
        rate = f"rate {recipe.learning_rate:.3g}, times {recipe.decay_factor:.3g}"
        often = "each epoch" if recipe.decay_every == 1 else f"every {recipe.decay_every} epochs"
        return f"{counted(recipe.epochs, 'epoch')}, {rate} after {often}, batches of {recipe.batch_size}"

    @property
    def _images(self) -> ImageDataset:
        return cast(ImageDataset, self.prepared.data)

    @property
    def _trainer(self) -> ImageFamilyTrainer:
        return cast(ImageFamilyTrainer, self.prepared.trainer)

    @property
    def _notation(self) -> str:
        """The notation of the network that is trained."""
        return str(cast(ArchitectureFamily, self.prepared.family).network(self.values))

    def _result(self, ended: TrainingResult) -> dict[str, Any]:
        return {
            "architecture": self._notation,
            "outcome": str(ended.outcome),
            "message": ended.message,
            "metric": self._trainer.metric.name,
            "validation_accuracies": list(ended.curve),
            "validation_images": self.prepared.numbers["validation"],
            "guess": constant_guess(self._trainer.metric),
            "guess_limit": limit_of_guessing(self._trainer.metric),
            "seconds": ended.seconds,
            "versions": library_versions(),
        }

    def _trained(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """Keep the weights, and ask the network about the test images."""
        saved = checkpoint.load(None)
        if saved is None or saved.reports[-1].epoch < self.prepared.settings.epochs:
            raise TuneError(
                f"the last epochs could not be saved in {str(self.folder)!r}; make space and try again"
            )
        self._network(saved.reports[-1].accuracy, saved.network).save(self.folder / WEIGHTS)
        labels = self._images.test_labels
        if not len(labels):
            return {"test_errors": None, "test_images": 0}
        guess = constant_guess(Metric.of(ACCURACY, labels, self._trainer.num_classes))
        errors = self._test_errors(saved.network)
        return {"test_errors": errors, "test_images": len(labels), "test_error_of_guess": 1 - guess}

    def _network(self, accuracy: float, weights: dict[str, torch.Tensor]) -> TrainedNetwork:
        trainer = self._trainer
        return TrainedNetwork(
            self._notation, trainer.input_shape, trainer.num_classes, accuracy, weights, trainer.normalisation
        )

    @torch.inference_mode()
    def _test_errors(self, weights: dict[str, torch.Tensor]) -> int:
        """The number of test errors, computed in float32."""
        trainer, images = self._trainer, self._images
        generator = torch.Generator()
        module = self.prepared.family.built(self.values, trainer.input_shape, trainer.num_classes, generator)
        module.load_state_dict(weights)
        module = module.to(trainer.device).to(memory_format=torch.channels_last).eval()
        loader = ImageLoader(images.test_images, images.test_labels, trainer.normalisation, trainer.device)
        with trainer.settings():
            return sum(
                int(((logits(module, batch, torch.float32).argmax(1) != labels) & (labels != IGNORED)).sum())
                for batch, labels in loader.in_order(EVALUATION_BATCH)
            )

    def _curve(self, curve: tuple[float, ...]) -> str:
        """The curve as CSV, in the published format."""
        label = {"base_model": "network", "training_dataset": self.prepared.settings.dataset}
        epochs = {f"acc_{epoch}": accuracy for epoch, accuracy in enumerate(curve, 1)}
        return csv_text([{**label, **self.values, **epochs}])


def precision_so_far(folder: Path) -> str | None:
    """The stored precision of a training that has not ended; None if there is none in the folder.

    Raises:
        ConfigError: there is no object in the file.
        RunFolderError: the stored environment is damaged.
    """
    file = folder / TRAINING
    if not file.exists() or (folder / RESULT).exists():
        return None
    environment = read_json(file).get("environment", {})
    try:
        return Environment.stored(environment).precision
    except ConfigError as error:
        raise RunFolderError(f"{str(file)!r} is damaged: {error}; give another --run-dir") from None


def error_rate(result: dict[str, Any]) -> ErrorRate | None:
    """The test error with its interval, if there is one."""
    if result.get("test_errors") is None:
        return None
    return ErrorRate.of(result["test_errors"], result["test_images"])
