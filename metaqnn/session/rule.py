"""The stopping rule of a search, and the reward of what it stops."""

from __future__ import annotations

from dataclasses import replace

from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import PUBLISHED
from metaqnn.search.randomness import Purpose, derived_seed
from predictor import EarlyStopper, StoppingRule
from predictor.rules.names import RuleSpec
from predictor.rules.reward import ForecastAtStop, LastSeen, ModelForecaster


def stopping_rule(config: SearchConfig) -> StoppingRule:
    """The stopping rule that a configuration asks for; its decisions to stop carry what becomes the reward.

    The published criterion forecasts y_hat_T itself. For other rules a model of the completed networks does.

    Raises:
        PredictorError: there is no such rule, or it has no such setting; the message names the nearest one.
    """
    rule = _spec(config).make()
    if config.reward == "last-seen":
        return ForecastAtStop(rule, LastSeen())
    return rule if isinstance(rule, EarlyStopper) else ForecastAtStop(rule, ModelForecaster())


def _spec(config: SearchConfig) -> RuleSpec:
    """The rule as asked for. The published criterion draws its random numbers by the search's seed."""
    spec = RuleSpec.parse(config.stopping)
    if spec.name != PUBLISHED:
        return spec
    seed = derived_seed(config.seed, Purpose.PREDICTOR)
    return replace(spec, settings={"random_state": seed, **spec.settings})
