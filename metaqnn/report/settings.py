"""The settings that a search ran with."""

from __future__ import annotations

from typing import Any

from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import settings_of
from metaqnn.config.stored import VERSION
from predictor.errors import PredictorError
from predictor.rules.names import RuleSpec, rule_kind

OF_STOPPING = "reward", "audit"
"""Options that mean nothing where no network is stopped."""


def settings(config: SearchConfig) -> dict[str, Any]:
    """Name -> value of every option that matters, those of the stopping rule one by one after its name."""
    found = config.to_dict()
    del found[VERSION]
    if settings_of(config.stopping)[0] == "none":
        for name in OF_STOPPING:
            del found[name]
    if config.dataset != "svhn":
        del found["svhn_extra"]
    rule = found.pop("stopping")
    return {**found, "stopping": settings_of(rule)[0], **_of_rule(rule)}


def _of_rule(rule: str) -> dict[str, Any]:
    """Of the rule that ran, its settings as given and its defaults; of one that is unknown here, as given."""
    try:
        spec = RuleSpec.parse(rule)
        every = {name: p.default for name, p in rule_kind(spec.name).settings.items()} | {**spec.settings}
    except PredictorError:
        every = dict(settings_of(rule)[1])
    return {f"stopping: {name}": value for name, value in every.items()}
