"""Forecasts of learning curves, their uncertainty, and stop decisions, for any iterative training."""

from predictor.curves import LearningCurves
from predictor.early_stopping import EarlyStopper
from predictor.errors import CurvesError, PredictorError
from predictor.features import CurveFeatures
from predictor.methods import make_method
from predictor.sequential import SequentialRegression
from predictor.stopping import Decision, NoStopping, StoppingRule

__all__ = [
    "CurveFeatures",
    "CurvesError",
    "Decision",
    "EarlyStopper",
    "LearningCurves",
    "NoStopping",
    "PredictorError",
    "SequentialRegression",
    "StoppingRule",
    "make_method",
]
