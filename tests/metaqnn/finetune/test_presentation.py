"""The results of long trainings as text; the numbers are in test_finetuning_summary.py."""

from dataclasses import replace

import numpy as np
import pytest

from metaqnn.finetune import Candidate, Finetuning, FinetuningResult, summarise_finetuning
from metaqnn.finetune.presentation import finetuning_text

FAILED = {"outcome": "diverged", "attempt": 1, "learning_rate": 0.1, "training_accuracies": [0.5]}
NOWHERE = {"test_errors": None, "test_images": 100, "seconds": 1.0, "device": "cpu", "precision": "float32"}


def test_why_a_training_failed_is_shown_and_not_obeyed(new_trainer, new_files, record):
    """Results may come from somebody else."""
    trainer = new_trainer()
    files = new_files(trainer)
    message, candidate = "the loss is \x1b]0;pwned\x07", Candidate(4, "[SM(10)]", 10, 0.5)
    result = FinetuningResult(
        network=4, seed=0, architecture="[SM(10)]", message=message, **FAILED, **NOWHERE
    )
    files.store(result, None, None)
    summary = summarise_finetuning(files, [candidate], 1, trainer.test_labels)
    text = finetuning_text(
        Finetuning(trainer, files, [candidate], 1, search_seed=0), summary, "table", record
    )
    assert r"network 4, seed 0: diverged: the loss is \x1b]0;pwned\x07" in text.splitlines()
    assert text.replace("\n", "").isprintable()


def finetuned(trainer, files, accuracy, errors, search):
    """The lines about guessing, for one network with that many errors in 100 test images."""
    done = {**FAILED, **NOWHERE, "outcome": "completed", "test_errors": errors}
    files.store(FinetuningResult(network=4, seed=0, architecture="[SM(10)]", message="", **done), None, None)
    candidate = Candidate(4, "[SM(10)]", 10, accuracy)
    summary = summarise_finetuning(files, [candidate], 1, trainer.test_labels)
    text = finetuning_text(
        Finetuning(trainer, files, [candidate], 1, search_seed=0), summary, "table", search
    )
    return text.splitlines()[-2:]


@pytest.mark.parametrize(("accuracy", "errors", "beaten"), [(0.55, 89, False), (0.8, 20, True)])
def test_networks_are_held_against_guessing(new_trainer, new_files, record, accuracy, errors, beaten):
    images = {"train": {"cat": 500, "dog": 500}, "test": {}}
    search = replace(record, num_classes=2, images=images)
    trainer = new_trainer()
    validation, test = finetuned(trainer, new_files(trainer), accuracy, errors, search)
    assert validation.startswith("validation: always guessing the commonest class: 50.00%")
    share = 100 * (1 - np.bincount(trainer.test_labels).max() / len(trainer.test_labels))
    assert test.startswith(f"test error: {share:.2f}% by always guessing the commonest class")
    assert [("NO network is clearly better" in line) for line in (validation, test)] == [not beaten] * 2


def test_test_errors_do_not_speak_against_networks_for_balanced_accuracy(new_trainer, new_files, record):
    search = replace(record, config=replace(record.config, metric="balanced-accuracy"))
    trainer = new_trainer()
    assert not finetuned(trainer, new_files(trainer), 0.55, 95, search)[-1].endswith("than that")


def test_an_ensemble_of_one_of_several_seeds_has_no_standard_error(new_trainer, new_files, record):
    trainer = new_trainer()
    files, labels = new_files(trainer), trainer.test_labels
    candidates = [Candidate(number, "[SM(10)]", 10, 0.5) for number in (1, 2)]
    for number, seed, failed in ((1, 0, False), (2, 0, False), (1, 1, False), (2, 1, True)):
        done = {**FAILED, **NOWHERE} | ({} if failed else {"outcome": "completed", "test_errors": 20})
        result = FinetuningResult(network=number, seed=seed, architecture="[SM(10)]", message="", **done)
        files.store(result, None, None)
    files.probabilities = lambda number, seed: np.eye(10, dtype=np.float32)[labels]
    summary = summarise_finetuning(files, candidates, 2, labels)
    finetuning = Finetuning(trainer, files, candidates, 2, search_seed=0)
    lines = finetuning_text(finetuning, summary, "table", record).splitlines()
    cells = [
        next(line for line in lines if line.startswith(word)).split()[2:4] for word in ("1 ", "ensemble")
    ]
    assert cells == [["20.00%", "0.00%"], ["-", "mean"]]
    assert not any("0.00% to" in line for line in lines)
