"""Long trainings as their files tell them."""

import json

import pytest
from scipy.stats import binomtest

from metaqnn.results.long_trained import (
    ErrorRate,
    FinetuningError,
    FinetuningResult,
    in_columns,
    is_long_trained,
    long_trained,
)


def test_a_test_error_has_the_same_columns_with_and_without_a_value():
    found = in_columns(ErrorRate(4, 100, 0.04, 0.01, 0.1))
    names = "test_errors", "test_images", "test_error", "test_error_low", "test_error_high"
    assert found == dict(zip(names, (4, 100, 0.04, 0.01, 0.1), strict=True))
    assert in_columns(None) == dict.fromkeys(names)


def test_trainings_of_a_network_are_put_together(tmp_path, long_training):
    for seed, errors in ((0, 4), (1, 6), (2, None)):
        long_training(tmp_path, network=7, seed=seed, test_errors=errors)
    long_training(tmp_path, network=2, test_errors=1)
    long_training(tmp_path, network=2, recipe="300-epochs-ffff0000", test_errors=0)
    trained, damaged = long_trained(tmp_path)
    assert damaged == []
    assert [(one.recipe, one.number, one.failed) for one in trained] == [
        ("300-epochs-ffff0000", 2, 0),
        ("6-epochs-0123abcd", 2, 0),
        ("6-epochs-0123abcd", 7, 1),
    ]
    assert trained[-1].rate == pytest.approx(0.05)
    assert trained[-1].tests == (ErrorRate.of(4, 100), ErrorRate.of(6, 100))
    assert trained[-1].seeds == (0, 1)  # not of the one that failed


def test_networks_that_validated_best_come_first_whatever_their_test_errors(tmp_path, long_training):
    for number, errors in ((1, 1), (2, 9), (3, 5), (4, None)):
        long_training(tmp_path, network=number, test_errors=errors)
    trained, _ = long_trained(tmp_path, {1: 0.8, 2: 0.9, 3: None, 4: 0.95})
    assert [(one.number, one.validation_accuracy) for one in trained] == [
        (2, 0.9), (1, 0.8), (3, None), (4, 0.95),
    ]  # fmt: skip


@pytest.mark.parametrize("tuned", [False, True])
def test_a_recipe_is_described_where_its_settings_can_be_read(tmp_path, long_training, tuned):
    settings = long_training(tmp_path).with_name("settings.json")
    assert long_trained(tmp_path)[0][0].described == "6-epochs-0123abcd"
    recipe = {"epochs": 6, "optimizer": "adam", "learning_rate": 0.01, **({"lr_decay": 0.2} if tuned else {})}
    settings.write_text(json.dumps({"recipe": recipe}))
    said = f"6 epochs, adam, rate 0.01{', tuned' if tuned else ''} (6-epochs-0123abcd)"
    assert long_trained(tmp_path)[0][0].described == said
    for content in ("[]", "{", '{"recipe": 3}', '{"recipe": {}}', "[" * 100_000):
        settings.write_text(content)
        assert long_trained(tmp_path)[0][0].described == "6-epochs-0123abcd"


def test_a_network_whose_trainings_all_failed_comes_last(tmp_path, long_training):
    long_training(tmp_path, network=1, test_errors=None)
    long_training(tmp_path, network=2, test_errors=99)
    assert [one.number for one in long_trained(tmp_path)[0]] == [2, 1]


def test_only_a_long_training_of_the_best_network_that_ended_well_is_one_to_export(tmp_path, long_training):
    long_training(tmp_path, network=1, test_errors=None)
    long_training(tmp_path, network=2, test_errors=3)
    trained, _ = long_trained(tmp_path)
    best_first = [[{"number": 2}, {"number": 1}], [{"number": 1}, {"number": 2}], [{"number": 3}], []]
    assert [is_long_trained(trained, best) for best in best_first] == [True, False, False, False]


def test_an_error_rate_lies_in_its_interval():
    test, scipys = ErrorRate.of(4, 100), binomtest(4, 100).proportion_ci(method="wilson")
    assert (test.rate, test.low, test.high) == pytest.approx((0.04, *scipys))


def test_a_network_that_errs_on_every_test_image_has_a_result(tmp_path, long_training):
    path = long_training(tmp_path, test_errors=100, test_images=100)
    assert FinetuningResult.read(path).test_errors == 100


def test_a_run_without_long_trainings_has_none(tmp_path):
    assert long_trained(tmp_path) == ([], [])


@pytest.mark.parametrize("values", [{"test_errors": 101}, {"test_errors": -1}, {"seed": True}, {"extra": 1}])
def test_impossible_results_are_damage(tmp_path, long_training, values):
    path = long_training(tmp_path, **values)
    with pytest.raises(FinetuningError, match="holds no result"):
        FinetuningResult.read(path)
    trained, (line,) = long_trained(tmp_path)
    assert trained == []
    assert str(path) in line


def test_a_training_of_another_network_is_not_one_of_the_search(tmp_path, long_training):
    """As after a search was begun again in the same folder."""
    convolution, normalised = "[C(16,3,1), SM(10)]", "[CB(16,3,1), SM(10)]"
    paths = [long_training(tmp_path, network=number, architecture=convolution) for number in (1, 2, 3)]
    long_training(tmp_path, network=2, recipe="tuned", architecture=normalised)
    trained, others = long_trained(tmp_path, architectures={1: "[C(16,5,1), SM(10)]", 2: convolution})
    assert [(one.recipe, one.number) for one in trained] == [("6-epochs-0123abcd", 2), ("tuned", 2)]
    assert others == [
        f"{str(path)!r} is of {convolution}, which is not network {number} of the search in this run "
        "folder; remove it or move it away"
        for number, path in ((1, paths[0]), (3, paths[2]))
    ]
