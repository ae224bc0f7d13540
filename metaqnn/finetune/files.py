"""The files of long trainings, in a folder of their own for each recipe and data set."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch

from metaqnn.results.long_trained import FinetuningError, FinetuningResult
from metaqnn.session.run_folder import RunFolder
from predictor.files import small_json
from trainers import Checkpoint
from trainers.checkpoint import UnusableFile, read_content, write_content
from trainers.files import write_whole
from trainers.finetuning import FinetuningTrainer
from trainers.metric import ACCURACY
from trainers.weights import TrainedNetwork

_FORMAT = 1


class FinetuningFiles:
    """Where the long trainings by one recipe, on one set of images, keep their results.

    A result is the last of a training's files to be written: where there is one, the others are there.

    Args:
        folder: `RUN/finetune/EPOCHS-epochs-DIGEST`, see `of`.
        checkpoint_every: shortest time between two saves of a network in training, in seconds.
    """

    def __init__(self, folder: Path, checkpoint_every: float = 0.0) -> None:
        self.folder = folder
        self._checkpoint_every = checkpoint_every

    @classmethod
    def of(cls, run: RunFolder, trainer: FinetuningTrainer, data: str, checkpoint_every: float = 0.0) -> Self:
        """The files of a trainer; another recipe or other images (`data`, a fingerprint) have another folder.

        Raises:
            FinetuningError: the folder cannot be written.
            RunFolderError: another process trains there.
        """
        settings = {
            "recipe": asdict(trainer.recipe),
            "normalisation": trainer.normalisation.kind,
            "data": data,
            **({} if trainer.metric.name == ACCURACY else {"metric": trainer.metric.name}),
        }
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        folder = run.path / "finetune" / f"{trainer.recipe.epochs}-epochs-{digest[:8]}"
        files = cls(folder, checkpoint_every)
        with disk_explained(files.folder):
            (files.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            with RunFolder(files.folder).lock():
                if not (files.folder / "settings.json").exists():
                    settings["test_data"] = trainer.test_fingerprint  # after the digest, which has "data"
                    write_whole(files.folder / "settings.json", json.dumps(settings, indent=2) + "\n")
        return files

    @classmethod
    def newest_first(cls, run: Path, number: int | None) -> list[Self]:
        """The files of every recipe by which networks of a run, or the one with that number, were trained.

        The recipe whose training ended last comes first.
        """
        ended: dict[Path, tuple[float, float]] = {}
        for path in run.glob(f"finetune/*/network-{'*' if number is None else number}-seed-*.json"):
            ended[path.parent] = max(_ended(path), ended.get(path.parent, (0.0, 0.0)))
        return [cls(folder) for folder in sorted(ended, key=lambda folder: ended[folder], reverse=True)]

    def checkpoint(self, number: int, seed: int) -> Checkpoint:
        """Where a network in training is saved."""
        path = self.folder / "checkpoints" / f"{_name(number, seed)}.pt"
        return Checkpoint(path, self._checkpoint_every)

    def weights(self, number: int, seed: int) -> Path:
        """Where the trained network is kept, a `TrainedNetwork`."""
        return self.folder / f"{_name(number, seed)}.pt"

    def result(self, number: int, seed: int, architecture: str | None = None) -> FinetuningResult | None:
        """How a training ended; None if it has not.

        Args:
            number: of the network.
            seed: which of its trainings, from 0.
            architecture: of the network with that number; None not to compare it.

        Raises:
            FinetuningError: the file is damaged, or of another network.
        """
        path = self.result_file(number, seed)
        if not path.exists():
            return None
        result = FinetuningResult.read(path)
        if architecture is not None:
            result.require_of(architecture, path)
        return result

    def results(self, seed: int) -> list[FinetuningResult]:
        """How all trainings with that seed ended, in the order of the networks. Raises as `result`."""
        names = (
            re.fullmatch(rf"network-(\d{{1,9}})-seed-{seed}", file.stem)
            for file in self.folder.glob("*.json")
        )
        found = (self.result(number, seed) for number in sorted(int(name[1]) for name in names if name))
        return [result for result in found if result is not None]

    def test_data(self) -> str | None:
        """The fingerprint of the test images; None where an earlier version began, or the file is damaged."""
        return self._fingerprint("test_data")

    def data(self) -> str | None:
        """The fingerprint of all images, which may be more than the search had; None as `test_data`."""
        return self._fingerprint("data")

    def _fingerprint(self, name: str) -> str | None:
        try:
            stored = small_json(self.folder / "settings.json")[name]
        except (OSError, LookupError, TypeError, ValueError):
            return None
        return stored if isinstance(stored, str) else None

    def probabilities(self, number: int, seed: int) -> np.ndarray:
        """Softmax outputs of the trained network for the test images, float32 (images, classes).

        Raises:
            FinetuningError: the file is missing or damaged.
        """
        path = self._probabilities(number, seed)
        try:
            content = read_content(path, _FORMAT)
        except (OSError, UnusableFile) as error:
            raise FinetuningError(
                f"{str(path)!r} holds no softmax outputs: {error}; "
                f"remove {self.result_file(number, seed).name} beside it, and the network is trained again"
            ) from None
        return cast(np.ndarray, content["probabilities"].numpy())

    def store(
        self, result: FinetuningResult, network: TrainedNetwork | None, probabilities: np.ndarray | None
    ) -> None:
        """Keep a training that has ended; a failed one has no network.

        Raises:
            FinetuningError: the disk is full or the folder cannot be written.
        """
        number, seed = result.network, result.seed
        with disk_explained(self.folder):
            if network is not None and probabilities is not None:
                network.save(self.weights(number, seed))
                content = {"format": _FORMAT, "probabilities": torch.from_numpy(probabilities)}
                write_content(content, self._probabilities(number, seed))
            write_whole(self.result_file(number, seed), json.dumps(asdict(result), indent=2) + "\n")

    def result_file(self, number: int, seed: int) -> Path:
        """Where it is written how a training ended."""
        return self.folder / f"{_name(number, seed)}.json"

    def _probabilities(self, number: int, seed: int) -> Path:
        return self.folder / f"{_name(number, seed)}-test.pt"


def _ended(path: Path) -> tuple[float, float]:
    """When a training ended, to compare: earlier versions stored no time, so the file's own time decides."""
    try:
        stored = FinetuningResult.read(path).ended_at
    except FinetuningError:
        stored = None
    return stored or 0.0, path.stat().st_mtime


@contextmanager
def disk_explained(folder: Path) -> Iterator[None]:
    """Turn a full disk or an unwritable folder into one clear line."""
    try:
        yield
    except OSError as error:
        raise FinetuningError(
            f"cannot write to {str(folder)!r}: {error.strerror}; mend that and repeat the command: what is "
            "stored is kept"
        ) from None


def _name(number: int, seed: int) -> str:
    return f"network-{number}-seed-{seed}"
