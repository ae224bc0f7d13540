"""Forecasts of learning curves, their uncertainty, and stop decisions, for any iterative training."""

from predictor.curves.learning_curves import LearningCurves
from predictor.errors import CurvesError, PredictorError
from predictor.models.features import CurveFeatures
from predictor.models.names import make_method
from predictor.models.sequential import SequentialRegression
from predictor.rules.base import Decision, NoStopping, StoppingRule
from predictor.rules.published import EarlyStopper

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
