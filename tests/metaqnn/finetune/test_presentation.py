"""What long trainings came to, as text; the numbers are in test_finetuning_summary.py."""

from metaqnn.finetune import Candidate, Finetuning, FinetuningResult, summarise_finetuning
from metaqnn.finetune.presentation import finetuning_text

FAILED = {"outcome": "diverged", "attempt": 1, "learning_rate": 0.1, "training_accuracies": [0.5]}
NOWHERE = {"test_errors": None, "test_images": 100, "seconds": 1.0, "device": "cpu", "precision": "float32"}


def test_why_a_training_failed_is_shown_and_not_obeyed(new_trainer, new_files):
    """Results come from others, too."""
    trainer = new_trainer()
    files = new_files(trainer)
    message, candidate = "the loss is \x1b]0;pwned\x07", Candidate(4, "[SM(10)]", 10, 0.5)
    result = FinetuningResult(
        network=4, seed=0, architecture="[SM(10)]", message=message, **FAILED, **NOWHERE
    )
    files.store(result, None, None)
    summary = summarise_finetuning(files, [candidate], 1, trainer.test_labels)
    text = finetuning_text(Finetuning(trainer, files, [candidate], 1, search_seed=0), summary, "table")
    assert r"network 4, seed 0: diverged: the loss is \x1b]0;pwned\x07" in text.splitlines()
    assert text.replace("\n", "").isprintable()
