"""How well methods predict recorded curves: R^2 over splits, ablations, depth generalisation, calibration."""

from __future__ import annotations

from predictor.evaluation.experiment import Plan, SetResult, evaluate
from predictor.evaluation.methods import EVALUATED, Variant
from predictor.evaluation.results import Cell, Outcome

__all__ = ["EVALUATED", "Cell", "Outcome", "Plan", "SetResult", "Variant", "evaluate"]
