"""The stopping rules that are compared in whole searches with the surrogate trainer."""

import pytest
from search_comparison import RULES

from metaqnn.config.presets import PRESETS
from metaqnn.config.search import SearchConfig
from predictor.rules.names import RuleSpec


@pytest.mark.parametrize("preset", PRESETS)
def test_the_published_criterion_is_as_published_in_every_preset(preset):
    config = SearchConfig.of(preset, dataset="cifar10", **RULES["published"])
    assert RuleSpec.parse(config.stopping).settings == {
        "Delta": 0.99,
        "burn_in": 100,
        "target": "final",
        "n_settings": 1000,
        "refit_growth": None,
    }
    assert config.audit == 0
