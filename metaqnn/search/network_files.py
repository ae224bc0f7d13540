"""Files of networks in a run folder: checkpoints of those in training, weights of the best trained ones."""

from __future__ import annotations

import logging
import re
from bisect import insort
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from metaqnn.output import command
from trainers import Checkpoint
from trainers.checkpoint import SavedTraining
from trainers.files import not_written
from trainers.memory import OutOfMemory, allocation_guard
from trainers.weights import TrainedNetwork

_LOG = logging.getLogger(__name__)
CHECKPOINTS, WEIGHTS = "checkpoints", "weights"
"""The folders in a run folder."""
MOST_NAMED = 5
"""At most this many networks are named whose weights are missing."""

_NAME = re.compile(r"network-(\d{1,9})\.pt(\.tmp)?")


class FolderGoneError(ValueError):
    """The run folder of a running search was removed or moved."""


@dataclass(frozen=True)
class Finalist:
    """A network that was trained to the end."""

    number: int
    architecture: str
    parameters: int
    accuracy: float
    """y_T."""

    @property
    def rank(self) -> tuple[float, int, int]:
        """A key that sorts the best first, as `metaqnn top` does."""
        return -self.accuracy, self.parameters, self.number


class NetworkFiles:
    """Keeps in a run folder what is needed of each network, and no more.

    A network in training has a checkpoint. Once the database holds its result, the checkpoint is replaced by
    the weights if the network is one of the best `keep` completed ones, and removed otherwise. `tidy` repairs
    what a kill in between leaves. On a full disk, there is a warning, and the checkpoint stays until `tidy`.

    Args:
        folder: the run folder, which exists.
        keep: K, how many networks' weights are kept.
        checkpoint_every: seconds that a network trains on before it is saved again.
        epochs: T, epochs of a full training.
        input_shape: (channels, height, width) of the images.
        num_classes: number of classes.
    """

    def __init__(
        self,
        folder: Path,
        keep: int,
        *,
        epochs: int,
        input_shape: tuple[int, int, int],
        num_classes: int,
        checkpoint_every: float = 0.0,
    ) -> None:
        self._folder = folder
        self._checkpoints, self._weights = folder / CHECKPOINTS, folder / WEIGHTS
        self._keep = keep
        self._checkpoint_every = checkpoint_every
        self._epochs = epochs
        self._input_shape = input_shape
        self._num_classes = num_classes
        self._best: list[Finalist] = []

    def require_folder(self) -> None:
        """Raise FolderGoneError if the folder was removed or moved: there is nowhere to write to."""
        if not self._folder.is_dir():
            raise FolderGoneError(
                f"run folder {str(self._folder)!r} was removed or moved under the search; if it was moved, "
                "resume with: metaqnn run --resume ITS-NEW-PLACE"
            )

    def checkpoint(self, number: int) -> Checkpoint:
        """Where a network in training is saved."""
        return Checkpoint(checkpoint_file(self._folder, number), self._checkpoint_every)

    def weights(self, number: int) -> Path:
        """Where the weights of a trained network are kept, if they are."""
        return weights_file(self._folder, number)

    def ended(self, number: int, finalists: list[Finalist]) -> None:
        """A network's result is stored; `finalists` holds it if it was trained to the end."""
        for other in self._rank(finalists):
            self._remove(other.number)
        kept = next((finalist for finalist in self._best if finalist.number == number), None)
        if kept is None:
            self._remove(number)
        else:
            self._settle(kept)

    def tidy(self, in_training: Collection[int], finalists: Iterable[Finalist]) -> None:
        """Put the folder in order after a kill at any moment, or for another `keep`.

        Weights of networks that ended while fewer were kept are lost.
        """
        self._checkpoints.mkdir(exist_ok=True)
        self._weights.mkdir(exist_ok=True)
        self._rank(finalists)
        best = {finalist.number: finalist for finalist in self._best}
        _remove_others(self._checkpoints, {*in_training, *best})
        _remove_others(self._weights, best)
        there = {finalist.number: self._settle(finalist) for finalist in self._best}
        self._tell_missing([number for number in there if not there[number]])

    def _tell_missing(self, missing: list[int]) -> None:
        if missing:
            named = missing[:MOST_NAMED]
            _LOG.warning(
                "weights of network%s %s, among the best %d, are not in %r: removed or not kept while "
                "--keep-weights was lower, lost, or in another copy of this folder; to train %s anew: %s",
                "s" if missing[1:] else "",
                ", ".join(map(str, named)) + (", ..." if missing[MOST_NAMED:] else ""),
                self._keep,
                str(self._weights),
                "these" if missing[1:] else "it",
                command("finetune", self._folder, "--networks", *named),
            )

    def _rank(self, finalists: Iterable[Finalist]) -> list[Finalist]:
        """Take in networks. Returns those that are not among the best any more."""
        for finalist in finalists:
            insort(self._best, finalist, key=lambda known: known.rank)
        self._best, others = self._best[: self._keep], self._best[self._keep :]
        return others

    def _settle(self, finalist: Finalist) -> bool:
        """Replace the checkpoint of a trained network, if there still is one, by its weights.

        Returns whether there are weights, or a checkpoint that has to wait for space or memory. One that
        cannot be read is neither, and stays.
        """
        checkpoint, file = self.checkpoint(finalist.number), self.weights(finalist.number)
        try:
            with allocation_guard():
                saved = checkpoint.load(None)
                kept = saved is not None and self._keep_last(finalist, saved, file)
        except (OSError, OutOfMemory) as error:
            _LOG.warning(
                "weights of network %d are not kept for now: %s; once that is changed, %s saves them",
                finalist.number,
                not_written(file, error) if isinstance(error, OSError) else f"out of memory: {error}",
                command("run", "--resume", self._folder),
            )
            return True
        cut_off = not kept and (saved is not None or checkpoint.only_begun())
        if cut_off:
            _LOG.warning("weights of network %d are not kept: its last epoch was not saved", finalist.number)
        if kept or cut_off:
            checkpoint.discard()
        return file.exists()

    def _keep_last(self, finalist: Finalist, saved: SavedTraining, file: Path) -> bool:
        """Write the weights of the last epoch; False if an earlier one was saved."""
        last = saved.reports[-1]
        if last.epoch < self._epochs:
            return False
        TrainedNetwork(
            finalist.architecture, self._input_shape, self._num_classes, last.accuracy, saved.network
        ).save(file)
        return True

    def _remove(self, number: int) -> None:
        self.checkpoint(number).discard()
        self.weights(number).unlink(missing_ok=True)


def checkpoint_file(run: Path, number: int) -> Path:
    """Where a run folder keeps a network in training, and a trained one until its weights are kept."""
    return run / CHECKPOINTS / f"network-{number}.pt"


def weights_file(run: Path, number: int) -> Path:
    """Where a run folder keeps the weights of a trained network, if it does."""
    return run / WEIGHTS / f"network-{number}.pt"


def kept_weights(run: Path) -> list[int]:
    """Numbers of the networks whose weights a run folder keeps, sorted."""
    names = (_NAME.fullmatch(file.name) for file in (run / WEIGHTS).glob("*.pt"))
    return sorted(int(name[1]) for name in names if name is not None)


def _remove_others(folder: Path, numbers: Collection[int]) -> None:
    """Remove the files of all other networks, and what interrupted writes have left."""
    for file in folder.iterdir():
        name = _NAME.fullmatch(file.name)
        if name is not None and (name[2] or int(name[1]) not in numbers):
            file.unlink()
