"""A stopping rule of `predictor` as a Ray Tune scheduler, against no stopping and Ray's own ASHA.

    python examples/ray_tune.py

The same settings, drawn at random, are tried by each, two at a time: which of two trials ends first is a
matter of time, so the numbers differ a little from run to run.
"""

from __future__ import annotations

import logging
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the old output can be switched off

import ray
from digits import Found, compare, draw_settings, parse, train
from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from predictor.integrations.ray_tune import StoppingRuleScheduler
from predictor.rules.names import make_rule

T = 30
PARAMETERS = ("setting/learning_rate", "setting/width", "setting/weight_decay")


def train_network(config: dict[str, Any]) -> None:
    """Train one network, reporting each epoch."""
    setting = config["setting"]
    for accuracy in train(setting, T, seed=setting["number"]):
        tune.report({"accuracy": accuracy})


def scheduler(name: str) -> TrialScheduler:
    """A fresh scheduler; Ray's own with its defaults."""
    if name == "rank envelope":
        return StoppingRuleScheduler(make_rule("rank-envelope"), T, parameters=PARAMETERS)
    return ASHAScheduler(max_t=T) if name == "ASHA" else FIFOScheduler()


def search(name: str, trials: int, seed: int) -> Found:
    """One experiment."""
    drawn = enumerate(draw_settings(trials, seed))
    settings = [{**setting, "number": number} for number, setting in drawn]
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(train_network, {"cpu": 1}),
            param_space={"setting": tune.grid_search(settings)},
            tune_config=tune.TuneConfig(
                metric="accuracy",
                mode="max",
                scheduler=scheduler(name),
                max_concurrent_trials=2,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        curves = [result.metrics_dataframe["accuracy"] for result in tuner.fit()]
    return Found(sum(map(len, curves)), max(curve.max() for curve in curves))


def main() -> None:
    """Run the experiments and print the table."""
    arguments = parse(__doc__, trials=40, seeds=3)
    ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}},
    )
    rules = ("no stopping", "ASHA", "rank envelope")
    searches = {name: partial(search, name, arguments.trials) for name in rules}
    compare(searches, arguments.seeds, f"Ray Tune, {arguments.trials} trials of {T} epochs, 2 at a time")


if __name__ == "__main__":
    main()
