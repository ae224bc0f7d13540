"""What is written is what was trained, in the format that `predictor` reads."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial

from metaqnn.tune.presentation import _notes, _resumed, _table, best_line, saved
from metaqnn.tune.results import (
    TuneSummary,
    best_trials,
    curves_csv,
    summarise_tune,
    trial_row,
    write_results,
)
from predictor import LearningCurves
from trainers.families import make_family

RULE = "optuna.MedianPruner:n_startup_trials=1"


def test_the_curves_are_read_by_predictor_as_they_were_trained(
    tuning, formula_family_trainer, settings, tmp_path
):
    study = tuning(formula_family_trainer(), trials=12, stopping=RULE)
    chosen = settings(stopping=RULE)
    write_results(study, chosen.make_family(), chosen, tmp_path)
    curves = LearningCurves.read(tmp_path / "curves.csv")
    assert curves.shape == (12, 6)
    assert (curves.metric, curves.direction) == ("accuracy", "maximize")
    for trial, values in zip(study.trials, curves.values, strict=True):
        told = [trial.intermediate_values.get(epoch, np.nan) for epoch in range(1, 7)]
        assert np.array_equal(values, told, equal_nan=True)
    assert {*curves.architecture} == {"parameters", "depth"}
    assert {*curves.hyperparameters} == {*chosen.make_family().parameters}
    assert curves.hyperparameters["lr"].tolist() == [trial.params["lr"] for trial in study.trials]


def test_perplexities_are_read_as_such(tuning, formula_family_trainer, settings, tmp_path):
    study = tuning(formula_family_trainer(), trials=3)
    family = make_family("lstm", "laptop")
    (tmp_path / "ppl.csv").write_text(curves_csv(study.trials, family, settings()))
    assert LearningCurves.read(tmp_path / "ppl.csv").metric == "perplexity"


def test_columns_of_every_family_are_parameters_and_not_epochs(
    tuning, formula_family_trainer, settings, tmp_path
):
    study = tuning(formula_family_trainer(), trials=3)
    for trial in study.trials:
        trial.params.update(dict.fromkeys(make_family("resnet39", "paper").parameters, 1))
    file = tmp_path / "resnet39.csv"
    file.write_text(curves_csv(study.trials, make_family("resnet39", "paper"), settings()))
    curves = LearningCurves.read(file)
    assert curves.T == 6
    assert len(curves.architecture) + len(curves.hyperparameters) == 2 + 37


def test_the_best_comes_first_and_is_written(tuning, formula_family_trainer, settings, tmp_path):
    study = tuning(formula_family_trainer(), trials=6)
    best = best_trials(study, 3)
    dropouts = [trial.params["dropout"] for trial in best]
    assert dropouts == sorted(trial.params["dropout"] for trial in study.trials)[:3]
    write_results(study, settings().make_family(), settings(), tmp_path)
    written = json.loads((tmp_path / "best.json").read_text())
    assert written["parameters"] == best[0].params
    assert written["accuracy"] == best[0].value


def test_epochs_are_counted(tuning, formula_family_trainer, settings):
    study = tuning(formula_family_trainer(failing=("trial-2.pt",)), trials=12, stopping=RULE)
    found = summarise_tune(study, settings())
    assert found.trials == found.completed + found.stopped + found.failed == 12
    assert found.failed == 1
    assert found.epochs == sum(len(trial.intermediate_values) for trial in study.trials)
    assert found.full_epochs == 11 * 6


def test_epochs_of_attempts_that_started_again_count_as_in_a_search(tuning, formula_family_trainer, settings):
    """Both in the epochs trained and in those of training to the end: stopping has not saved them."""
    trainer = formula_family_trainer(restarts={"trial-0.pt": 2, "trial-1.pt": 5})

    def cut(number, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuning(trainer, trials=3, heard=cut)
    found = summarise_tune(tuning(trainer, trials=3), settings())
    assert (found.completed, found.failed) == (2, 1)
    assert found.epochs == found.full_epochs == (2 + 6) + 5 + 6


@pytest.mark.parametrize(
    ("epochs", "full", "said"),
    [(15, 27, "1.80 times fewer than 27"), (15, 15, "none saved"), (0, 0, "none saved")],
)
def test_epochs_that_were_saved_are_told(epochs, full, said):
    assert saved(TuneSummary(5, 3, 2, 0, epochs, full, {})) == said


def test_failures_are_told_by_kind_with_the_first_of_each(tuning, formula_family_trainer, settings):
    study = tuning(formula_family_trainer(failing=("trial-2.pt", "trial-4.pt")), trials=6)
    message = "training loss nan in epoch 2"
    assert summarise_tune(study, settings()).failures == {
        "diverged": {"trials": 2, "first": 2, "message": message}
    }


@pytest.fixture
def of_trials():
    """of_trials(direction, (state, curve, attributes), ...): a study in memory, and its trials."""

    def make(direction, *trials):
        study = optuna.create_study(direction=direction)
        for state, curve, attributes in trials:
            values = dict(enumerate(curve, 1))
            value = curve[-1] if state is TrialState.COMPLETE else None
            trial = create_trial(state=state, value=value, user_attrs=attributes, intermediate_values=values)
            study.add_trial(trial)
        return study

    return make


@pytest.mark.parametrize(("direction", "best"), [("maximize", [1, 3, 2, 0]), ("minimize", [0, 2, 1, 3])])
def test_of_equally_good_trials_the_earlier_is_better(of_trials, direction, best):
    ended = [(TrialState.COMPLETE, [value], {}) for value in (0.1, 0.9, 0.5, 0.9)]
    study = of_trials(direction, *ended, (TrialState.PRUNED, [0.99 if direction == "maximize" else 0.01], {}))
    assert [trial.number for trial in best_trials(study, 9)] == best


def test_of_the_curves_it_is_told_how_each_ended_and_what_is_known_of_its_network(of_trials, settings):
    study = of_trials(
        "maximize",
        (TrialState.COMPLETE, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], {"parameters": 7}),
        (TrialState.PRUNED, [0.1], {}),
        (TrialState.RUNNING, [0.1, 0.2], {}),
        (TrialState.FAIL, [], {"outcome": "crashed"}),
        (TrialState.FAIL, [0.3], {}),
        (TrialState.FAIL, [0.4], {"outcome": "crashed"}),
    )
    rows = list(csv.DictReader(curves_csv(study.trials, settings().make_family(), settings()).splitlines()))
    assert [(row["id"], row["outcome"]) for row in rows] == [
        ("0", "completed"), ("1", "stopped"), ("2", "in training"), ("4", "failed"), ("5", "crashed"),
    ]  # fmt: skip
    assert [row["parameters"] for row in rows] == ["7", "", "", "", ""]
    assert [row["acc_6"] for row in rows] == ["0.6", "", "", "", ""]


def test_the_commonest_failure_comes_first_and_what_failed_saves_nothing(of_trials, settings):
    why = [("diverged", "nan"), ("crashed", "no memory"), ("crashed", "no disk")]
    failed = [(TrialState.FAIL, [0.1, 0.2], {"outcome": kind, "message": text}) for kind, text in why]
    found = summarise_tune(of_trials("maximize", *failed, (TrialState.PRUNED, [0.1], {})), settings())
    assert list(found.failures.items()) == [
        ("crashed", {"trials": 2, "first": 1, "message": "no memory"}),
        ("diverged", {"trials": 1, "first": 0, "message": "nan"}),
    ]
    assert (found.epochs, found.full_epochs) == (3 * 2 + 1, 3 * 2 + 6)


@pytest.mark.parametrize(
    ("trials", "ended", "said"),
    [
        (6, 6, []),
        (5, 0, ["--delta stops nothing in 5 trials: --burn-in is 5"]),
        (6, 7, ["7 trials ended before; --trials is the total, including them"]),
    ],
)
def test_what_may_have_been_expected_otherwise_is_noted(settings, trials, ended, said):
    prepared = SimpleNamespace(settings=settings(stopping=None, delta=0.9, burn_in=5))
    session = SimpleNamespace(prepared=prepared, trials=trials, ended=lambda: ended)
    assert list(_notes(session)) == [f"note        {line}" for line in said]


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ("", []),
        ("CPF", ["resumed     3 trials already ended"]),
        ("CR", ["resumed     1 trial already ended, 1 interrupted"]),
        ("RR", ["resumed     0 trials already ended, 2 interrupted"]),
    ],
)
def test_what_a_resumed_tuning_begins_with_is_told(of_trials, states, said):
    known = {"C": TrialState.COMPLETE, "P": TrialState.PRUNED, "F": TrialState.FAIL, "R": TrialState.RUNNING}
    study = of_trials("maximize", *((known[state], [0.5], {}) for state in states))
    ended = sum(state in "CPF" for state in states)
    assert _resumed(SimpleNamespace(study=study, ended=lambda: ended)) == said


def test_the_best_so_far_is_told(of_trials, settings):
    prepared = SimpleNamespace(family=settings().make_family())
    study = of_trials("maximize", *((TrialState.COMPLETE, [value], {}) for value in (0.1, 0.75, 0.5)))
    assert best_line(SimpleNamespace(prepared=prepared, study=study)) == "best 75.00% (trial 1)"
    assert best_line(SimpleNamespace(prepared=prepared, study=of_trials("maximize"))) == "none completed"


def test_places_and_sizes_have_the_names_that_metaqnn_top_gives_them(of_trials, settings):
    """A rank there is shared by equally good networks, and `parameters` counts what is trained."""
    study = of_trials("maximize", (TrialState.COMPLETE, [0.5], {"parameters": 7000, "depth": 3}))
    row = trial_row(study.trials[0], 1, "accuracy")
    assert row == {"place": 1, "trial": 0, "accuracy": 0.5, "parameters": 7000, "depth": 3}
    prepared = SimpleNamespace(settings=settings(), family=settings().make_family())
    heading, _, line = _table(
        [{**row, **dict.fromkeys(prepared.family.parameters, 1)}], prepared
    ).splitlines()
    assert heading.split() == ["place", "trial", "accuracy", "parameters", "hyper-parameters"]
    assert line.split()[:4] == ["1", "0", "50.00%", "7k"]


def test_a_study_of_an_earlier_commit_has_its_parameters_under_another_name(of_trials, settings):
    """Resumed, it has both."""
    former = (TrialState.COMPLETE, [0.1], {"num_params": 7, "depth": 3})
    study = of_trials("maximize", former, (TrialState.COMPLETE, [0.2], {"parameters": 8, "depth": 2}))
    assert trial_row(study.trials[0], 2, "accuracy")["parameters"] == 7
    rows = list(csv.DictReader(curves_csv(study.trials, settings().make_family(), settings()).splitlines()))
    assert [(row["parameters"], row["depth"]) for row in rows] == [("7", "3"), ("8", "2")]
    assert "num_params" not in rows[0]


def test_where_no_trial_was_completed_there_is_no_best(of_trials, settings, tmp_path):
    study = of_trials("maximize", (TrialState.PRUNED, [0.1], {}))
    write_results(study, settings().make_family(), settings(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["curves.csv"]


def test_the_best_trial_is_written_with_what_it_was_found_for(of_trials, settings, tmp_path):
    study = of_trials("maximize", *((TrialState.COMPLETE, [value], {}) for value in (0.1, 0.6)))
    write_results(study, settings().make_family(), settings(), tmp_path)
    assert json.loads((tmp_path / "best.json").read_text()) == {
        "family": settings().family, "dataset": "digits", "preset": "laptop", "epochs": 6,
        "trial": 1, "accuracy": 0.6, "parameters": {},
    }  # fmt: skip
