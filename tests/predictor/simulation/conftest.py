import pytest

from predictor.rules.base import Decision
from predictor.rules.kinds import RuleKind
from predictor.rules.names import RULES


class CutAfter:
    """Stops at epoch `tau` once `burn_in` networks have completed; counts how many were made."""

    made = 0

    def __init__(self, *, burn_in: int = 2, tau: int = 1) -> None:
        self.burn_in = burn_in
        self.tau = tau
        type(self).made += 1

    def decide(self, curve, history):
        stop = history.completed.sum() >= self.burn_in and curve.observed[0] >= self.tau
        return Decision(stop=bool(stop), reason="")


@pytest.fixture
def cut_after(monkeypatch):
    """The rule 'cut-after', which exists in this process only."""
    monkeypatch.setitem(RULES, "cut-after", RuleKind(CutAfter, "for tests"))
    monkeypatch.setattr(CutAfter, "made", 0)
    return CutAfter
