"""What is fitted once and what is fitted again."""

import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from predictor import LearningCurves, SequentialRegression
from predictor.rules.growing import FitCache, GrowingModel


@pytest.fixture
def curves(make_curves):
    return make_curves(6, 4, seed=2)


@pytest.fixture
def fit():
    """Makes a new model at each call."""
    made = iter(range(100))
    return lambda: next(made)


def test_curves_of_the_same_content_are_learned_from_once(curves, fit):
    cache = FitCache(2)
    assert cache.fitted_to(curves, fit) == 0
    assert cache.fitted_to(curves[:], fit) == 0


def test_whatever_differs_is_learned_from_anew(curves, fit):
    cache = FitCache(10)
    name = next(iter(curves.architecture))
    other = {**curves.architecture, name: curves.architecture[name] + 1}
    different = [curves, curves[:5], curves[::-1], curves.until(3), replace(curves, architecture=other)]
    different.append(LearningCurves(curves.values, curves.architecture, curves.hyperparameters, "loss"))
    different.append(replace(curves, hyperparameters={"lr": 2 * curves.hyperparameters["lr"]}))
    assert [cache.fitted_to(some, fit) for some in different] == list(range(7))


def test_the_model_that_was_not_asked_for_longest_is_dropped(curves, fit):
    cache = FitCache(2)
    asked = [curves[:3], curves[:4], curves[:3], curves[:5], curves[:3], curves[:4]]
    assert [cache.fitted_to(some, fit) for some in asked] == [0, 1, 0, 2, 0, 3]


def test_a_history_is_looked_up_once_as_long_as_it_is_the_latest(curves, fit):
    cache = FitCache(2)
    same_content = curves[:]
    asked = [curves, curves, same_content, curves]
    assert [cache.for_history(history, fit) for history in asked] == [0, 0, 1, 2]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda cache: pickle.loads(pickle.dumps(cache))])
def test_a_copy_begins_empty(curves, fit, copied):
    cache = FitCache(1)
    cache.for_history(curves, lambda: cache.fitted_to(curves, fit))
    again = copied(cache)
    assert [again.fitted_to(curves, fit), cache.fitted_to(curves, fit)] == [1, 0]
    assert [again.fitted_to(curves[:3], fit), again.fitted_to(curves, fit)] == [2, 3]  # of the same size


@pytest.fixture
def hasty_threads():
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    with ThreadPoolExecutor(2) as pool:
        yield pool
    sys.setswitchinterval(before)


def test_threads_that_share_a_cache_get_the_models_of_their_own_curves(curves, hasty_threads):
    cache = FitCache(1)

    def answer(own):
        history = curves[:own]
        return cache.for_history(history, lambda: cache.fitted_to(history, lambda: own))

    def answers(own):
        return {answer(own) for _ in range(5000)}

    assert list(hasty_threads.map(answers, (3, 4))) == [{3}, {4}]


def test_threads_that_share_a_rule_get_models_of_their_own_histories(make_curves, hasty_threads):
    models = GrowingModel(SequentialRegression(regressor="ols", features=("TS",)), first=6, growth=None)
    histories = [make_curves(6, 4, seed=seed) for seed in (2, 3)]

    def learned_from(history):
        return {float(models.fitted(history[:]).curves_.values[0, 0]) for _ in range(1000)}

    assert list(hasty_threads.map(learned_from, histories)) == [{one.values[0, 0]} for one in histories]


class Noted(SequentialRegression):
    """Notes what it is fitted with, and learns nothing."""

    def fit(self, curves, y=None, taus=None, prior=None):
        self.noted = len(curves), taus, prior
        return self


def test_a_refit_knows_the_first_fit_and_neither_fits_an_epoch_before_it_is_asked_for(make_curves):
    model = GrowingModel(Noted(), first=6, growth=1.5).fitted(make_curves(10, 4, seed=2))
    *noted, prior = model.noted
    assert noted == [9, ()]
    assert prior.noted == (6, (), None)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda models: pickle.loads(pickle.dumps(models))])
def test_a_copy_goes_without_the_models(curves, copied):
    models = GrowingModel(Noted(), first=6, growth=None)
    models.fitted(curves)
    assert models._grown is not None
    assert copied(models)._grown is None
