"""The settings that a search ran with, and what they say of its forecasts."""

from __future__ import annotations

from typing import Any

from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import (
    LAST_SEEN,
    NO_RULE,
    OF_STOPPING,
    PUBLISHED_RULE,
    compared,
    settings_of,
    split_reward,
)
from metaqnn.config.stored import VERSION
from predictor.curves.wording import ordinal
from predictor.errors import PredictorError
from predictor.models.names import DEFAULT_METHOD


def settings(config: SearchConfig) -> dict[str, Any]:
    """Name -> value of every option that matters, those of the stopping rule one by one after its name."""
    found = config.to_dict()
    del found[VERSION]
    if settings_of(config.stopping)[0] == NO_RULE:
        for name in OF_STOPPING:
            del found[name]
    if config.dataset != "svhn":
        del found["svhn_extra"]
    rule = found.pop("stopping")
    return {**found, "stopping": settings_of(rule)[0], **_of_rule(config)}


def _of_rule(config: SearchConfig) -> dict[str, Any]:
    """The settings of the rule that ran, defaults included; of a rule unknown here, only those given."""
    from metaqnn.search.rule import rule_spec  # loads SciPy, which `metaqnn show` need not
    from predictor.rules.names import rule_kind

    try:
        spec = rule_spec(config)
        every = {name: p.default for name, p in rule_kind(spec.name).settings.items()} | {**spec.settings}
    except PredictorError:
        every = dict(settings_of(config.stopping)[1])
    return {f"stopping: {name}": value for name, value in every.items()}


def rule_name(config: SearchConfig) -> str:
    """The name of the rule that decides and gives the probability, such as `rank-envelope`."""
    return settings_of(config.stopping)[0]


def compared_with(config: SearchConfig) -> str:
    """What the rule compares forecasts with: 'best', or, with `nth_best`, '2nd best' and so on."""
    _, nth_best = compared(config.stopping)
    return "best" if nth_best == 1 else f"{ordinal(nth_best)} best"


def forecaster_at_stops(config: SearchConfig) -> str:
    """What forecasts the final accuracy of a network that is stopped, which becomes the agent's reward.

    Until it has enough completed networks to learn from, that is the last accuracy seen.
    """
    reward, method = split_reward(config.reward)
    if reward == LAST_SEEN:
        return "the last accuracy seen"
    published = rule_name(config) == PUBLISHED_RULE
    return f"the rule {PUBLISHED_RULE}" if published else f"the method {method or DEFAULT_METHOD}"


def forecaster(config: SearchConfig, stop: bool) -> str:
    """What forecasts the final accuracy after an epoch.

    Args:
        config: of the search.
        stop: whether the rule decided to stop there.
    """
    return forecaster_at_stops(config) if stop else f"the rule {rule_name(config)}"
