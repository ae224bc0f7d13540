import pytest

from trainers import RecipeError, TrainingRecipe


def test_defaults_are_the_published_recipe():
    recipe = TrainingRecipe()
    assert (recipe.epochs, recipe.batch_size, recipe.attempts) == (20, 128, 5)
    assert (recipe.beta1, recipe.beta2, recipe.epsilon) == (0.9, 0.999, 1e-8)


def test_rates_of_the_attempts_are_the_published_ones():
    rates = [TrainingRecipe().initial_rate(attempt) for attempt in range(1, 6)]
    assert rates == pytest.approx([1e-3, 4e-4, 1.6e-4, 6.4e-5, 2.56e-5])


def test_rate_falls_by_a_fifth_every_five_epochs():
    rates = [TrainingRecipe().rate(1, epoch) for epoch in range(1, 21)]
    assert rates == pytest.approx([1e-3] * 5 + [2e-4] * 5 + [4e-5] * 5 + [8e-6] * 5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 1.5),
        ("attempts", True),
        ("learning_rate", float("nan")),
        ("decay_factor", 0),
        ("retry_factor", -0.4),
        ("translate", -1),
        ("mirror", "yes"),
        ("beta2", 1.0),
        ("chance_factor", float("inf")),
    ],
)
def test_a_bad_value_is_named_and_quoted_on_one_line(field, value):
    with pytest.raises(RecipeError) as error:
        TrainingRecipe(**{field: value})
    assert field in str(error.value)
    assert repr(value) in str(error.value)
    assert "\n" not in str(error.value)
