from dataclasses import replace

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.rules.envelope import scoring
from predictor.rules.envelope.looks import look_epochs
from predictor.rules.envelope.scoring import Inputs, Score, Target, fit_looks


@pytest.fixture(scope="module")
def finished(make_curves):
    """Twenty completed networks, and twenty stopped after 3, 9, 20 and 1 epochs."""
    curves = make_curves(40, 30, seed=4)
    stopped = [curves[20 + i].until((3, 9, 20, 1)[i % 4]) for i in range(20)]
    return LearningCurves.concatenate(curves[:20], *stopped)


@pytest.fixture(scope="module")
def models(finished):
    return fit_looks(finished, look_epochs(30, "nearest"), best=8)


def test_the_best_is_where_the_target_is_that_of_y_best(finished):
    final = finished.final[finished.completed]
    target = Target.of(final)
    assert target(final).mean() == pytest.approx(0)
    assert target(final).std() == pytest.approx(1)
    assert target(final.max()) == pytest.approx(target.of_best)
    np.testing.assert_allclose(target.inverse(target(final)), final)


def test_equal_results_have_one_finite_target():
    assert Target.of(np.full(5, 0.3))([0.3, 0.3]).tolist() == [0, 0]


def test_inputs_are_y_tau_and_parameters_or_their_logarithms_if_all_are_positive(make_curves):
    curves = make_curves(40, 30, seed=4)
    dropout = np.linspace(0, 0.5, 40)
    curves = LearningCurves(curves.values, {"dropout": dropout}, {"lr": 0.1 + dropout})
    inputs = Inputs.of(curves, 3)
    assert inputs.positive == {"dropout": False, "lr": True}
    assert inputs.warp.best == curves.scores[:, 2].max()
    raw = np.column_stack([inputs.warp(curves.scores[:, 2]), dropout, np.log(0.1 + dropout)])
    np.testing.assert_allclose(inputs(curves), (raw - raw.mean(axis=0)) / raw.std(axis=0), atol=1e-12)


def test_networks_of_one_curve_and_other_parameters_have_scores_of_their_own(make_curves, models):
    curves = make_curves(40, 30, seed=4)
    values = np.repeat(curves.values[:1], 2, axis=0)
    pair = LearningCurves(values, curves[:2].architecture, curves[:2].hyperparameters)
    model = models[min(models)]
    one, other = (model.score(pair[[i]]) for i in range(2))
    assert one != other
    assert model.score(pair[[0]]) == one


def test_every_network_is_ranked_at_the_looks_that_it_reached(finished, models):
    for tau, model in models.items():
        assert len(model.chances) == np.sum(finished.observed >= tau)
        assert np.all(np.diff(model.chances) >= 0)
        assert np.all((model.chances >= 0) & (model.chances <= 1))


def test_stopped_networks_are_guesses_at_earlier_looks_only(finished, models):
    looks = np.array(sorted(models))
    last = [looks[looks <= seen].max(initial=0) for seen in finished.observed[~finished.completed]]
    for tau, model in models.items():
        assert model.process.extra.shape[1] == sum(look > tau for look in last)


def test_ranks_of_the_best_come_from_their_left_out_chances(finished, models):
    for model in models.values():
        chances = model.process.leave_one_out().exceeds(model.target.of_best)[:20]
        top = np.argsort(-finished.final[:20])[:8]
        expected = [np.sum(model.chances > chances[q]) for q in top]
        np.testing.assert_array_equal(model.ranks_of_best, expected)
        g = max(1, 1.5 * max((r + 1) / (q + 1) for q, r in enumerate(expected)))
        assert model.limit(1.5) == pytest.approx(g)
        assert model.limit(1e-9) == 1


def test_late_looks_know_more_than_early_ones(models):
    assert models[max(models)].limit(2.0) < models[min(models)].limit(2.0)


def test_the_rank_counts_larger_chances(models):
    model = models[min(models)]
    assert model.rank(1.0) == 0
    assert model.rank(-1.0) == len(model.chances)
    assert model.rank(float(model.chances[-3])) == 2
    assert model.rank(float(model.chances[-3]) * (1 - 1e-9)) == 2  # equal but for rounding
    assert replace(model, chances=np.array([0.0, 0.0, 0.5])).rank(0.0) == 1


def test_ties_are_those_ahead_with_exactly_this_value(models):
    model = replace(models[min(models)], values=np.array([0.1, 0.1, 0.2, 0.1, 0.1]))
    assert [model.ties(rank, 0.1) for rank in range(6)] == [0, 1, 2, 2, 3, 4]
    assert model.ties(5, 0.15) == 0


@pytest.mark.parametrize("most", [3, 8])
def test_of_many_guesses_the_latest_teach_and_all_are_ranked(finished, models, monkeypatch, most):
    monkeypatch.setattr(scoring, "MOST_GUESSES", most)
    for tau, model in fit_looks(finished, look_epochs(30, "nearest"), best=8).items():
        assert model.process.extra.shape[1] == min(most, models[tau].process.extra.shape[1])
        assert len(model.chances) == len(models[tau].chances)


@pytest.mark.parametrize("most", [1, 3])
def test_of_many_results_the_latest_and_the_best_teach_and_all_are_ranked(
    finished, models, monkeypatch, most
):
    monkeypatch.setattr(scoring, "MOST_RESULTS", most)
    final = finished.final[:20]
    teaching = sorted({*range(20 - most, 20), *np.argsort(-final)[:4]})
    for tau, model in fit_looks(finished, look_epochs(30, "nearest"), best=4).items():
        np.testing.assert_allclose(model.process.by_results[0].y, model.target(final[teaching]))
        assert len(model.chances) == len(models[tau].chances)
        assert len(model.ranks_of_best) == 4
        assert model.worst == final.min()


def test_nothing_is_expected_to_be_worse_than_all_that_is_known_to_be_possible(finished, models):
    worst = float(np.nanmin(finished.final))
    absurd = Score(chance=0.0, mean=-100.0)
    for model in models.values():
        for least, expected in ((2 * worst, worst), (worst / 4, worst / 4)):
            curve = LearningCurves(np.full((1, finished.T), least))
            assert model.expected(absurd, curve) == expected


def test_no_accuracy_above_one_is_expected_unless_the_curve_is_there_already(finished, models):
    good = Score(chance=1.0, mean=100.0)
    for model in models.values():
        assert model.expected(good, LearningCurves(np.full((1, finished.T), 0.9))) == 1.0
        assert model.expected(good, LearningCurves(np.full((1, finished.T), 1.1))) > 1.0
