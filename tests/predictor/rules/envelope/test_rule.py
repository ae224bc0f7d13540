"""The rule's contract: pure decisions, and what it must and must not stop."""

import math
import os
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from predictor import LearningCurves, PredictorError
from predictor.rules.envelope import RankEnvelope, fit
from predictor.rules.envelope import rule as rule_module
from predictor.rules.envelope.looks import look_epochs, refit_size
from predictor.rules.envelope.scoring import fit_looks
from predictor.rules.names import make_rule
from predictor.simulation.engine import arrival_order, simulate


@pytest.fixture(scope="module")
def recorded(make_curves):
    return make_curves(150, 20, seed=7)


def played(curves, size):
    """The first networks, each as far as the rule itself lets it train."""
    epochs = simulate(curves, RankEnvelope(), np.arange(len(curves))).epochs
    return LearningCurves.concatenate(*(curves[i].until(int(epochs[i])) for i in range(size)))


@pytest.fixture(scope="module")
def past(recorded):
    return played(recorded, 100)


def altered(curve, values):
    return LearningCurves(np.asarray(values)[None], curve.architecture, curve.hyperparameters)


def altered_all(curves, values):
    return LearningCurves(values, curves.architecture, curves.hyperparameters)


def test_the_simulation_stops_most_and_keeps_the_best_with_later_looks(recorded):
    for order in range(3):
        result = simulate(recorded, RankEnvelope(looks="up"), arrival_order(order, len(recorded)))
        assert result.recovered
        assert result.speed_up > 3


def test_the_simulation_stops_most_and_keeps_the_best_nearly_always(recorded):
    results = [simulate(recorded, RankEnvelope(), arrival_order(o, len(recorded))) for o in range(5)]
    gap = np.median(recorded.final.max() - recorded.final)
    assert sum(result.recovered for result in results) >= 4
    assert all(result.speed_up > 3 and result.regret < 0.05 * gap for result in results)


def test_never_during_the_burn_in(recorded):
    hopeless = recorded[100].until(15)
    hopeless = altered(hopeless, hopeless.values[0] * 0.01)
    history = LearningCurves.concatenate(recorded[:5], *(recorded[i].until(2) for i in range(5, 40)))
    decision = RankEnvelope().decide(hopeless, history)
    assert not decision.stop
    assert "5 of 6" in decision.reason
    assert not RankEnvelope().decide(hopeless, recorded[:0]).stop
    assert RankEnvelope(burn_in=5).decide(hopeless, history).probability is not None


def test_a_hopeless_curve_is_stopped_at_the_first_look_and_the_best_never(recorded, past):
    rule, best = RankEnvelope(), int(past.final[past.completed].argmax())
    record = past[past.completed][best]
    better = altered(record, record.values[0] + 0.02)
    assert not any(rule.decide(better.until(tau), past).stop for tau in range(1, 20))
    hopeless = recorded[100 + int(recorded.final[100:].argmin())]
    decision = rule.decide(hopeless.until(1), past)
    assert decision.stop
    assert 0.9 < decision.probability <= 1
    assert "twice" in decision.reason


@pytest.fixture(scope="module")
def losses(make_curves):
    """120 losses; from the 21st on, every sixth has exploded."""
    values = 3 - 2 * make_curves(120, 20, seed=3).values
    exploded = np.arange(20, 120, 6)
    values[exploded] *= np.logspace(0.5, 8, len(exploded))[np.argsort(exploded % 7), None]
    return LearningCurves(values, metric="loss"), exploded


def test_a_loss_that_has_exploded_is_stopped_soon(losses):
    curves, exploded = losses
    epochs = simulate(curves, RankEnvelope(), np.arange(len(curves))).epochs
    assert epochs[exploded].max() <= 4
    assert epochs[exploded].mean() < 2


def test_no_loss_goes_on_where_a_smaller_one_is_stopped(make_curves):
    curves = LearningCurves(3 - 2 * make_curves(60, 20, seed=4).values, metric="loss")
    rule, told_apart = RankEnvelope(), 0
    for tau in look_epochs(20, "nearest")[:5]:
        running = np.full((1, 20), np.nan)
        stopped = []
        for loss in np.append(np.linspace(1.0, 4.0, 13), np.logspace(1, 10, 10)):
            running[0, :tau] = loss
            stopped.append(rule.decide(LearningCurves(running, metric="loss"), curves).stop)
        assert stopped == sorted(stopped)
        told_apart += len(set(stopped)) - 1
    assert told_apart > 2


def test_the_reason_tells_the_ranks_that_decide(recorded, past):
    """At the first look, the reason tells of a vote if the rank is beyond the limit, and only then."""
    rule = RankEnvelope(ranks="seen", reduction_factor=None)
    form = re.compile(
        r"ranked (\d+)\w\w of (\d+) after epoch 1; (?:the best|what is now the (\d+)\w\w best) network "
        r"ranked (\d+)\w\w there, so up to the (\d+)\w\w go on(: .*)?"
    )
    found = [rule.decide(recorded[i].until(1), past) for i in range(100, 120)]
    ranks = []
    for decision in found:
        told = form.fullmatch(decision.reason).groups()
        rank, seen, q, showed, limit = (int(number or 1) for number in told[:5])
        assert seen == len(past) + 1
        assert limit >= math.ceil(rule.c * showed / q)  # it grows with what is seen since the last fit
        assert (": " in decision.reason) == (rank > limit)
        ranks.append((rank, decision.probability))
    assert len({": " in decision.reason for decision in found}) == 2
    by_rank, by_chance = sorted(ranks), sorted(ranks, key=lambda pair: pair[1])
    assert [p for _, p in by_rank] == [p for _, p in by_chance]


def test_the_reason_tells_how_the_limit_follows(recorded, past):
    """c times the rank there, divided by the rank in the end if that is not the first; at least the first."""
    rule, divided = RankEnvelope(c=1.5, reduction_factor=None), 0
    form = re.compile(
        r".*; (?:the best|what is now the (\d+)\w\w best) network ranked (\d+)\w\w there, "
        r"so up to the (\d+)\w\w \(1\.5 x (\d+)(?: / (\d+))?\) go on.*"
    )
    for tau in look_epochs(20, rule.looks):
        told = form.fullmatch(rule.decide(recorded[100].until(tau), past).reason).groups()
        now, showed, limit, rank, q = (int(number or 1) for number in told)
        assert (now, showed) == (q, rank)
        assert limit == math.ceil(max(1, 1.5 * rank / q))
        divided += q > 1
    assert divided


@pytest.mark.parametrize(("ranks", "more"), [("seen", 9), ("fitted", 0)])
def test_those_that_finished_since_the_fit_count_where_all_seen_are_ranked(recorded, past, ranks, more):
    """Nine networks as good as the best until they were stopped: too few for another fit."""
    known = past[: refit_size(past, burn_in=6)]
    good = known[[int(np.nanargmax(known.final))] * 9].until(4)
    worst = recorded[100 + int(np.argmin(recorded.final[100:]))].until(4)

    def told(history, form, **settings):
        reason = RankEnvelope(ranks=ranks, **settings).decide(worst, history).reason
        return [int(number) for number in re.search(form, reason).groups()]

    histories = known, LearningCurves.concatenate(known, good)
    form = r"ranked (\d+)\w\w of (\d+) .*; at most \d+ of (\d+) networks go on"
    before, now = (told(history, form) for history in histories)
    assert now == [number + more for number in before]
    (limit,), (later,) = (
        told(history, r"so up to the (\d+)\w\w", c=1000, reduction_factor=None) for history in histories
    )
    seen = before[1] - 1  # without the network itself
    assert later / limit == pytest.approx((seen + more) / seen, rel=0.01)


def test_only_looks_stop(recorded, past):
    rule = RankEnvelope()
    poor = altered(recorded[120], np.full(20, 0.01))
    for tau in set(range(20)) - set(look_epochs(20, rule.looks)):
        assert not rule.decide(poor.until(tau), past).stop
    assert not rule.decide(poor, past).stop


def test_two_looks_in_a_row_must_agree_or_the_first_one_be_twice_as_sure(recorded, past):
    two, one = RankEnvelope(), RankEnvelope(votes=1)
    sure, looks = RankEnvelope(votes=1, c=2 * two.c), look_epochs(20, two.looks)
    kinds = set()
    for row in range(100, 150):
        curve = recorded[row]
        votes = [one.decide(curve.until(look), past).stop for look in looks]
        stops = [two.decide(curve.until(look), past).stop for look in looks]
        assert stops[0] == sure.decide(curve.until(looks[0]), past).stop
        assert stops[1:] == [a and b for a, b in pairwise(votes)]
        kinds |= {(vote, stop) for vote, stop in zip(votes, stops, strict=True)}
    assert kinds == {(True, True), (True, False), (False, False)}


@pytest.mark.parametrize("settings", [{}, {"looks": "up", "ranks": "seen"}])
def test_a_fresh_rule_decides_as_one_that_went_all_the_way(recorded, settings):
    used, history = RankEnvelope(**settings), played(recorded, 80)
    for size in range(10, 80, 7):
        used.decide(recorded[90].until(2), history[:size])
    for row, tau in enumerate(look_epochs(20, used.looks), start=100):
        curve = recorded[row].until(tau)
        assert RankEnvelope(**settings).decide(curve, history) == used.decide(curve, history)


def test_trials_side_by_side_do_not_meet(recorded, past):
    rule = RankEnvelope()
    alone = [rule.decide(recorded[row].until(5), past) for row in range(100, 120)]
    mixed = {}
    for tau in (1, 2, 5):
        for row in range(119, 99, -1):
            mixed[row] = rule.decide(recorded[row].until(tau), past)
    assert [mixed[row] for row in range(100, 120)] == alone


def test_histories_in_turn_are_each_fitted_once(recorded, past, monkeypatch):
    """As with a resumed training beside normal ones, which is compared with the others from epoch 6 on."""
    fits, rule = [], RankEnvelope()
    monkeypatch.setattr(rule_module, "fit_looks", lambda *args: fits.append(1) or fit_looks(*args))
    later = altered_all(past, past.values[:, 5:])
    for row in range(100, 104):
        running = recorded[row].until(2)
        for curve, history in ((running, past), (altered_all(running, running.values[:, :15]), later)):
            assert rule.decide(curve, history) == RankEnvelope().decide(curve, history)
    assert len(fits) == 2 + 8  # 8 of the fresh rules


def test_units_of_parameters_and_unknown_or_constant_ones_change_nothing(recorded, past):
    def scaled(curves):
        architecture = {"depth": 3 * curves.architecture["depth"], "constant": np.ones(len(curves))}
        architecture["num_params"] = curves.architecture["num_params"] / 1e6
        hyper = {"lr": 100 * curves.hyperparameters["lr"], "unknown": np.full(len(curves), np.nan)}
        return LearningCurves(curves.values, architecture, hyper)

    rules, other_past = (RankEnvelope(), RankEnvelope()), scaled(past)
    for row in range(100, 130):
        curve = recorded[row].until(3)
        one, other = rules[0].decide(curve, past), rules[1].decide(scaled(curve), other_past)
        assert other.probability == pytest.approx(one.probability, abs=1e-7)
        assert (other.stop, other.reason) == (one.stop, one.reason)


def test_no_more_go_on_than_successive_halving_lets_through_and_four(recorded, past):
    """88 networks of 20 epochs: at a tenth of T the bound is 34, a third of them and four; later fewer."""
    wide, bounded = (RankEnvelope(c=1000, votes=1, reduction_factor=eta) for eta in (None, 3))
    assert refit_size(past, burn_in=6) == 88
    form = re.compile(r"ranked (\d+)\w\w of")
    bound = {1: math.inf, 2: 34, 3: 24, 4: 19, 6: 14, 8: 12}
    stopped = set()
    for tau in bound:
        for row in range(100, 150):
            curve = recorded[row].until(tau)
            decision = bounded.decide(curve, past)
            rank = int(form.match(decision.reason)[1])
            assert not wide.decide(curve, past).stop
            assert decision.stop == (rank > bound[tau])
            assert (f"; at most {bound[tau]} of 88 networks go on" in decision.reason) == (tau > 1)
            stopped.add((tau, decision.stop))
    assert {(2, True), (2, False)} <= stopped


def test_perplexities_are_compared_as_log(recorded, past):
    def perplexities(curves):
        return LearningCurves(
            np.exp(3 - curves.values), curves.architecture, curves.hyperparameters, metric="perplexity"
        )

    rule = RankEnvelope()
    one = rule.decide(recorded[110].until(3), past)
    other = rule.decide(perplexities(recorded[110].until(3)), perplexities(past))
    assert other.probability == pytest.approx(one.probability, abs=1e-7)
    assert other.y_hat_T == pytest.approx(np.exp(3 - one.y_hat_T))
    assert other.y_best == pytest.approx(np.exp(3 - one.y_best))


def test_predictions_are_near_what_comes(recorded, past):
    rule, errors = RankEnvelope(), []
    for row in range(100, 150):
        y_hat = rule.decide(recorded[row].until(15), past).y_hat_T
        errors.append(abs(y_hat - recorded.final[row]))
    assert np.median(errors) < 0.25 * recorded.final.std()


@pytest.mark.parametrize("networks", [7, 12, 20, 30, 60])
def test_without_parameters_and_with_equal_results_nothing_is_stopped(networks):
    flat, rule = LearningCurves(np.full((networks, 20), 0.1)), RankEnvelope()
    for tau in look_epochs(20, "nearest"):
        decision = rule.decide(flat[0].until(tau), flat)
        assert not decision.stop, tau
        assert decision.y_hat_T == pytest.approx(0.1)


@pytest.fixture
def late():
    """40 networks of 20 epochs that are all at 0 for six epochs."""
    best, later = np.random.default_rng(0).permutation(np.linspace(0.3, 0.9, 40)), np.arange(1, 15)
    return LearningCurves(np.hstack([np.zeros((40, 6)), best[:, None] * (1 - np.exp(-later / 3))]))


@pytest.mark.parametrize("ranks", ["fitted", "seen"])
def test_while_all_networks_are_equal_none_is_stopped(late, ranks):
    rule = RankEnvelope(ranks=ranks)
    for size in (20, 40):  # the second history goes on from the fit to the first, if ranks are "seen"
        for tau in look_epochs(20, "nearest"):
            stopped = rule.decide(late[np.argmin(late.final)].until(tau), late[:size]).stop
            assert not stopped or tau > 6, tau


def test_what_is_equal_to_some_and_behind_the_others_is_stopped(late):
    ahead = altered_all(late, np.where(np.arange(40)[:, None] < 30, late.values + 0.1, late.values))
    decision = RankEnvelope().decide(ahead[39].until(4), ahead)
    assert decision.stop
    assert re.search(r"at most 11 of 40 networks(, besides \d with the same value,)? go on", decision.reason)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("c=0", "c = 0.0"), ("c=nan", "c = nan"), ("burn_in=2", "burn_in = 2"), ("votes=0", "votes = 0"),
     ("best=0", "best = 0"), ("looks=down", "looks = 'down'"), ("ranks=all", "ranks = 'all'"),
     ("reduction_factor=1", "reduction_factor = 1.0")],
)  # fmt: skip
def test_settings_out_of_range_are_quoted(text, quoted):
    with pytest.raises(PredictorError, match=quoted):
        make_rule(f"rank-envelope:{text}")


@pytest.mark.data
@pytest.mark.skipif("METAQNN_DATA_DIR" not in os.environ, reason="needs METAQNN_DATA_DIR")
def test_on_published_curves():
    """A set on which the published criterion is reliable and slow (2.0x)."""
    curves = LearningCurves.read(Path(os.environ["METAQNN_DATA_DIR"]) / "curves" / "lstm_ptb.csv")
    result = simulate(curves, RankEnvelope(), arrival_order(0, len(curves)))
    assert result.regret <= 0.01
    assert result.speed_up > 4


def test_in_a_long_history_old_networks_but_the_best_are_forgotten(recorded, past, monkeypatch):
    monkeypatch.setattr(fit, "MOST_NETWORKS", 40)
    rule, first = RankEnvelope(best=2), refit_size(past, burn_in=6) - 40
    best = np.argsort(-np.nan_to_num(past.final[: first + 40], nan=-1))[:2]
    kept = np.isin(np.arange(len(past)), best) | (np.arange(len(past)) >= first)
    assert min(best) < first  # otherwise there would be nothing to see
    shuffled = past.values.copy()
    shuffled[~kept] = np.where(past.completed[~kept, None], shuffled[~kept] * 0.9, 0.2)
    shuffled[~kept & ~past.completed, 1:] = np.nan
    other = LearningCurves(shuffled, past.architecture, past.hyperparameters)
    assert refit_size(other, burn_in=6) - 40 == first
    curve = recorded[120].until(2)
    assert rule.decide(curve, other) == rule.decide(curve, past)
    changed = past.values * np.where(kept, 0.95, 1)[:, None]
    other = LearningCurves(changed, past.architecture, past.hyperparameters)
    assert rule.decide(curve, other) != rule.decide(curve, past)
