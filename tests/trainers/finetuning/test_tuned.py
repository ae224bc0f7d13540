"""Long training with tuned hyper-parameters."""

import pytest
import torch

from state_space import Architecture
from trainers import RecipeError, load_dataset
from trainers.families import make_family
from trainers.finetuning import TunedFinetuner, TunedRecipe
from trainers.networks import QuickDropout

TUNED = {"learning_rate": 0.01, "lr_decay": 0.5, "last_dropout": 0.3, "weight_decay": 0.01}


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 8, 9, 20])
def test_the_rates_are_those_of_the_tuning(epochs):
    values = {"lr": 0.01, "lr_decay": 0.5, "batch_size": 32, "weight_decay": 0.0, "dropout": 0.5}
    family = make_family("[C(4,3,1), SM(10)]", "paper").recipe(values, epochs)
    recipe = TunedRecipe(epochs=epochs, learning_rate=0.01, lr_decay=0.5)
    rates = [recipe.rate(1, epoch) for epoch in range(1, epochs + 1)]
    assert rates == pytest.approx([family.rate(1, epoch) for epoch in range(1, epochs + 1)])
    assert sum(each for _, each in recipe.phases) == epochs


def test_a_rate_of_zero_and_no_epochs_are_refused():
    with pytest.raises(RecipeError, match="learning_rate must be a number above 0, not 0"):
        TunedRecipe(learning_rate=0)
    with pytest.raises(RecipeError, match="epochs must be a whole number of at least 1, not 0"):
        TunedRecipe(epochs=0)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), "1"])
def test_a_decay_of_the_rate_that_is_not_above_0_is_refused(value):
    with pytest.raises(RecipeError, match=f"lr_decay must be a number above 0, not {value!r}"):
        TunedRecipe(lr_decay=value)


@pytest.mark.parametrize("value", [1.0, -0.1, float("nan")])
def test_a_rate_of_dropout_that_no_layer_can_have_is_refused(value):
    with pytest.raises(RecipeError, match=rf"last_dropout must be in \[0, 1\), not {value}"):
        TunedRecipe(last_dropout=value)


def test_dropout_is_as_tuned_and_only_weights_decay():
    recipe = TunedRecipe(epochs=2, translate=0, **TUNED)
    trainer = TunedFinetuner(load_dataset("digits", limit=100), recipe=recipe, device="cpu", threads=1)
    network = Architecture.parse("[CB(4,3,1), D(1,2), FC(8), D(2,2), SM(10)]")
    state = trainer.start(network, seed=0)
    rates = [module.rate for module in state.network if isinstance(module, QuickDropout)]
    assert rates == pytest.approx([0.15, 0.3])
    decays = {
        parameter.dim(): group["weight_decay"]
        for group in state.optimizer.param_groups
        for parameter in group["params"]
    }
    assert decays == {4: 0.01, 2: 0.01, 1: 0.0}
    assert isinstance(state.optimizer, torch.optim.Adam)
    report = trainer.train_epoch(state, seed=0)
    assert 0 < report.accuracy <= 1
