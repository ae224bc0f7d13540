"""Configurations of older versions: they mean what they meant."""

import json
from dataclasses import asdict

import pytest

from metaqnn.config.environment import Environment
from metaqnn.config.options import ConfigError
from metaqnn.config.search import SearchConfig

OLD = """{"dataset": "digits", "preset": "first-run", "seed": 0, "layer_limit": 8, "conv_widths": [8, 16, 32],
"conv_sizes": [1, 3, 5], "pools": [[3, 2], [2, 2]], "fc_widths": [64, 32], "schedule": "1.0:40,0.1:20",
"alpha": 0.01, "gamma": 1.0, "initial_q": 0.5, "replays": 100, "image_size": null, "train_limit": null,
"validation_size": 300, "epochs": 10, "batch_size": 16, "learning_rate": 0.003, "decay_factor": 0.2,
"decay_every": 4, "attempts": 5, "mirror": false, "translate": 0, "svhn_extra": false,
"early_stopping": true, "delta": 0.95, "tolerance": 0.01, "nth_best": 2, "burn_in": 15,
"target": "increment", "svr_settings": 200, "refit_growth": 1.5}"""
"""As stored before there were names of rules, rewards and audits."""
PUBLISHED = (
    "published:Delta=0.95,tolerance=0.01,nth_best=2,burn_in=15,target=increment,n_settings=200,"
    "refit_growth=1.5"
)
SETTINGS = ("tolerance", "nth_best", "burn_in", "target", "svr_settings", "refit_growth")


def stored(**changes):
    """As stored when the settings of the published criterion were options of their own."""
    values = {**json.loads(OLD), "reward": "forecast", "audit": 0.02, **changes}
    del values["early_stopping"]
    return values


@pytest.mark.parametrize(("early_stopping", "rule"), [(True, PUBLISHED), (False, "none")])
def test_a_search_from_before_rules_had_names(early_stopping, rule):
    old = {**json.loads(OLD), "early_stopping": early_stopping}
    config = SearchConfig.from_dict(old)
    assert (config.stopping, config.reward, config.audit) == (rule, "forecast:robust-gp", 0.0)
    gone = ("early_stopping", "delta", *SETTINGS)
    unchanged = {name: value for name, value in old.items() if name not in gone}
    assert unchanged.items() <= json.loads(json.dumps(config.to_dict())).items()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"stopping": "paper"}, PUBLISHED),
        (
            {"stopping": "rank-envelope:c=3", "delta": None},
            "rank-envelope:c=3,looks=up,reduction_factor=none",
        ),
        ({"stopping": "none", "delta": None}, "none"),
        (  # settings after a colon took nothing from the preset, nor the search's seed
            {"stopping": "paper:Delta=0.9,burn_in=50", "delta": None},
            "published:Delta=0.9,burn_in=50,refit_growth=none,random_state=0",
        ),
    ],
)
def test_a_search_from_when_settings_were_options(changes, rule):
    config = SearchConfig.from_dict(stored(**changes))
    assert config.stopping == rule
    assert SearchConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("version", "rule", "as_it_was"),
    [
        (None, "rank-envelope", "rank-envelope:looks=up,reduction_factor=none"),
        (None, "rank-envelope:c=1,votes=1", "rank-envelope:c=1,votes=1,looks=up,reduction_factor=none"),
        (None, "median", "median"),
        (2, "rank-envelope", "rank-envelope:looks=up"),
        (2, "rank-envelope:looks=nearest,c=3", "rank-envelope:looks=nearest,c=3"),
        (2, "median", "median"),
    ],
)
def test_a_search_from_before_the_envelope_had_a_bound_or_looked_earlier_goes_on_as_it_was(
    version, rule, as_it_was
):
    now = SearchConfig.of("laptop", stopping=rule)
    values = json.loads(json.dumps(now.to_dict()))
    assert SearchConfig.from_dict(values).stopping == rule
    values = {**values, "version": version} if version else {k: values[k] for k in values if k != "version"}
    before = SearchConfig.from_dict(values)
    assert before.stopping == as_it_was
    assert SearchConfig.from_dict(before.to_dict()) == before


def test_a_stored_rule_that_is_no_text_is_refused():
    with pytest.raises(ConfigError, match="unknown options"):
        SearchConfig.from_dict(stored(stopping=5))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], r"the stored environment is \[\]; it must be an object"),
        ("x", "the stored environment is 'x'"),
        ({"device": 7}, "stored option device is 7; it must be text"),
        ({"download": "yes"}, "stored option download is 'yes'; it must be true or false"),
        ({"threads": "2"}, "stored option threads is '2'; it must be a whole number or null"),
        ({"workers": 1.5}, "stored option workers is 1.5; it must be a whole number or text"),
        ({"threads": 10**9}, "--threads is 1000000000; it must be a whole number from 1 to 1024"),
    ],
)
def test_an_environment_that_is_none_is_quoted(values, said):
    with pytest.raises(ConfigError, match=said):
        Environment.stored(values)


def test_a_stored_option_that_is_no_list_is_told_what_it_must_be():
    wanted = "stored option pools is 'x'; it must be a list of pairs of whole numbers"
    with pytest.raises(ConfigError, match=f"^{wanted}$"):
        SearchConfig.from_dict({**SearchConfig.of("laptop").to_dict(), "pools": "x"})


def test_a_stored_environment_is_read():
    assert Environment.stored(asdict(Environment(threads=2, workers="auto"))).workers == "auto"


@pytest.mark.parametrize("version", [4, 1, True, "3", [3]])
def test_an_unknown_version_is_refused(version):
    values = {**SearchConfig.of("first-run").to_dict(), "version": version}
    with pytest.raises(ConfigError, match=r"options are of version .*; this metaqnn reads versions up to 3"):
        SearchConfig.from_dict(values)
