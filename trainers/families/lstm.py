"""Language models of stacked LSTM layers ([PP], appendix A: LSTM on the Penn Treebank)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from trainers.families.base import Family, Values, Whole
from trainers.families.recipe import FamilyRecipe
from trainers.networks import QuickDropout

EMBEDDING = 400
DROPOUT = 0.5
CLIP = 5.0
HIGH_SHARE = 46 / 60
"""Share of the epochs before the rate falls to a tenth: the published curves drop after 46 of 60."""


class LanguageModel(nn.Module):
    """Embedding of 400, a dense layer to `inputs`, LSTM layers of `cells`, a dense layer to the vocabulary.

    It continues from the state in which the last batch left it, until `reset`.
    """

    def __init__(self, vocabulary: int, inputs: int, cells: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, EMBEDDING)
        self.inputs = nn.Linear(EMBEDDING, inputs)
        between = DROPOUT if layers > 1 else 0.0
        self.cells = nn.LSTM(inputs, cells, layers, batch_first=True, dropout=between)
        self.dropout = QuickDropout(DROPOUT)
        self.output = nn.Linear(cells, vocabulary)
        self.reset()

    def reset(self) -> None:
        """Begin a text: the state is zero."""
        self._state: tuple[Tensor, Tensor] | None = None

    def forward(self, words: Tensor) -> Tensor:
        """(batch, steps) word numbers to (batch, steps, vocabulary) logits of the words that follow."""
        outputs, (hidden, memory) = self.cells(self.dropout(self.inputs(self.embedding(words))), self._state)
        self._state = hidden.detach(), memory.detach()
        logits: Tensor = self.output(self.dropout(outputs))
        return logits


@dataclass(frozen=True)
class Lstm(Family):
    """`n_layer` layers of `n_cells` cells each on `n_inputs` inputs.

    Dropout of 0.5 before, between and after the layers; SGD, the gradient clipped to norm 5.
    The loss of a step is the sum over its words, averaged over the batch. That the inputs are a dense layer
    between the embedding of 400 and the LSTM is our reading of the text, and the rates, the clipping and the
    unrolled length are ours.
    """

    data = "words"
    chance_factor = 1.0

    def build(self, values: Values, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        """See `Family`."""
        return LanguageModel(classes, *(int(values[name]) for name in ("n_inputs", "n_cells", "n_layer")))

    def recipe(self, values: Values, epochs: int) -> FamilyRecipe:
        """See `Family`."""
        return FamilyRecipe(
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=self.fixed_rate,
            decay_factor=0.1,
            decay_every=max(1, round(HIGH_SHARE * epochs)),
            clip=CLIP,
            chance_factor=self.chance_factor,
        )


def lstm(preset: str) -> Lstm:
    """The family with the space of a preset."""
    if preset == "paper":
        units = Whole(10, 1390, 20)
        return Lstm(
            "lstm", {"n_layer": Whole(2, 5), "n_inputs": units, "n_cells": units}, epochs=60, batch_size=50
        )
    units = Whole(10, 110, 20)
    return Lstm(
        "lstm",
        {"n_layer": Whole(1, 3), "n_inputs": units, "n_cells": units},
        epochs=9,
        batch_size=20,
        train_limit=30_000,
        validation_size=10_000,
        fixed_rate=1.0,
    )
