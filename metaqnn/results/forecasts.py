"""Whose forecasts and probabilities are stored beside the epochs of a network: not always one model's."""

from __future__ import annotations

from metaqnn.config.search import LAST_SEEN, SearchConfig, split_reward
from metaqnn.config.stopping import PUBLISHED, settings_of
from predictor.models.names import DEFAULT_METHOD


def rule_name(config: SearchConfig) -> str:
    """The rule that decides, and judges by the probability: `rank-envelope`."""
    return settings_of(config.stopping)[0]


def forecaster_at_stops(config: SearchConfig) -> str:
    """What forecasts the final accuracy of a network that is stopped, which becomes the agent's reward.

    Until it has enough completed networks to learn from, that is the last accuracy seen.
    """
    reward, method = split_reward(config.reward)
    if reward == LAST_SEEN:
        return "the last accuracy seen"
    published = rule_name(config) == PUBLISHED
    return f"the rule {PUBLISHED}" if published else f"the method {method or DEFAULT_METHOD}"


def forecaster(config: SearchConfig, stop: bool) -> str:
    """What forecasts the final accuracy after an epoch.

    Args:
        config: of the search.
        stop: whether the rule decided to stop there.
    """
    return forecaster_at_stops(config) if stop else f"the rule {rule_name(config)}"
