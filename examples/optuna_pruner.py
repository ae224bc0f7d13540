"""A stopping rule of `predictor` as an Optuna pruner, against no pruning and Optuna's own MedianPruner.

    python examples/optuna_pruner.py

The same settings (random sampler, same seed) are tried in the same order by each.
"""

from __future__ import annotations

from functools import partial

import optuna
from digits import Found, compare, parse, train

from predictor.integrations.optuna import StoppingRulePruner
from predictor.rules.names import make_rule

T = 30


def objective(trial: optuna.Trial) -> float:
    """Train one network, reporting each epoch."""
    setting = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 0.3, log=True),
        "width": 2 ** trial.suggest_int("log2_width", 2, 7),
        "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1, log=True),
    }
    accuracy = 0.0
    for epoch, accuracy in enumerate(train(setting, T, seed=trial.number)):
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


def pruner(name: str) -> optuna.pruners.BasePruner:
    """A fresh pruner."""
    if name == "rank envelope":
        return StoppingRulePruner(
            make_rule("rank-envelope"), T, parameters=["learning_rate", "log2_width", "weight_decay"]
        )
    return optuna.pruners.MedianPruner() if name == "MedianPruner" else optuna.pruners.NopPruner()


def search(name: str, trials: int, seed: int) -> Found:
    """One study."""
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.RandomSampler(seed), pruner=pruner(name)
    )
    study.optimize(objective, n_trials=trials)
    curves = [trial.intermediate_values.values() for trial in study.trials]
    return Found(sum(map(len, curves)), max(max(curve) for curve in curves))


def main() -> None:
    """Run the studies and print the table."""
    arguments = parse(__doc__, trials=40, seeds=5)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rules = ("no pruning", "MedianPruner", "rank envelope")
    searches = {name: partial(search, name, arguments.trials) for name in rules}
    compare(searches, arguments.seeds, f"Optuna, {arguments.trials} trials of {T} epochs")


if __name__ == "__main__":
    main()
