import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from predictor.errors import CurvesError

ray = pytest.importorskip("ray")
tune = pytest.importorskip("ray.tune")

from predictor.integrations.ray_tune import StoppingRuleScheduler  # noqa: E402

T = 8


def trial(number, **config):
    return SimpleNamespace(trial_id=f"{number:05}", config=config)


def report(scheduler, trial, iteration, value, name="accuracy"):
    return scheduler.on_trial_result(None, trial, {name: value, "training_iteration": iteration})


def epochs_in_tune(rule, values, rates, metric, mode):
    """Epochs that each trial gets, one trial at a time, if the scheduler is called as by Tune."""
    scheduler, found = StoppingRuleScheduler(rule, T, parameters=["lr"]), []
    scheduler.set_search_properties(metric, mode)
    for number, (row, rate) in enumerate(zip(values, rates, strict=True)):
        running = trial(number, lr=rate)
        scheduler.on_trial_add(None, running)
        for iteration, value in enumerate(row, start=1):
            if report(scheduler, running, iteration, value, metric) == "STOP":
                break
        scheduler.on_trial_complete(None, running, {})
        found.append(iteration)
    stopped = sum(epochs < T for epochs in found)
    assert scheduler.debug_string().endswith(f"{stopped} of 20 trials stopped")
    return found


def test_decides_as_the_rule_asked_directly(fresh_rule, values, rates, epochs_asked_directly):
    expected = epochs_asked_directly(fresh_rule(), values, rates)
    assert epochs_in_tune(fresh_rule(), values, rates, "accuracy", "max") == expected


def test_a_minimised_metric_is_decided_as_the_rule_asked_directly(
    fresh_rule, values, rates, epochs_asked_directly
):
    expected = epochs_asked_directly(fresh_rule(), 1 - values, rates, metric="loss")
    assert epochs_in_tune(fresh_rule(), 1 - values, rates, "loss", "min") == expected


def test_the_history_is_what_ended_without_an_error_in_order_of_ending(listener):
    scheduler = StoppingRuleScheduler(listener, 2, metric="accuracy", mode="max", parameters=["net/lr"])
    first, second, broken = (trial(number, net={"lr": number}) for number in range(3))
    for number, running in enumerate((first, second, broken)):
        report(scheduler, running, 1, 0.1 * number)
    scheduler.on_trial_complete(None, second, {})
    scheduler.on_trial_error(None, broken)
    report(scheduler, first, 2, 0.5)
    scheduler.on_trial_complete(None, first, {})
    report(scheduler, trial(4, net={"lr": 4}), 1, 0.9)
    curve, history = listener.asked[-1]
    np.testing.assert_equal(history.values, [[0.1, np.nan], [0.0, 0.5]])
    np.testing.assert_equal(history.hyperparameters["net/lr"], [1, 0])
    np.testing.assert_equal(curve.values, [[0.9, np.nan]])
    assert curve.hyperparameters["net/lr"] == [4]


def test_names_of_parameters_are_checked(listener, caplog):
    with pytest.raises(CurvesError, match=r"parameters = 'lr'; expected a list of names, such as \['lr'\]"):
        StoppingRuleScheduler(listener, 2, parameters="lr")
    names = ["lr", "rate"]
    scheduler = StoppingRuleScheduler(listener, 2, metric="accuracy", mode="max", parameters=names)
    for number in range(5):
        ended = trial(number, lr=0.1)
        report(scheduler, ended, 1, 0.1)
        scheduler.on_trial_complete(None, ended, {})
    assert caplog.text.count("parameters = ['rate']: none of the 3 trainings that ended has them") == 1


def test_the_result_that_meets_tunes_own_criterion_completes_the_curve(listener):
    """It comes with the end of the trial alone: `RunConfig(stop={"training_iteration": 2})`."""
    scheduler = StoppingRuleScheduler(listener, 2, metric="accuracy", mode="max")
    ended = trial(0)
    report(scheduler, ended, 1, 0.1)
    scheduler.on_trial_complete(None, ended, {"accuracy": 0.2, "training_iteration": 2})
    report(scheduler, trial(1), 1, 0.3)
    history = listener.asked[-1][1]
    np.testing.assert_equal(history.values, [[0.1, 0.2]])
    assert history.completed.all()


def test_a_trial_that_was_begun_again_reports_its_epochs_again(listener):
    scheduler = StoppingRuleScheduler(listener, 5, metric="accuracy", mode="max")
    running = trial(0)
    for iteration, value in [(1, 0.1), (2, 0.2), (3, 0.3), (2, 0.25), (3, 0.35)]:
        report(scheduler, running, iteration, value)
    np.testing.assert_equal(listener.asked[-1][0].values, [[0.1, 0.25, 0.35, np.nan, np.nan]])


def test_a_trial_that_tune_tries_again_after_an_error_keeps_its_curve(listener):
    """As with `FailureConfig(max_failures=1)`: it goes on from its checkpoint of iteration 2."""
    scheduler = StoppingRuleScheduler(listener, 5, metric="accuracy", mode="max")
    running = trial(0)
    for iteration, value in [(1, 0.1), (2, 0.2), (3, 0.3)]:
        report(scheduler, running, iteration, value)
    scheduler.on_trial_error(None, running)
    scheduler.on_trial_add(None, running)
    for iteration, value in [(3, 0.35), (4, 0.4), (5, 0.5)]:
        report(scheduler, running, iteration, value)
    scheduler.on_trial_complete(None, running, {})
    report(scheduler, trial(1), 1, 0.1)
    np.testing.assert_equal(listener.asked[-1][1].values, [[0.1, 0.2, 0.35, 0.4, 0.5]])


def test_a_trial_that_goes_on_after_a_restore_is_compared_from_there(listener):
    scheduler = StoppingRuleScheduler(listener, 6, metric="accuracy", mode="max")
    whole, restored = trial(0), trial(1)
    for iteration in range(1, 7):
        report(scheduler, whole, iteration, 0.1 * iteration)
    scheduler.on_trial_complete(None, whole, {})
    report(scheduler, restored, 5, 0.9)
    curve, history = listener.asked[-1]
    np.testing.assert_equal(curve.values, [[0.9, np.nan]])
    np.testing.assert_allclose(history.values, [[0.5, 0.6]])
    report(scheduler, restored, 6, 0.95)
    scheduler.on_trial_complete(None, restored, {})
    report(scheduler, trial(2), 1, 0.2)
    np.testing.assert_allclose(listener.asked[-1][1].values, [np.arange(1, 7) / 10])  # it has no first value


@pytest.mark.parametrize("T", [2, 9])
def test_another_length_of_trials_than_said_is_told_once(caplog, T, listener):
    scheduler = StoppingRuleScheduler(listener, T, metric="accuracy", mode="max")
    for number in range(4):
        running = trial(number)
        for iteration in range(1, 5):
            assert report(scheduler, running, iteration, 0.1 * iteration) == "CONTINUE"
        scheduler.on_trial_complete(None, running, {})
    assert (
        caplog.text.count(f"T = {T}, but the 3 trainings that came to their end have 4 values: say T = 4")
        == 1
    )


def test_a_value_that_is_not_finite_stops_the_trial(listener):
    scheduler = StoppingRuleScheduler(listener, 5, metric="accuracy", mode="max")
    assert report(scheduler, trial(0), 1, float("nan")) == "STOP"


def test_a_result_without_the_metric_is_passed_over(listener):
    scheduler = StoppingRuleScheduler(listener, 5, metric="accuracy", mode="max")
    assert report(scheduler, trial(0), 1, 0.5, name="loss") == "CONTINUE"
    running = trial(1)
    report(scheduler, running, 1, 0.4)
    assert report(scheduler, running, 2, None) == "CONTINUE"
    report(scheduler, running, 3, 0.5)
    np.testing.assert_equal(listener.asked[-1][0].values, [[0.4, 0.5, np.nan, np.nan]])  # as validated
    scheduler.on_trial_complete(None, running, {"accuracy": None, "training_iteration": 4})


def test_without_metric_and_mode_no_trial_begins(listener):
    scheduler = StoppingRuleScheduler(listener, 5, metric="accuracy")
    with pytest.raises(CurvesError, match="metric = 'accuracy', mode = None"):
        scheduler.on_trial_add(None, trial(0))


def test_metric_and_mode_are_given_once(listener):
    scheduler = StoppingRuleScheduler(listener, 5, metric="accuracy", mode="max")
    assert not scheduler.set_search_properties("loss", None)
    assert scheduler.metric == "accuracy"


PROGRAM = """
import json, logging, sys, tempfile
from pathlib import Path
import ray
from ray import tune
from predictor import Decision
from predictor.integrations.ray_tune import StoppingRuleScheduler
from predictor.rules.names import make_rule

FOLDER = Path(sys.argv[1])

def train(config):
    if config["height"] == 0.55:
        raise RuntimeError("this trial crashes")
    for epoch in range(8):
        tune.report({"accuracy": config["height"] * (1 - 0.5 ** (epoch + 1))})

class Listener:
    def decide(self, curve, history):
        with (FOLDER / "asked").open("a") as file:
            print(json.dumps([curve.values[0].tolist(), len(history)]), file=file)
        return Decision(False, "go on")

def train_from_checkpoints(config):
    first, checkpoint = 1, tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as place:
            first = int(Path(place, "epoch").read_text()) + 1
    for epoch in range(first, 9):
        if epoch == 5 and not (FOLDER / "crashed").exists():
            (FOLDER / "crashed").touch()
            raise RuntimeError("after epoch 4")
        with tempfile.TemporaryDirectory() as place:
            Path(place, "epoch").write_text(str(epoch))
            tune.report({"accuracy": 1 - 0.5**epoch}, checkpoint=tune.Checkpoint.from_directory(place))

ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
         _node_ip_address="127.0.0.1")
listening = StoppingRuleScheduler(Listener(), 8)
heights = [0.8, 0.82, 0.55, 0.84, 0.78, 0.86, 0.1, 0.9, 0.12, 0.11]
results = tune.Tuner(
    train,
    param_space={"height": tune.grid_search(heights)},
    tune_config=tune.TuneConfig(
        metric="accuracy", mode="max", max_concurrent_trials=2, reuse_actors=True,
        scheduler=StoppingRuleScheduler(make_rule("rank-envelope:burn_in=3"), 8, parameters=["height"]),
    ),
    run_config=tune.RunConfig(storage_path=str(FOLDER), verbose=0),
).fit()
print("EPOCHS", *(len(r.metrics_dataframe) if r.metrics_dataframe is not None else 0 for r in results))
print("ERRORS", sum(r.error is not None for r in results))
tune.Tuner(
    train_from_checkpoints,
    tune_config=tune.TuneConfig(metric="accuracy", mode="max", scheduler=listening),
    run_config=tune.RunConfig(storage_path=str(FOLDER), name="run", verbose=0),
).fit()
(FOLDER / "asked").rename(FOLDER / "before")
run = str(FOLDER / "run")
(result,) = tune.Tuner.restore(run, trainable=train_from_checkpoints, resume_errored=True).fit()
print("ENDED", result.metrics["training_iteration"])
"""
"""Tunings by Ray Tune itself, one after the other: its start takes longer than they do."""


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """The folder of the tunings, and what they found: word -> the rest of its line."""
    folder = tmp_path_factory.mktemp("tuned")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder], capture_output=True, text=True, check=False, timeout=600
    )
    words = "EPOCHS", "ERRORS", "ENDED"
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith(words))
    assert len(found) == len(words), done.stdout + done.stderr
    return folder, found


def test_tune_itself_with_two_trials_at_a_time(tuned):
    """Hopeless trials are stopped, the crash does no harm, the best trial is trained to its end."""
    _, found = tuned
    epochs = [int(number) for number in found["EPOCHS"].split()]
    assert found["ERRORS"] == "1"
    assert [epochs[place] for place in (0, 1, 2, 7)] == [8, 8, 0, 8]
    assert min(epochs[6], epochs[8], epochs[9]) < 8


def test_after_tunes_own_restore_the_values_stand_at_their_iterations(tuned):
    folder, found = tuned
    assert found["ENDED"] == "8"
    before, after = (
        [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("before", "asked")
    )
    curve, others = before[-1]
    np.testing.assert_allclose(curve, [0.5, 0.75, 0.875, 0.9375, *[np.nan] * 4])
    curve, others = after[0]
    np.testing.assert_allclose(curve, [1 - 0.5**5, np.nan, np.nan, np.nan])  # of epochs 5 to 8
    assert (others, len(after)) == (0, 3)  # epoch 8 is the last: nothing is asked there
