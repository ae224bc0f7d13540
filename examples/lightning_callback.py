"""A stopping rule of `predictor` as a Lightning callback, against no stopping and Lightning's EarlyStopping.

    python examples/lightning_callback.py

The same settings, drawn at random, are trained in the same order by each.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable
from functools import partial

import lightning
import torch
from digits import Found, compare, draw_settings, load, parse
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from predictor.integrations.lightning import StoppingRuleCallback
from predictor.integrations.recorded import CurveStore
from predictor.rules.names import make_rule

T = 15
MONITOR = "val_accuracy"
Setting = dict[str, float]


class Network(lightning.LightningModule):
    """One hidden layer; remembers its validation accuracies."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        width = int(setting["width"])
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10)
        )
        self.accuracies: list[float] = []

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        """The loss of a batch."""
        x, y = batch
        return cross_entropy(self.layers(x), y)

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        """Log the accuracy of the one batch of validation images."""
        x, y = batch
        accuracy = (self.layers(x).argmax(1) == y).float().mean()
        self.log(MONITOR, accuracy)
        self.accuracies.append(float(accuracy))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        rate, decay = self.setting["learning_rate"], self.setting["weight_decay"]
        return torch.optim.AdamW(self.parameters(), lr=rate, weight_decay=decay)


def train(setting: Setting, seed: int, callbacks: list[Callback]) -> list[float]:
    """Train one network; its validation accuracies."""
    x, x_validation, y, y_validation = map(torch.tensor, load())
    torch.manual_seed(seed)
    network = Network(setting)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=T,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(
        network,
        DataLoader(TensorDataset(x.float(), y), batch_size=50, shuffle=True),
        DataLoader(TensorDataset(x_validation.float(), y_validation), batch_size=len(y_validation)),
    )
    return network.accuracies


def search(callbacks: Callable[[CurveStore, Setting], list[Callback]], trainings: int, seed: int) -> Found:
    """Train all settings of a seed."""
    with tempfile.TemporaryDirectory() as folder:
        store = CurveStore(f"{folder}/curves.npz", T)
        curves = [
            train(setting, number, callbacks(store, setting))
            for number, setting in enumerate(draw_settings(trainings, seed))
        ]
    return Found(sum(map(len, curves)), max(map(max, curves)))


def main() -> None:
    """Run the searches and print the table."""
    arguments = parse(__doc__, trainings=25, seeds=3)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    callbacks: dict[str, Callable[[CurveStore, Setting], list[Callback]]] = {
        "no stopping": lambda store, setting: [],
        "EarlyStopping": lambda store, setting: [EarlyStopping(MONITOR, mode="max")],
        "rank envelope": lambda store, setting: [
            StoppingRuleCallback(store, make_rule("rank-envelope"), MONITOR, setting)
        ],
    }
    searches = {name: partial(search, made, arguments.trainings) for name, made in callbacks.items()}
    compare(searches, arguments.seeds, f"Lightning, {arguments.trainings} trainings of {T} epochs")


if __name__ == "__main__":
    main()
