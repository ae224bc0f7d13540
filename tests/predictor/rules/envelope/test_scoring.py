import numpy as np
import pytest

from predictor import LearningCurves
from predictor.rules.envelope import scoring
from predictor.rules.envelope.looks import look_epochs
from predictor.rules.envelope.scoring import Score, Target, fit_looks


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


def test_of_many_guesses_the_latest_teach_and_all_are_ranked(finished, models, monkeypatch):
    monkeypatch.setattr(scoring, "MOST_GUESSES", 3)
    for tau, model in fit_looks(finished, look_epochs(30, "nearest"), best=8).items():
        assert model.process.extra.shape[1] == min(3, models[tau].process.extra.shape[1])
        assert len(model.chances) == len(models[tau].chances)


def test_of_many_results_the_latest_and_the_best_teach_and_all_are_ranked(finished, models, monkeypatch):
    monkeypatch.setattr(scoring, "MOST_RESULTS", 3)
    final = finished.final[:20]
    teaching = sorted({17, 18, 19, *np.argsort(-final)[:4]})
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
