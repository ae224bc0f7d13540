"""The training loop, for any kind of network, data and recipe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from dataclasses import replace
from time import perf_counter
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from trainers.attempts import Course, EpochCallback, TrainingState
from trainers.chance import Chance
from trainers.checkpoint import Checkpoint
from trainers.device import (
    check_threads,
    choose_device,
    choose_precision,
    cuda_settings,
    is_lost,
    precision_name,
    processor_settings,
    told_if_lost,
)
from trainers.memory import OutOfMemory, allocation_guard, give_back
from trainers.randomness import addressed_draws, addressed_generator
from trainers.recipe import Recipe
from trainers.results import EpochReport, Outcome, TrainingResult
from trainers.steps import CudaRecorder, Step, set_rate

Description = Any
"""What a network is built from, an `Architecture` unless a subclass has others; its text identifies it."""


class Data(Protocol):
    """What the training loop asks of a data set."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, height, width) of images; nothing for words."""

    @property
    def num_classes(self) -> int:
        """Number of logits."""


class NetworkTrainer(ABC):
    """Trains networks on some data by some recipe; subclasses say on which, and build, step and measure.

    Args:
        recipe: how to train.
        dataset: what goes into networks and what comes out.
        device, precision, threads, cuda_graphs, deterministic: see `trainers.device.Placement`.

    Raises:
        DeviceError: no such device, precision or number of threads here.
    """

    recipe: Recipe
    chance: Chance
    """Chance for what is measured."""
    _identity: Mapping[str, str]
    """Which data these are, and what is measured, for checkpoints."""

    def __init__(
        self,
        recipe: Recipe,
        dataset: Data,
        *,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        cuda_graphs: bool | None = None,
        deterministic: bool = False,
    ) -> None:
        self.recipe = recipe
        self.input_shape = dataset.input_shape
        self.num_classes = dataset.num_classes
        self.device = choose_device(device)
        self.precision = choose_precision(self.device, precision)
        self.threads = check_threads(threads)
        self._cuda_graphs = cuda_graphs
        self._deterministic = deterministic
        self._recorder = CudaRecorder(self.device)

    @property
    def precision_name(self) -> str:
        """The number format of the activations, as users write it: `bfloat16`."""
        return precision_name(self.precision)

    @property
    def spent(self) -> bool:
        """Whether this process should train no more: a recording has failed, or the device is lost."""
        return self._recorder.failed or is_lost(self.device)

    @contextmanager
    def settings(self) -> Iterator[None]:
        """How PyTorch computes in this block: threads, denormal numbers, float32, cuDNN's kernels, which GPU.

        Autocast around it has no effect inside: it would also round in the backward pass.

        Raises:
            DeviceError: the device has failed in this block and is of no use to this process any more.
        """
        own = torch.autocast(self.device.type, enabled=False)
        with (
            told_if_lost(self.device),
            processor_settings(self.threads),
            cuda_settings(self._deterministic),
            own,
            _current(self.device),
        ):
            yield

    def train(
        self,
        architecture: Description,
        *,
        seed: int,
        on_epoch: EpochCallback | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> TrainingResult:
        """Train from new weights until the recipe ends, the callback stops it, or it fails.

        A network that is no better than chance when that is tested (see `Chance.tested`), or whose first loss
        is not finite, starts again at a lower rate; `on_epoch` hears those epochs, too. One that runs out of
        memory in its first epoch is trained once more, in batches of half the size, as the result's message
        says. With a checkpoint, all epochs that are heard are of batches of one size: after a kill a training
        continues in those it began with, however much memory there is then, or is out of memory.

        On one CPU, with one number of threads, the curve is a function of the arguments, to the bit; on CUDA,
        kernels may add up in any order, unless `deterministic` (whether that suffices for all of them is not
        measured). The state of random generators, and whether PyTorch records gradients, are the same
        afterwards. Errors of the callback and KeyboardInterrupt pass through.

        With a `checkpoint`, epochs are saved to it while training goes on, and a training that finds an
        earlier state of its own there goes on from it. `on_epoch` is called for *every* epoch from the first:
        with the saved reports, which takes no time, then with new ones. So a caller that stores epochs itself
        need not know where the checkpoint stands: for an epoch that it has stored (by attempt and epoch) it
        answers as it did then, and it stores the others. The last epoch of the recipe is saved before it is
        heard: until the checkpoint is discarded, it also holds the trained network. A checkpoint that cannot
        be written costs a warning in the log. One that cannot be used, or is of another architecture, seed,
        recipe, data set or metric, is ignored; device, precision and threads may differ.

        Args:
            architecture: the network.
            seed: 0 or more; addresses weights, order, augmentation and dropout.
            on_epoch: called after every epoch; returns True to stop.
            checkpoint: where to save epochs, and to go on from.

        Raises:
            ShapeError: the architecture does not fit the images.
            DeviceError: the device has failed and is of no use to this process any more.
        """
        if self.recipe.batch_size == 1:
            return self._train(architecture, seed, on_epoch, checkpoint)
        smaller = self._following(replace(self.recipe, batch_size=self.recipe.batch_size // 2))
        whole, half = (one.identity(architecture, seed=seed) for one in (self, smaller))
        begun = _begun(checkpoint, whole, half)
        if begun != half:
            result = self._train(architecture, seed, on_epoch, checkpoint)
            if begun == whole or not _never_fitted(result):
                return result
        result = smaller._train(architecture, seed, on_epoch, checkpoint)
        batches = f"in batches of {smaller.recipe.batch_size}, as {self.recipe.batch_size} did not fit"
        return replace(result, message=f"{result.message}, {batches}")

    def _train(
        self,
        architecture: Description,
        seed: int,
        on_epoch: EpochCallback | None,
        checkpoint: Checkpoint | None,
    ) -> TrainingResult:
        """Train by this recipe, in batches of its size."""
        course = Course(
            self.recipe,
            self.chance,
            start=lambda attempt: self.start(architecture, seed=seed, attempt=attempt),
            train_epoch=lambda state: self.train_epoch(state, seed=seed),
            on_epoch=on_epoch,
            checkpoint=checkpoint,
            identity=self.identity(architecture, seed=seed),
        )
        try:
            # An interrupt inside of an optimizer's step leaves PyTorch without gradients.
            with self.settings(), torch.enable_grad():
                return course.run()
        finally:
            give_back(self.device)  # not earlier: until then something kept the network alive

    def launching(self) -> Self:
        """The same trainer, images included, that launches every step and records none as a CUDA graph."""
        other = copy(self)
        other._cuda_graphs = False
        return other

    def _following(self, recipe: Recipe) -> Self:
        """The same trainer, images included, with another recipe."""
        other = copy(self)
        other.recipe = recipe
        return other

    def identity(self, architecture: Description, *, seed: int) -> dict[str, str]:
        """What identifies this training in its checkpoint, as `Checkpoint.load` compares it."""
        training = {"architecture": str(architecture), "seed": str(seed), "recipe": repr(self.recipe)}
        return {**training, **self._identity}

    def start(self, architecture: Description, *, seed: int, attempt: int = 1) -> TrainingState:
        """A new network on the device, and its optimizer.

        Raises OutOfMemory, or ShapeError if the architecture does not fit the images.
        """
        weights = addressed_generator(seed, "weights", attempt)
        with allocation_guard(self.device):
            network = self._build(architecture, weights)
            network = network.to(self.device).to(memory_format=torch.channels_last)
            optimizer = self._optimizer(network, self._learning_rate(self.recipe.initial_rate(attempt)))
            step = self._step(architecture, network, optimizer)
        return TrainingState(network, optimizer, step, attempt)

    def train_epoch(self, state: TrainingState, *, seed: int) -> EpochReport:
        """Train one more epoch, changing `state`, and measure. Raises OutOfMemory."""
        started = perf_counter()
        epoch, attempt = state.epoch + 1, state.attempt
        rate = float(self.recipe.rate(attempt, epoch))  # a recipe may be of whole numbers
        set_rate(state.optimizer, rate)
        with allocation_guard(self.device):
            with addressed_draws(self.device, seed, "dropout", attempt, epoch):
                total = self._pass(state, addressed_generator(seed, "batches", attempt, epoch))
            loss, accuracy = self._measured(state.network, total)
        state.epoch = epoch
        return EpochReport(attempt, rate, epoch, accuracy, loss, perf_counter() - started)

    @abstractmethod
    def _build(self, architecture: Description, generator: torch.Generator) -> nn.Module:
        """The network on the CPU, its weights drawn from the generator. Raises ShapeError."""

    @abstractmethod
    def _optimizer(self, network: nn.Module, rate: float | Tensor) -> torch.optim.Optimizer:
        """The recipe's optimizer; on CUDA its steps can be recorded."""

    @abstractmethod
    def _step(self, architecture: Description, network: nn.Module, optimizer: torch.optim.Optimizer) -> Step:
        """What trains on a batch."""

    @abstractmethod
    def _batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the training data, batch by batch."""

    @abstractmethod
    def _measured(self, network: nn.Module, total: Tensor) -> tuple[float, float]:
        """The mean of the summed training loss `total`, and the accuracy of the network as it is now."""

    def _pass(self, state: TrainingState, generator: torch.Generator) -> Tensor:
        """Train on all batches once; the summed loss, still on the device."""
        state.network.train()
        total = torch.zeros((), device=self.device)
        for inputs, targets in self._batches(generator):
            total += state.step(inputs, targets)
        return total

    def _learning_rate(self, rate: float) -> float | Tensor:
        """The rate as the optimizer takes it: on CUDA a tensor, which a recorded step reads where it is.

        Launched steps have one, too: arithmetic with a tensor rounds differently than with a number. It holds
        fractions even if the recipe is of whole numbers.
        """
        return torch.tensor(float(rate), device=self.device) if self.device.type == "cuda" else rate


def _current(device: torch.device) -> AbstractContextManager[object]:
    """Make a GPU the current one: PyTorch returns to the current one's stream, and so takes memory there."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def _never_fitted(result: TrainingResult) -> bool:
    """Whether memory did not suffice for the first epoch, so that nobody has heard of any."""
    return result.outcome is Outcome.OUT_OF_MEMORY and result.attempt == 1 and not result.curve


def _begun(
    checkpoint: Checkpoint | None, whole: Mapping[str, str], half: Mapping[str, str]
) -> Mapping[str, str] | None:
    """Which of two trainings a checkpoint is of; `whole` if there is too little memory to tell."""
    try:
        return next((one for one in (half, whole) if checkpoint and checkpoint.is_of(one)), None)
    except OutOfMemory:
        return whole
