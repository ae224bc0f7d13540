"""Long training of a search's best networks: which ones, where their results are kept, and what they are."""

from __future__ import annotations

from metaqnn.finetune.candidates import Candidate, choose
from metaqnn.finetune.files import FinetuningFiles
from metaqnn.finetune.finetuning import Finetuning
from metaqnn.finetune.summary import summarise_finetuning
from metaqnn.results.long_trained import FinetuningError, FinetuningResult

__all__ = [
    "Candidate",
    "Finetuning",
    "FinetuningError",
    "FinetuningFiles",
    "FinetuningResult",
    "choose",
    "summarise_finetuning",
]
