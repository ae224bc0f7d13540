"""A tuning of a small network whose curves are a formula of its hyper-parameters, and recorded studies."""

import warnings
from types import SimpleNamespace

import numpy as np
import optuna
import pytest

from metaqnn.executors import SerialExecutor
from metaqnn.tune.preparation import PreparedTuning
from metaqnn.tune.settings import TuneSettings
from metaqnn.tune.study import open_study
from metaqnn.tune.tuning import Tuning
from trainers import EpochReport, Outcome, TrainingResult
from trainers.chance import Chance

NETWORK = "[C(4,3,1), D(1,1), SM(10)]"
T = 6
ATTEMPTS = 5


class FormulaTrainer:
    """Curves that rise to a height, which depends on the dropout; goes on from where its checkpoint ended.

    A restart is an attempt that has learned nothing after its first epoch.
    """

    chance = Chance(0.1, 0.05)

    def __init__(self, failing=(), restarts=None):
        self.failing = failing
        self.restarts = restarts or {}
        self.trained = []
        self.saved = {}

    def facts(self, configuration):
        return {"parameters": 100, "depth": 2}

    def train(self, configuration, *, seed, on_epoch, checkpoint):
        if checkpoint.path.name in self.failing:
            return TrainingResult(Outcome.DIVERGED, (), 0.1, 1, 0.0, "training loss nan in epoch 2")
        restarts = self.restarts.get(checkpoint.path.name, 0)
        for attempt in range(1, restarts + 1):
            on_epoch(EpochReport(attempt, 0.1, 1, 0.05, 1.0, 0.1))
        if restarts == ATTEMPTS:
            return TrainingResult(Outcome.CHANCE, (0.05,), 0.1, restarts, 0.0, "no better than chance")
        height, curve = 0.9 - configuration.values["dropout"], []
        for epoch in range(1, T + 1):
            if epoch > self.saved.get(checkpoint.path.name, 0):
                self.trained.append((checkpoint.path.name, epoch))
                self.saved[checkpoint.path.name] = epoch
            curve.append(height * (1 - 0.5**epoch))
            if on_epoch(EpochReport(restarts + 1, 0.1, epoch, curve[-1], 1.0, 0.1)):
                return TrainingResult(Outcome.STOPPED, tuple(curve), 0.1, 1, 0.0, "")
        return TrainingResult(Outcome.COMPLETED, tuple(curve), 0.1, 1, 0.0, "")


@pytest.fixture
def formula_family_trainer():
    return FormulaTrainer


@pytest.fixture
def settings():
    """settings(**changes)."""

    def make(**changes):
        given = {"family": NETWORK, "dataset": "digits", "preset": "laptop", "epochs": T, "stopping": "none"}
        return TuneSettings.of({**given, **changes})

    return make


@pytest.fixture
def tuning(tmp_path, settings):
    """tuning(trainer, trials, heard, **settings): run or resume a tuning; return the study."""

    def run(trainer, trials=6, heard=lambda number, what: None, folder="run", **changes):
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        chosen = settings(**changes)
        family = chosen.make_family()
        begun = (path / "study.db").exists()
        study = open_study(f"sqlite:///{path / 'study.db'}", "study", family, chosen, begun=begun)
        prepared = PreparedTuning(chosen, family, trainer, SimpleNamespace(), SimpleNamespace())
        Tuning(study, prepared, trials, path, heard).run(SerialExecutor(trainer))
        return study

    return run


@pytest.fixture
def recorded():
    """recorded(pruner, curves): the epochs that a study with that pruner trains of each curve, (n,)."""

    def replay(pruner, curves, name="study"):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(
                direction=curves.direction, pruner=pruner, study_name=name,
                sampler=optuna.samplers.RandomSampler(seed=0),
            )  # fmt: skip
        epochs = []
        for values in curves.values:
            trial = study.ask()
            for epoch, value in enumerate(values, 1):
                trial.report(value, epoch)
                if epoch < curves.T and trial.should_prune():
                    break
            epochs.append(epoch)
            state = optuna.trial.TrialState
            study.tell(trial, **({"values": value} if epoch == curves.T else {"state": state.PRUNED}))
        return np.array(epochs)

    return replay
