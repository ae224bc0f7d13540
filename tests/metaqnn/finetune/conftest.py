"""A search whose data set really exists, and long trainings that take a second."""

import pytest

from metaqnn.finetune import FinetuningFiles
from trainers import load_dataset
from trainers.finetuning import FinetuningRecipe, FinetuningTrainer

SHORT = {"epochs": 6, "batch_size": 8, "translate": 1}


@pytest.fixture(scope="session")
def digits():
    return load_dataset("digits", limit=200)


@pytest.fixture
def new_trainer(digits):
    """Makes trainers on 200 digits: new_trainer(**fields of the recipe)."""

    def make(**changes):
        recipe = FinetuningRecipe(**{**SHORT, **changes})
        return FinetuningTrainer(digits, recipe=recipe, device="cpu", threads=1)

    return make


@pytest.fixture
def new_files(run_copy, digits):
    """Where the results of a trainer live: new_files(trainer)."""
    return lambda trainer: FinetuningFiles.of(run_copy, trainer, digits.fingerprint)
