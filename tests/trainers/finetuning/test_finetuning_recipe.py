"""The schedule of the long training."""

import pytest

from trainers import RecipeError
from trainers.finetuning import FinetuningRecipe, scaled_translation

PUBLISHED = {1: 0.025, 40: 0.025, 41: 0.0125, 80: 0.0125, 81: 0.0001, 240: 0.0001, 241: 0.00001, 300: 0.00001}


@pytest.mark.parametrize(("epoch", "rate"), PUBLISHED.items())
def test_the_published_rates_change_where_they_were_published_to(epoch, rate):
    assert FinetuningRecipe().rate(1, epoch) == rate


def test_the_published_recipe():
    recipe = FinetuningRecipe()
    assert (recipe.epochs, recipe.batch_size, recipe.translate) == (300, 128, 5)
    assert (recipe.optimizer, recipe.momentum, recipe.weight_decay) == ("sgd", 0.9, 0.0005)


def test_a_shorter_schedule_keeps_the_proportions_of_its_phases():
    assert [epochs for _, epochs in FinetuningRecipe(epochs=30).phases] == [4, 4, 16, 6]
    assert [epochs for _, epochs in FinetuningRecipe(epochs=100).phases] == [13, 14, 53, 20]


@pytest.mark.parametrize("epochs", [*range(6, 40), 150, 299, 301, 1000])
def test_the_phases_of_any_length_add_up_and_none_is_missing(epochs):
    recipe = FinetuningRecipe(epochs=epochs)
    assert sum(each for _, each in recipe.phases) == epochs
    assert min(each for _, each in recipe.phases) >= 1
    rates = [recipe.rate(1, epoch) for epoch in range(1, epochs + 1)]
    assert sorted(rates, reverse=True) == rates
    assert sorted(set(rates), reverse=True) == [0.025, 0.0125, 0.0001, 0.00001]


def test_another_rate_scales_all_phases():
    rates = [rate for rate, _ in FinetuningRecipe(learning_rate=0.05).phases]
    assert rates == pytest.approx([0.05, 0.025, 0.0002, 0.00002])


def test_another_attempt_multiplies_all_rates():
    recipe = FinetuningRecipe()
    assert recipe.initial_rate(3) == pytest.approx(0.025 * 0.16)
    assert recipe.rate(3, 300) == pytest.approx(0.00001 * 0.16)


@pytest.mark.parametrize(("side", "pixels"), [(32, 5), (16, 2), (8, 1), (28, 4), (64, 10), (1, 0)])
def test_translation_is_in_proportion_to_the_image(side, pixels):
    assert scaled_translation(side) == pixels


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("epochs", n) for n in (5, 1, 0, -3)),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("batch_size", 0),
        ("optimizer", "rmsprop"),
        ("momentum", 1.0),
        ("weight_decay", -1e-4),
        ("weight_decay", float("inf")),
        ("translate", -1),
        ("attempts", 0),
        ("retry_factor", 0.0),
        ("epochs", 30.5),
        ("batch_size", 2.5),
        ("attempts", True),
        ("translate", 0.5),
        ("mirror", "no"),
        ("chance_factor", float("nan")),
        ("momentum", "0.9"),
    ],
)
def test_a_value_out_of_range_is_quoted_in_one_line(name, value):
    with pytest.raises(RecipeError) as caught:
        FinetuningRecipe(**{name: value})
    assert str(caught.value).startswith(f"{name} must be ")
    assert str(caught.value).endswith(f"not {value!r}")
