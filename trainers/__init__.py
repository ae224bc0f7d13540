"""From an architecture and images to a learning curve: data sets, network building and the training loop.

>>> from state_space import preset
>>> from trainers import ClassifierTrainer, TrainingRecipe, load_dataset
>>> trainer = ClassifierTrainer(load_dataset("digits"), recipe=TrainingRecipe(), validation_size=300)
>>> result = trainer.train(architecture, seed=0)  # doctest: +SKIP
>>> result.outcome, result.curve  # doctest: +SKIP
"""

from __future__ import annotations

import lazy_loader

# What is here is imported on first use: commands that only read should not wait for torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
