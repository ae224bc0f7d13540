"""Claim: with 1,000 finished trials the default rule's should_prune takes at most twice MedianPruner's time.

    python benchmarks/optuna_pruner.py --curves FILE

FILE holds learning curves, such as the published MetaQNN CIFAR-10 CSV. A study in memory gets 1,000 finished
trials, noisy copies of a simulated search with the rule; then more trials report, one after the other, and
finish: twenty with one pruner, then the same twenty with the other, so that whatever else the machine does
disturbs both alike. Times are processor times; the mean and the longest include refits of the rule's models.
A second line for each says what calls cost at the epochs that the rule does not judge. The last lines say
what a call costs on average over the epochs of a trial that goes on to the end, whatever the pruner says: the
mean over the epochs of the median of twenty trials, in which refits do not count.
"""

import statistics
import time

import numpy as np
import optuna
from command_line import completed, described, execute, parser, positive
from decision_cost import noisy_copies

from predictor import LearningCurves, RankEnvelope
from predictor.integrations.optuna import StoppingRulePruner
from predictor.simulation.engine import simulate

N_FINISHED = 1000
IN_TURN = 20


def finished_trials(curves: LearningCurves, rng: np.random.Generator) -> list[optuna.trial.FrozenTrial]:
    epochs = simulate(curves, RankEnvelope(), np.arange(len(curves))).epochs
    rows = np.arange(N_FINISHED) % len(curves)
    return [
        optuna.trial.create_trial(
            state=optuna.trial.TrialState.COMPLETE if tau == curves.T else optuna.trial.TrialState.PRUNED,
            value=float(values[tau - 1]),
            intermediate_values=dict(enumerate(values[:tau].tolist(), start=1)),
        )
        for values, tau in zip(noisy_copies(curves[rows], rng).values, epochs[rows], strict=True)
    ]


def study_with(
    pruner: optuna.pruners.BasePruner, finished: list[optuna.trial.FrozenTrial], curves: LearningCurves
) -> optuna.Study:
    maximized = curves.direction == "maximize"
    study = optuna.create_study(direction="maximize" if maximized else "minimize", pruner=pruner)
    study.add_trials(finished)
    return study


def costs(study: optuna.Study, values: list[float], *, to_the_end: bool = False) -> list[float]:
    """Seconds of each `should_prune`, from epoch 1 on, while a trial reports these values and finishes."""
    times = []
    trial = study.ask()
    for epoch, value in enumerate(values, start=1):
        trial.report(value, epoch)
        began = time.thread_time()
        pruned = trial.should_prune()
        times.append(time.thread_time() - began)
        if pruned and not to_the_end:
            break
    state = optuna.trial.TrialState.PRUNED if pruned else None
    study.tell(trial, state=state, values=None if pruned else value)
    return times


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--curves", required=True, metavar="FILE", help="learning curves")
    options.add_argument(
        "--trials", type=positive, default=200, help="trials to time, after the 1,000 (default 200)"
    )
    chosen = options.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    curves = completed(chosen.curves)
    curves = curves[np.random.default_rng(0).permutation(len(curves))]
    rng = np.random.default_rng(1)
    finished = finished_trials(curves, rng)
    running = noisy_copies(curves[: chosen.trials], rng)
    print(described("numpy", "scipy", "optuna"))
    print(f"{len(finished):,} finished trials, {len(running)} more; milliseconds of processor time a call")
    rule = RankEnvelope()
    pruners = {
        "MedianPruner": optuna.pruners.MedianPruner(),
        "rank envelope": StoppingRulePruner(rule, T=curves.T),
    }
    studies = {name: study_with(pruner, finished, curves) for name, pruner in pruners.items()}
    report_calls(studies, running, rule)
    report_whole_trials(studies, running)


def report_calls(studies: dict[str, optuna.Study], running: LearningCurves, rule: RankEnvelope) -> None:
    """Print what calls cost in trials that end when they are pruned."""
    times: dict[str, list[float]] = {name: [] for name in studies}
    between: dict[str, list[float]] = {name: [] for name in studies}
    for first in range(0, len(running), IN_TURN):
        for name, study in studies.items():
            for values in running.values[first : first + IN_TURN].tolist():
                own = [1000 * seconds for seconds in costs(study, values)]
                times[name] += own
                between[name] += [
                    cost for epoch, cost in enumerate(own, start=1) if not rule.judges(epoch, running.T)
                ]
    usual = statistics.median(times["MedianPruner"])
    for name in studies:
        for what, own in ((name, times[name]), ("  between looks", between[name])):
            if not own:  # few trials, all of them pruned early
                continue
            print(
                f"{what:<15} n = {len(own):>5}   median {statistics.median(own):7.3f} "
                f"({statistics.median(own) / usual:4.1f} times)   "
                f"mean {statistics.mean(own):7.3f}   longest {max(own):8.1f}"
            )


def report_whole_trials(studies: dict[str, optuna.Study], running: LearningCurves) -> None:
    """Print what a call costs on average in trials that go on to the end."""
    to_the_end = running.values[:IN_TURN].tolist()
    means = {}
    for name, study in studies.items():
        calls = 1000 * np.array([costs(study, values, to_the_end=True) for values in to_the_end])
        means[name] = float(np.median(calls, axis=0).mean())
    trials = f"all {running.T} epochs of {len(to_the_end)} trials"
    for name, mean in means.items():
        print(f"{name:<15} {trials}: {mean:7.3f} ({mean / means['MedianPruner']:4.1f} times)")


if __name__ == "__main__":
    execute(main)
