"""Long training on the whole training set, and the answers of a trained network to the test images."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import torch
from torch import Tensor, nn

from trainers.datasets import DatasetError, ImageDataset
from trainers.datasets.split import stratified_subset
from trainers.device import Placement
from trainers.finetuning.recipe import FinetuningRecipe
from trainers.image_training import ImageTrainer
from trainers.memory import EVALUATION_BATCH
from trainers.metric import ACCURACY
from trainers.normalisation import Normalisation
from trainers.optimizers import SGD
from trainers.steps import logits
from trainers.weights import TrainedNetwork

WATCHED = 5000
"""Training images on which the accuracy after every epoch is measured, unless there are more classes."""


class FinetuningTrainer(ImageTrainer):
    """Trains networks on all training images of a data set, and then asks them about its test images.

    No image is held out, so the accuracy after every epoch is that on a sample of the training images as
    they are, without augmentation. It decides about restarts and nothing else. The test images have no part
    in the training: only `test_probabilities` looks at them. Images are normalised by their global contrast.

    Args:
        dataset: the images, test images among them.
        recipe: how to train.
        metric: what the search measured: for "balanced-accuracy" every class counts as much as another in the
            training loss, and in the accuracy after every epoch.
        placed: `device`, `precision` of training, `threads` and others, see `trainers.device.Placement`.

    Raises:
        DatasetError: there are no test images.
        DeviceError: no such device, precision or number of threads here.
    """

    recipe: FinetuningRecipe

    def __init__(
        self,
        dataset: ImageDataset,
        *,
        recipe: FinetuningRecipe,
        metric: str = ACCURACY,
        **placed: Unpack[Placement],
    ) -> None:
        if not len(dataset.test_images):
            raise DatasetError(
                f"data set {dataset.name!r} has no test images to measure the test error on; a folder needs "
                "test/CLASS/ beside train/CLASS/, an .npz file x_test and y_test"
            )
        super().__init__(recipe, dataset, **placed)
        self.normalisation = Normalisation.global_contrast()
        self.test_labels, self.test_fingerprint = dataset.test_labels, dataset.test_fingerprint
        self._identity = {"data": dataset.fingerprint, "normalisation": self.normalisation.kind}
        watched = stratified_subset(dataset.train_labels, max(WATCHED, dataset.num_classes), seed=0)
        images, labels = dataset.train_images, dataset.train_labels
        self._measure(metric, labels, labels[watched])
        self._training = self._loader(images, labels)
        self._watched = self._loader(images[watched], labels[watched])
        self._test = self._loader(dataset.test_images, dataset.test_labels)

    @torch.inference_mode()
    def test_probabilities(self, network: TrainedNetwork) -> np.ndarray:
        """Softmax outputs for the test images, in their order: float32, (images, classes).

        Computed in float32, not TF32 either, whatever the precision of training. Raises DeviceError as
        `settings`.
        """
        with self.settings():
            module = network.build().to(self.device).to(memory_format=torch.channels_last).eval()
            batches = (
                logits(module, images, torch.float32) for images, _ in self._test.in_order(EVALUATION_BATCH)
            )
            outputs = torch.cat([batch.softmax(1).cpu() for batch in batches])
            return outputs[: len(self.test_labels)].numpy()  # without what filled the last batch up

    def _optimizer(self, network: nn.Module, rate: float | Tensor) -> torch.optim.Optimizer:
        decay = self.recipe.weight_decay
        if self.recipe.optimizer == "adam":
            return self._adam(network.parameters(), rate, weight_decay=decay)
        return SGD(
            network.parameters(), lr=rate, momentum=self.recipe.momentum, weight_decay=decay, fused=True
        )
