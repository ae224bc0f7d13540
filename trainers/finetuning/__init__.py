"""The long training of the best networks, and their test error ([MQ], training of the top models).

>>> from trainers import load_dataset
>>> from trainers.finetuning import FinetuningRecipe, FinetuningTrainer
>>> trainer = FinetuningTrainer(load_dataset("digits"), recipe=FinetuningRecipe(epochs=30))
>>> result = trainer.train(architecture, seed=0, checkpoint=checkpoint)  # doctest: +SKIP
"""

from __future__ import annotations

from trainers.finetuning.recipe import FinetuningRecipe, scaled_translation
from trainers.finetuning.trainer import FinetuningTrainer
from trainers.finetuning.tuned import TunedFinetuner, TunedRecipe

__all__ = [
    "FinetuningRecipe",
    "FinetuningTrainer",
    "TunedFinetuner",
    "TunedRecipe",
    "scaled_translation",
]
