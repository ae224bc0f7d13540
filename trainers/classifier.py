"""The training loop: from an architecture to its learning curve ([MQ], experiment details; [PP])."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from state_space import Architecture
from trainers.datasets import ImageDataset, split_validation
from trainers.device import check_threads, choose_device, choose_precision, processor_settings
from trainers.loader import ImageLoader, Normalisation
from trainers.memory import OutOfMemory, allocation_guard
from trainers.networks import build_network
from trainers.randomness import addressed_draws, addressed_generator
from trainers.recipe import TrainingRecipe
from trainers.results import EpochReport, Outcome, TrainingResult

EpochCallback = Callable[[EpochReport], bool]
"""Called after every epoch; True stops the training."""

_EVALUATION_BATCH = 512


@dataclass(slots=True)
class TrainingState:
    """All that a training in progress consists of; `epoch` counts the epochs trained in this `attempt`.

    What follows is a function of this, the seed, the recipe and the data alone.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    attempt: int
    epoch: int = 0


class ClassifierTrainer:
    """Trains networks on one data set by one recipe.

    Validation images are drawn once from the training images; pixel means and deviations are those of the
    rest. The test images are never looked at.

    Args:
        dataset: the images.
        recipe: how to train.
        validation_size: number of validation images, drawn with unchanged class proportions.
        split_seed: addresses that draw.
        device: "auto", "cuda", "cuda:1", "mps" or "cpu".
        precision: "auto", "float32" or "bfloat16".
        threads: processor threads to train with; None leaves PyTorch's setting.

    Raises:
        DatasetError: no such validation split is possible.
        DeviceError: no such device, precision or number of threads here.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        *,
        recipe: TrainingRecipe,
        validation_size: int,
        split_seed: int = 0,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.recipe = recipe
        self.input_shape = dataset.input_shape
        self.num_classes = dataset.num_classes
        self.device = choose_device(device)
        self.precision = choose_precision(self.device, precision)
        self.threads = check_threads(threads)
        training, validation = split_validation(dataset.train_labels, validation_size, split_seed)
        normalisation = Normalisation.of(dataset.train_images[training])
        self._training, self._validation = (
            ImageLoader(dataset.train_images[part], dataset.train_labels[part], normalisation, self.device)
            for part in (training, validation)
        )

    @property
    def chance(self) -> float:
        """A validation accuracy of at most this counts as no better than chance: chance_factor / classes."""
        return self.recipe.chance_factor / self.num_classes

    def train(
        self, architecture: Architecture, *, seed: int, on_epoch: EpochCallback | None = None
    ) -> TrainingResult:
        """Train from new weights until the recipe ends, the callback stops it, or it fails.

        A network whose first epoch is at chance level, or diverges, starts again at a lower rate; `on_epoch`
        sees those epochs too. On one CPU, with one number of threads, the curve is a function of the
        arguments, to the bit, whatever ran before. Random state outside is left as it was. Running out of
        memory is an outcome; errors of the callback, and KeyboardInterrupt, pass through.

        Args:
            architecture: the network.
            seed: 0 or more; addresses weights, order, augmentation and dropout.
            on_epoch: called after every epoch; returns True to stop.

        Raises:
            ShapeError: the architecture does not fit the images.
        """
        progress = _Progress(self.recipe)
        with processor_settings(self.threads):
            try:
                outcome, message = self._attempts(architecture, seed, progress, on_epoch)
            except OutOfMemory as error:
                outcome, message = Outcome.OUT_OF_MEMORY, f"out of memory: {error}"
        if outcome is Outcome.OUT_OF_MEMORY and self.device.type == "cuda":
            torch.cuda.empty_cache()  # not earlier: the error's traceback kept the network alive
        return progress.result(outcome, message)

    def start(self, architecture: Architecture, *, seed: int, attempt: int = 1) -> TrainingState:
        """A new network on the device, and its optimizer. Raises ShapeError if it does not fit the images."""
        weights = addressed_generator(seed, "weights", attempt)
        network = build_network(architecture, self.input_shape, self.num_classes, weights)
        with allocation_guard():
            network = network.to(self.device).to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(
            network.parameters(),
            lr=self.recipe.initial_rate(attempt),
            betas=(self.recipe.beta1, self.recipe.beta2),
            eps=self.recipe.epsilon,
            fused=True,
        )
        return TrainingState(network, optimizer, attempt)

    def train_epoch(self, state: TrainingState, *, seed: int) -> EpochReport:
        """Train one more epoch, changing `state`, and validate. Raises OutOfMemory."""
        started = perf_counter()
        epoch, attempt = state.epoch + 1, state.attempt
        rate = self.recipe.rate(attempt, epoch)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        with allocation_guard():
            with addressed_draws(self.device, seed, "dropout", attempt, epoch):
                total = self._pass(state, addressed_generator(seed, "batches", attempt, epoch))
            correct = self._correct(state.network)
            loss, accuracy = float(total) / len(self._training), int(correct) / len(self._validation)
        state.epoch = epoch
        return EpochReport(attempt, rate, epoch, accuracy, loss, perf_counter() - started)

    def _attempts(
        self, architecture: Architecture, seed: int, progress: "_Progress", on_epoch: EpochCallback | None
    ) -> tuple[Outcome, str]:
        while True:
            # Not kept in a variable: the network of a failed attempt must be gone before the next is built.
            outcome, message = self._attempt(
                self.start(architecture, seed=seed, attempt=progress.attempt), seed, progress, on_epoch
            )
            if outcome is not Outcome.CHANCE or progress.attempt == self.recipe.attempts:
                return outcome, message
            progress.attempt += 1

    def _attempt(
        self, state: TrainingState, seed: int, progress: "_Progress", on_epoch: EpochCallback | None
    ) -> tuple[Outcome, str]:
        while state.epoch < self.recipe.epochs:
            report = self.train_epoch(state, seed=seed)
            progress.add(report)
            stop = on_epoch is not None and on_epoch(report)
            finite = isfinite(report.loss)
            if not finite and report.epoch > 1:
                return Outcome.DIVERGED, f"training loss {report.loss} in epoch {report.epoch}"
            if stop:
                return Outcome.STOPPED, f"stopped after epoch {report.epoch}"
            if report.epoch == 1 and (not finite or report.accuracy <= self.chance):
                return Outcome.CHANCE, self._chance_message(report)
        return Outcome.COMPLETED, f"trained {state.epoch} epochs"

    def _chance_message(self, report: EpochReport) -> str:
        return (
            f"no better than chance in attempt {report.attempt}: validation accuracy {report.accuracy:.4f} "
            f"after the first epoch is at most {self.chance:.4f}, training loss {report.loss:.4g}"
        )

    def _pass(self, state: TrainingState, generator: torch.Generator) -> Tensor:
        """One pass over the training images; the summed loss, still on the device."""
        state.network.train()
        total = torch.zeros((), device=self.device)
        for images, labels in self._training.shuffled(self.recipe, generator):
            loss = cross_entropy(self._logits(state.network, images), labels)
            loss.backward()
            state.optimizer.step()
            state.optimizer.zero_grad()
            total += loss.detach() * len(labels)
        return total

    @torch.inference_mode()
    def _correct(self, network: nn.Module) -> Tensor:
        """Number of validation images classified correctly, still on the device."""
        network.eval()
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        for images, labels in self._validation.in_order(_EVALUATION_BATCH):
            correct += (self._logits(network, images).argmax(1) == labels).sum()
        return correct

    def _logits(self, network: nn.Module, images: Tensor) -> Tensor:
        reduced = self.precision is not torch.float32
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced):
            logits: Tensor = network(images)
        return logits.float()


@dataclass(slots=True)
class _Progress:
    """What a training has come to so far, over all attempts."""

    recipe: TrainingRecipe
    attempt: int = 1
    curve: list[float] = field(default_factory=list)
    started: float = field(default_factory=perf_counter)

    def add(self, report: EpochReport) -> None:
        if report.epoch == 1:
            self.curve.clear()
        self.curve.append(report.accuracy)

    def result(self, outcome: Outcome, message: str) -> TrainingResult:
        rate = self.recipe.initial_rate(self.attempt)
        seconds = perf_counter() - self.started
        return TrainingResult(outcome, tuple(self.curve), rate, self.attempt, seconds, message)
