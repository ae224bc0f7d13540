"""Searches begun with older defaults, before looks, ranks and the bound could be chosen, decide as before.

The epochs were recorded with the rule of that time (commit 5dadcd9). Only four of the published language
models are stopped earlier than they were: those at places 18, 19, 20 and 99. Their perplexities of up to 700
after two epochs are larger than all that the rule had learned from there, and used to count as promising.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from predictor import LearningCurves
from predictor.rules.envelope import RankEnvelope
from predictor.simulation.engine import arrival_order, simulate

SYNTHETIC = """
20 20 20 20 20 20 20 20 7 20 2 2 20 1 14 14 2 20 1 7 2 1 1 20 1 20 1 1 20 1 2 20 2 20 2 2 20 20 2 2
1 1 1 1 1 2 2 1 2 2 1 1 1 1 1 1 1 1 20 3 1 1 1 2 2 1 1 1 1 1 20 1 5 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
1 1 14 1 20 1 1 1 1 1 1 1 1 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 20 2 1 2 1 1
20 1 1 1 1 1 1 1 1 1 14 1
"""
LSTM = """
59 59 59 59 59 59 4 4 9 59 59 59 19 59 59 59 59 59 2 2 9 19 27 2 2 2 2 4 4 2 2 2 4 59 59 2 2 2 2 4
59 2 2 2 2 2 13 2 2 2 2 2 13 2 2 2 4 59 59 2 2 2 2 4 19 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 4 59 2 2 2 2 2
4 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 54 59 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 4 59 2 2 2 2 2 4 2
2 2 2 2 2 2 2 2 2 2 2 2 2 2
"""


def epochs(text):
    return [int(number) for number in text.split()]


def test_a_pinned_rule_decides_as_it_did(make_curves):
    curves = make_curves(150, 20, seed=7)
    former = RankEnvelope(
        c=2.0, burn_in=6, best=8, votes=2, looks="up", ranks="fitted", reduction_factor=None
    )
    order = arrival_order(0, len(curves))
    assert simulate(curves, former, order).epochs.tolist() == epochs(SYNTHETIC)
    assert simulate(curves, RankEnvelope(), order).epochs.tolist() != epochs(SYNTHETIC)


@pytest.mark.data
@pytest.mark.skipif("METAQNN_DATA_DIR" not in os.environ, reason="needs METAQNN_DATA_DIR")
def test_a_pinned_rule_decides_as_it_did_on_published_curves():
    curves = LearningCurves.read(Path(os.environ["METAQNN_DATA_DIR"]) / "curves" / "lstm_ptb.csv")
    former = RankEnvelope(looks="up", ranks="fitted", reduction_factor=None)
    result = simulate(curves[curves.completed][:150], former, np.arange(150))
    assert result.epochs.tolist() == epochs(LSTM)
