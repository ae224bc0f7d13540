"""From an architecture and images to a learning curve: data sets, network building and the training loop.

>>> from state_space import preset
>>> from trainers import ClassifierTrainer, TrainingRecipe, load_dataset
>>> trainer = ClassifierTrainer(load_dataset("digits"), recipe=TrainingRecipe(), validation_size=300)
>>> result = trainer.train(architecture, seed=0)  # doctest: +SKIP
>>> result.outcome, result.curve  # doctest: +SKIP
"""

from trainers.checkpoint import Checkpoint
from trainers.classifier import ClassifierTrainer
from trainers.datasets import DatasetError, ImageDataset, load_dataset, split_validation
from trainers.device import DeviceError, choose_device, choose_precision
from trainers.memory import MemoryEstimate, training_memory
from trainers.networks import build_network
from trainers.recipe import RecipeError, TrainingRecipe
from trainers.results import EpochReport, EpochReportError, Outcome, TrainingResult

__all__ = [
    "Checkpoint",
    "ClassifierTrainer",
    "DatasetError",
    "DeviceError",
    "EpochReport",
    "EpochReportError",
    "ImageDataset",
    "MemoryEstimate",
    "Outcome",
    "RecipeError",
    "TrainingRecipe",
    "TrainingResult",
    "build_network",
    "choose_device",
    "choose_precision",
    "load_dataset",
    "split_validation",
    "training_memory",
]
