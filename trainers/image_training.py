"""Training on images: their batches, a loss that fits the metric, and the metric on the watched images."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainers.chance import Chance
from trainers.loader import ImageLoader
from trainers.memory import EVALUATION_BATCH
from trainers.metric import ACCURACY, Metric, class_weights
from trainers.networks import build_network
from trainers.normalisation import Normalisation
from trainers.optimizers import Adam
from trainers.steps import LAUNCH_BOUND, GraphedStep, Step, eager_step, logits
from trainers.training import Description, NetworkTrainer


class ImageTrainer(NetworkTrainer):
    """Trains networks to classify images; subclasses choose the images and the optimizer."""

    input_shape: tuple[int, int, int]
    normalisation: Normalisation
    """That of all images that its networks see."""
    metric: Metric
    """What is measured on the watched images: the `accuracy` of every report."""
    _training: ImageLoader
    """What is trained on."""
    _watched: ImageLoader
    """What the metric is measured on after every epoch."""
    _class_weights: Tensor | None = None
    """What the loss of an image of each class is multiplied by; None for 1."""

    def _loader(self, images: np.ndarray, labels: np.ndarray) -> ImageLoader:
        return ImageLoader(images, labels, self.normalisation, self.device)

    def _measure(self, metric: str, trained: np.ndarray, watched: np.ndarray) -> None:
        """Measure a metric on the watched images, train for it, and test for chance there.

        Args:
            metric: its name.
            trained: labels of the images that are trained on, (n,).
            watched: labels of those that are watched, (n,).
        """
        if metric != ACCURACY:  # which checkpoints do not name: it was the only one
            self._identity = {**self._identity, "metric": metric}
        weights = class_weights(metric, trained, self.num_classes)
        self._class_weights = None if weights is None else torch.from_numpy(weights)
        self.metric = Metric.of(metric, watched, self.num_classes)
        self.chance = Chance.tested(
            watched,
            self.num_classes,
            self.recipe.chance_factor,
            metric,
            steps=ceil(len(trained) / self.recipe.batch_size),
            epochs=self.recipe.epochs,
        )

    def _build(self, architecture: Description, generator: torch.Generator) -> nn.Module:
        return build_network(architecture, self.input_shape, self.num_classes, generator)

    def _adam(self, parameters: Any, rate: float | Tensor, **options: Any) -> torch.optim.Optimizer:
        """Adam in one kernel; on CUDA its steps can be recorded."""
        capturable = self.device.type == "cuda"
        return Adam(parameters, lr=rate, fused=True, capturable=capturable, **options)

    def _step(self, architecture: Description, network: nn.Module, optimizer: torch.optim.Optimizer) -> Step:
        weights = None if self._class_weights is None else self._class_weights.to(self.device)
        step = eager_step(network, optimizer, self.precision, weights)
        return GraphedStep(step, self._recorder) if self._graphed(architecture) else step

    def _graphed(self, architecture: Description) -> bool:
        """Whether steps are recorded; unless told, they are if launching them is the bottleneck."""
        if self.device.type != "cuda" or self._recorder.failed:
            return False
        if self._cuda_graphs is not None:
            return self._cuda_graphs
        macs = architecture.macs(self.input_shape, self.num_classes) * self.recipe.batch_size
        return macs < LAUNCH_BOUND

    def _batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        return self._training.shuffled(self.recipe, generator)

    def _measured(self, network: nn.Module, total: Tensor) -> tuple[float, float]:
        return float(total) / len(self._training), self.metric.value(self._hits(network).tolist())

    @torch.inference_mode()
    def _hits(self, network: nn.Module) -> Tensor:
        """Number of watched images of each class that are classified correctly, still on the device."""
        network.eval()
        hits = torch.zeros(self.num_classes, dtype=torch.int64, device=self.device)
        for images, labels in self._watched.in_order(EVALUATION_BATCH):
            found = logits(network, images, self.precision).argmax(1)
            hits.index_add_(0, found, (found == labels).long())
        return hits
