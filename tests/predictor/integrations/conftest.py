"""Curves for the adapters, and what a rule says when it is asked directly."""

import numpy as np
import pytest

from predictor import Decision, EarlyStopper, LearningCurves, make_method
from predictor.rules.names import make_rule

T = 8
RULES = {
    "published": lambda: EarlyStopper(Delta=0.8, burn_in=5, model=make_method("nu-svr-rbf", n_settings=20)),
    "rank envelope": lambda: make_rule("rank-envelope:burn_in=5"),
}


@pytest.fixture(params=RULES)
def fresh_rule(request):
    """Makes rules of one kind, with a burn-in of five trainings."""
    return RULES[request.param]


class Listener:
    """Answers as told (to go on, unless `stop` is set), and remembers what it was `asked`."""

    def __init__(self):
        self.stop = False
        self.asked = []

    def decide(self, curve, history):
        self.asked.append((curve, history))
        return Decision(self.stop, "as told")


@pytest.fixture
def listener():
    """A rule that remembers what it was asked."""
    return Listener()


class StopAfter:
    """Stops after that many epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def decide(self, curve, history):
        return Decision(int(curve.observed[0]) == self.epochs, "as told")


@pytest.fixture
def stop_after():
    """stop_after(epochs): a rule that stops each training after that many epochs."""
    return StopAfter


@pytest.fixture
def values():
    """(20, 8) accuracies that end between 0.2 and 0.9."""
    rng = np.random.default_rng(1)
    limit, speed = rng.uniform(0.2, 0.9, (20, 1)), rng.uniform(0.2, 1, (20, 1))
    return limit * (1 - np.exp(-speed * np.arange(1, T + 1))) + rng.normal(0, 0.01, (20, T))


@pytest.fixture
def rates():
    """(20,) learning rates."""
    return 10 ** np.random.default_rng(2).uniform(-4, -1, 20)


@pytest.fixture
def epochs_asked_directly():
    """Epochs that each training gets, one after the other, when the rule itself is asked."""

    def epochs(rule, values, rates, **kind):
        seen, found = np.full_like(values, np.nan), []
        for row, value in enumerate(values):
            history = LearningCurves(seen[:row], {}, {"lr": rates[:row]}, **kind)
            for tau in range(1, T + 1):
                seen[row, tau - 1] = value[tau - 1]
                curve = LearningCurves(seen[row : row + 1], {}, {"lr": rates[row : row + 1]}, **kind)
                if tau < T and rule.decide(curve, history).stop:
                    break
            found.append(tau)
        assert min(found) < T  # something was stopped
        return found

    return epochs
