"""Rates and decays follow the descriptions of the families."""

from itertools import groupby

import pytest
import torch
from torch import nn

from trainers import RecipeError
from trainers.families import FamilyRecipe, make_family


def rates(recipe):
    return [recipe.rate(1, epoch) for epoch in range(1, recipe.epochs + 1)]


def test_a_resnet_starts_at_a_tenth_and_falls_by_ten_at_its_step_size(members):
    recipe = make_family("resnet", "paper").recipe({**members["resnet"][1], "ss": 50}, 140)
    assert rates(recipe) == pytest.approx([0.1] * 50 + [0.01] * 50 + [0.001] * 40)
    assert (recipe.momentum, recipe.optimizer) == (0.9, "sgd")


def test_resnet39_goes_to_its_last_rate_at_epoch_30_of_50(members):
    recipe = make_family("resnet39", "paper").recipe(members["resnet39"][1], 50)
    assert rates(recipe) == [1e-3] * 29 + [1e-5] * 21
    assert recipe.weight_decay == 1e-4


@pytest.mark.parametrize(("reductions", "lengths"), [(0, [60]), (1, [30, 30]), (3, [15, 15, 15, 15])])
def test_a_convnet_lowers_its_rate_at_even_distances(reductions, lengths, members):
    values = {**members["convnet"][1], "lr_reductions": reductions}
    expected = [0.01 * 0.1**part for part, length in enumerate(lengths) for _ in range(length)]
    assert rates(make_family("convnet", "paper").recipe(values, 60)) == pytest.approx(expected)


@pytest.mark.parametrize("epochs", [9, 10, 15, 27, 60, 81])
@pytest.mark.parametrize("reductions", range(4))
def test_a_convnet_lowers_its_rate_as_often_as_its_parameter_says(epochs, reductions, members):
    values = {**members["convnet"][1], "lr_reductions": reductions}
    found = rates(make_family("convnet", "paper").recipe(values, epochs))
    lengths = [len(list(group)) for _, group in groupby(found)]
    assert found == sorted(found, reverse=True)
    assert len(lengths) == reductions + 1
    assert max(lengths) - min(lengths) <= 1


def test_a_convnet_begins_at_its_rate_however_few_the_epochs(members):
    values = {**members["convnet"][1], "lr_reductions": 3}
    found = [rates(make_family("convnet", "paper").recipe(values, epochs))[0] for epochs in (1, 2, 3)]
    assert found == [0.01] * 3


def test_convolutions_and_dense_layers_have_their_own_decay_and_biases_none():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    optimizer = FamilyRecipe(weight_decay=0.1, dense_decay=0.2).make_optimizer(network, 0.5)
    decays = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    by_name = {name: decays[id(p)] for name, p in network.named_parameters()}
    assert by_name == {
        "0.weight": 0.1, "0.bias": 0, "1.weight": 0, "1.bias": 0, "3.weight": 0.2, "3.bias": 0
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["sgd", "rmsprop", "adam"])
def test_the_optimizer_is_the_one_asked_for(kind):
    optimizer = FamilyRecipe(optimizer=kind).make_optimizer(nn.Linear(1, 1), 0.5)
    assert type(optimizer).__name__.lower() == kind
    assert {group["lr"] for group in optimizer.param_groups} == {0.5}


def test_gradients_of_words_are_clipped(family_trainer, members):
    trainer = family_trainer("lstm")
    trainer.recipe = FamilyRecipe(clip=1e-3)
    model = trainer.family.built(members["lstm"][1], (), 10, torch.Generator())
    before = [p.detach().clone() for p in model.parameters()]
    words = torch.arange(8).view(2, 4)
    trainer._step(None, model, torch.optim.SGD(model.parameters(), lr=1.0))(words, words)
    moved = torch.cat([(p - b).flatten() for p, b in zip(model.parameters(), before, strict=True)])
    assert moved.norm().item() == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0, not 0.0"),
        ({"optimizer": "lion"}, "optimizer must be sgd or rmsprop or adam, not 'lion'"),
        ({"momentum": 1.0}, "momentum must be in"),
        ({"clip": 0}, "clip must be a number above 0, not 0"),
        ({"dense_decay": -1}, "dense_decay must be a number, 0 or more, not -1"),
        ({"last_from": 0}, "last_from must be a whole number of at least 1, not 0"),
    ],
)
def test_recipes_that_cannot_be_followed_are_refused(setting, message):
    with pytest.raises(RecipeError, match=message):
        FamilyRecipe(**setting)
