"""What the names of columns tell besides metrics: data, results, bookkeeping or steps."""

from __future__ import annotations

import re
from collections.abc import Iterable

from predictor.curves.metrics import direction_of, mentions_metric, metric_in, setting_words, words_of
from predictor.curves.words import (
    AFTERWARDS,
    AVERAGES,
    BESIDE_COUNTERS,
    BESIDE_STEPS,
    BOOKKEEPING,
    COUNTERS,
    DATA,
    EPOCH_WORDS,
    ERROR_BARS,
    EVALUATION,
    GENERIC,
    OF_RUNS,
    OF_STEPS,
    PARAMETER_WORDS,
    SEEN,
    SMOOTHED,
    STATISTICS,
    SUPERLATIVES,
    TEST,
    TRAINING,
    VALIDATION,
)

OF_VALIDATION, UNLABELLED, OF_TEST, OF_TRAINING = range(4)

WHEN = SUPERLATIVES | {"last", "stop", "argmax"}
ONE_STEP = frozenset(("epoch", "step", "iter", "iteration", "batch"))
"""A number of one is when something was; one of several, `final_epochs`, may be planned."""
ONE_MINUS = re.compile(
    rf"(?<![a-z])(?!validation)({'|'.join(DATA)})[_.]1 ?[-\N{{MINUS SIGN}}] ?(?=[a-z])", re.IGNORECASE
)
"""`val_1-acc`; XGBoost calls the metrics on the second of its sets `validation_1-auc`."""


def split_rank(name: str) -> int:
    """Which data a metric was measured on, by its name: 0 validation, 1 not said, 2 test, 3 training data.

    `eval` is of validation data unless another word says which: `eval_train_acc`, but not `train/eval_acc`.
    """
    words = set(words_of(name))
    if words & VALIDATION - EVALUATION:
        return OF_VALIDATION
    evaluated = bool(words & EVALUATION)
    if evaluated and "/" in name:
        words = next(found for part in reversed(name.split("/")) if (found := set(words_of(part))) & DATA)
    other = OF_TRAINING if words & TRAINING else OF_TEST if words & TEST else UNLABELLED
    return OF_VALIDATION if evaluated and other == UNLABELLED else other


def evaluates_training(name: str) -> bool:
    """Whether a metric was measured on training data, but not while these were trained on."""
    return split_rank(name) == OF_TRAINING and bool(EVALUATION.intersection(words_of(name)))


def measured_on(split: int, names: Iterable[str]) -> set[tuple[str, ...]]:
    """What was measured on such data, by the words of names without their label."""
    found = [words_of(name) for name in names if split_rank(name) == split]
    return {tuple(word for word in words if word not in GENERIC) for words in found}


def may_subtract(name: str) -> bool:
    """Whether it may be of 1 minus a gain, `val_1-acc`, or of that gain on the first of several sets."""
    return ONE_MINUS.search(name) is not None and direction_of(name) == "maximize"


def names_result(name: str) -> bool:
    """Whether the name is one of a result, known only after training: `MaxAccuracy`, `best_epoch`.

    A word of parameters makes it none (`last_layer_width`, `max_lr`, `loss_weight`), unless it is
    a part of the result (`error_rate`, `best_epoch`).
    """
    words = words_of(name)
    if _tells_how_long(words):
        return True
    of_results = DATA | STATISTICS | AFTERWARDS
    others = {word for word in words if word not in of_results and metric_in([word]) is None}
    told = others & (PARAMETER_WORDS | setting_words(words) | {"lambda", "ratio", "fraction"})
    if words[-2:] in (["per", "second"], ["per", "sec"]):
        return True
    if metric_in(words) or SUPERLATIVES.intersection(words):
        return not told - {"rate", "epoch", "epochs"}
    if AFTERWARDS.intersection(words):
        return not told - {"epoch", "epochs", "n", "num"}
    if (VALIDATION - {"validate"} | TEST).intersection(words):  # `validate_every` is known before
        return not told
    return bool(STATISTICS.intersection(words)) and not others


def _tells_how_long(words: list[str]) -> bool:
    """Whether it tells how long a training was, or when it was best: `best_step`, `epochs_run`."""
    found = set(words) - {"n", "num", "early"}
    if found & WHEN and found & ONE_STEP:
        return found <= WHEN | ONE_STEP
    ended = words[-1:] == ["run"] or bool(found & {"trained", "completed"})
    return ended and bool(found & EPOCH_WORDS) and found <= EPOCH_WORDS | {"run", "trained", "completed"}


def names_bookkeeping(name: str) -> bool:
    """Whether the name is one of a run's number, date or split: `ModelId`, `IsTest`, `timestamp`."""
    words = words_of(name)
    if BOOKKEEPING.intersection(words) or (words[:1] == ["is"] and DATA.intersection(words)):
        return True
    if words[-1:] in (["id"], ["number"], ["no"], ["idx"], ["index"]):
        return len(words) == 1 or words[-2] in OF_RUNS or words[-1] == "id"
    return len(words) == 1 and words[0] in {"run", "trial", "experiment", "job"}


def names_steps(name: str) -> bool:
    """Whether the name is one of numbers of epochs, or of steps: `Epochs`, `eval_steps`, `samples_seen`."""
    words = set(words_of(name))
    return words <= EPOCH_WORDS | SEEN | BESIDE_STEPS and bool(words & (EPOCH_WORDS | SEEN))


def counts_epochs(name: str) -> bool:
    """Whether the name is that of a count of epochs or steps: `epoch_id`, `gen`, `timesteps_total`."""
    words = set(words_of(name))
    return words <= COUNTERS | BESIDE_COUNTERS and bool(words & COUNTERS)


def names_counter(name: str) -> bool:
    """Whether the name is that of numbers or a count of epochs or steps: `samples_seen`, `gen`."""
    return counts_epochs(name) or names_steps(name)


def names_no_values(name: str) -> bool:
    """Whether the column holds times, outcomes, or numbers and dates of runs, and no values of a curve."""
    return names_bookkeeping(name) or bool(AFTERWARDS.intersection(words_of(name)))


def mentions_metric_or_data(name: str) -> bool:
    """Whether the name tells what was measured, or on which data, and so is not that of a training."""
    return mentions_metric(name) or split_rank(name) != UNLABELLED


def only_accompanies(name: str, others: Iterable[str]) -> bool:
    """Whether it holds error bars of another, smooths it, or numbers its values.

    So do `loss_err` beside `loss_mean`, `err_ci` beside `err`, `acc_smoothed` beside `acc` and `acc/steps`
    beside `acc/values`.
    """
    others, words = list(others), words_of(name)
    certain = [[word for word in words_of(other) if word not in AVERAGES] for other in others]
    return numbers_values(name, others) or any(
        told.intersection(words) and [word for word in words if word not in told | AVERAGES] in certain
        for told in (ERROR_BARS, ERROR_BARS - {"err"}, SMOOTHED)
    )


def numbers_values(name: str, others: Iterable[str]) -> bool:
    """Whether it holds the steps or times of values in the same object: `acc/steps` beside `acc/values`."""
    outer, _, inner = name.rpartition("/")
    if not outer or not (names_steps(inner) or names_no_values(inner)):
        return False
    return any(other.rpartition("/")[::2] in {(outer, values) for values in OF_STEPS} for other in others)
