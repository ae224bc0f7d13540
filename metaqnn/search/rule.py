"""The stopping rule of a search, as its configuration asks for it."""

from __future__ import annotations

from dataclasses import replace

from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import LAST_SEEN, PUBLISHED_RULE, split_reward
from metaqnn.search.randomness import Purpose, derived_seed
from predictor import EarlyStopper, StoppingRule
from predictor.models.names import make_method
from predictor.rules.names import RuleSpec
from predictor.rules.reward import ForecastAtStop, LastSeen, ModelForecaster


def stopping_rule(config: SearchConfig) -> StoppingRule:
    """The stopping rule that a configuration asks for; its decisions to stop carry what becomes the reward.

    The published criterion forecasts y_hat_T itself. For other rules a model of the completed networks does.

    Raises:
        PredictorError: there is no such rule, or it has no such setting; the message names the nearest one.
    """
    rule, (reward, method) = rule_spec(config).make(), split_reward(config.reward)
    if reward == LAST_SEEN:
        return ForecastAtStop(rule, LastSeen())
    if isinstance(rule, EarlyStopper):
        return rule
    return ForecastAtStop(rule, ModelForecaster(make_method(method) if method else None))


def rule_spec(config: SearchConfig) -> RuleSpec:
    """The rule as asked for. The published criterion draws its random numbers from the search's seed.

    Raises:
        PredictorError: there is no such rule, or it has no such setting.
    """
    spec = RuleSpec.parse(config.stopping)
    if spec.name != PUBLISHED_RULE:
        return spec
    seed = derived_seed(config.seed, Purpose.PREDICTOR)
    return replace(spec, settings={"random_state": seed, **spec.settings})
