"""Networks that finished since the fit: their places, and how long what is known of them holds."""

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.rules.envelope.fit import Arrivals, Fit
from predictor.rules.envelope.looks import Refit, look_epochs
from predictor.rules.envelope.scoring import fit_looks


@pytest.fixture(scope="module")
def curves(make_curves):
    return make_curves(40, 12, seed=2)


@pytest.fixture(scope="module")
def models(curves):
    return fit_looks(curves[:15], look_epochs(12, "nearest"), best=4)


@pytest.fixture(scope="module")
def later(curves):
    return LearningCurves.concatenate(curves[15:25].until(3), curves[25:30], curves[30:35].until(1))


def test_those_that_reached_a_look_are_placed_by_their_chances(curves, models, later):
    arrivals = Arrivals(models).follow(later)
    for tau, model in models.items():
        reached = later[later.observed >= tau]
        chances = model.process.predict(model.inputs(reached)).exceeds(model.target.of_best)
        assert arrivals.seen(tau) == len(reached)
        for chance in (0.0, 1.0, 1.0001 * float(np.median(chances))):
            rank = arrivals.rank(tau, chance)
            assert rank == np.sum(chances > chance)
            for value in reached.values[:, tau - 1]:
                alike = reached.values[:, tau - 1] == value
                assert arrivals.ties(tau, rank, value) == np.sum(alike & (chances > chance))


def test_following_one_by_one_or_others_in_between_changes_nothing(models, later, curves):
    at_once, stepwise = Arrivals(models).follow(later), Arrivals(models)
    for size in (1, 2, 9, 15, 20):
        stepwise = stepwise.follow(later[:size])
    after_others = stepwise.follow(curves[20:38].until(2)).follow(later)
    for tau in models:
        for arrivals in (stepwise, after_others):
            assert arrivals.seen(tau) == at_once.seen(tau)
            assert [arrivals.rank(tau, c) for c in np.linspace(0, 1, 50)] == [
                at_once.rank(tau, c) for c in np.linspace(0, 1, 50)
            ]


def test_following_others_changes_no_arrivals_that_another_thread_may_look_at(models, later):
    first = Arrivals(models).follow(later[:5])
    first.follow(later)
    assert len(first) == 5
    assert [first.seen(tau) for tau in models] == [np.sum(later[:5].observed >= tau) for tau in models]


def test_one_network_is_scored_as_among_many(curves, models):
    for model in models.values():
        many = model.process.predict(model.inputs(curves[15:]))
        scores = [model.score(curves[row]) for row in range(15, 40)]
        np.testing.assert_allclose([s.chance for s in scores], many.exceeds(model.target.of_best), rtol=1e-7)
        np.testing.assert_allclose([s.mean for s in scores], many.mean, rtol=1e-7, atol=1e-9)


def test_a_network_stands_among_those_of_the_fit_and_those_that_finished_since(curves, models, later):
    """With no bound before a tenth of 12 epochs; 35 are known by now."""
    known = curves[:15]
    fit = Fit(known, Refit.after(known, 15), models, Arrivals(models).follow(later), ranked=15)
    for tau, model in models.items():
        reached = later[later.observed >= tau]
        since = model.process.predict(model.inputs(reached)).exceeds(model.target.of_best)
        for row in range(35, 40):
            stands = fit.standing(curves[row].until(tau), tau, 2.0, 3.0)
            assert stands.place == np.sum(np.append(model.chances, since) > stands.score.chance)
            assert stands.envelope == pytest.approx(model.limit(2.0) * (15 + len(reached)) / 15)
            assert stands.bound == (np.inf if tau == 1 else pytest.approx(35 * 12 / (10 * tau * 3) + 4))
            assert fit.standing(curves[row].until(tau), tau, 2.0, None).bound == np.inf


def test_networks_ahead_with_the_very_same_value_are_told_wherever_they_are_from(curves, models, later):
    """Each network's value, at other parameters."""
    known = curves[:15]
    fit = Fit(known, Refit.after(known, 15), models, Arrivals(models).follow(later), ranked=15)
    found = set()
    for tau, model in models.items():
        reached = later[later.observed >= tau]
        since = model.process.predict(model.inputs(reached)).exceeds(model.target.of_best)
        chances = np.append(model.chances, since)
        values = np.append(model.values, reached.scores[:, tau - 1])
        for value in values:
            seen = curves[37].until(tau).values.copy()
            seen[0, tau - 1] = value
            other = LearningCurves(seen, curves[37].architecture, curves[37].hyperparameters)
            stands = fit.standing(other, tau, 2.0, None)
            assert stands.ties == np.sum((values == value) & (chances > stands.score.chance))
            found.add(stands.ties)
    assert found == {0, 1}
