"""A stopping rule of `predictor` as a Keras callback, against no stopping and Keras' EarlyStopping.

    KERAS_BACKEND=torch python examples/keras_callback.py

The same settings, drawn at random, are trained in the same order by each.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
from digits import Found, compare, draw_settings, load, parse
from keras.callbacks import Callback, EarlyStopping

from predictor.integrations.keras import StoppingRuleCallback
from predictor.integrations.recorded import CurveStore
from predictor.rules.names import make_rule

T = 15
MONITOR = "val_accuracy"
Setting = dict[str, float]


def train(setting: Setting, seed: int, callbacks: list[Callback]) -> list[float]:
    """Train one network; its validation accuracies."""
    x, x_validation, y, y_validation = load()
    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [keras.layers.Dense(int(setting["width"]), activation="relu"), keras.layers.Dense(10)]
    )
    network.compile(
        optimizer=keras.optimizers.AdamW(setting["learning_rate"], setting["weight_decay"]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    fitted = network.fit(
        x,
        y,
        batch_size=50,
        epochs=T,
        validation_data=(x_validation, y_validation),
        validation_batch_size=len(y_validation),
        callbacks=callbacks,
        verbose=0,
    )
    return fitted.history[MONITOR]


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
    callbacks: dict[str, Callable[[CurveStore, Setting], list[Callback]]] = {
        "no stopping": lambda store, setting: [],
        "EarlyStopping (patience 0)": lambda store, setting: [EarlyStopping(MONITOR, mode="max")],
        "EarlyStopping, patience 3": lambda store, setting: [EarlyStopping(MONITOR, mode="max", patience=3)],
        "rank envelope": lambda store, setting: [
            StoppingRuleCallback(store, make_rule("rank-envelope"), MONITOR, setting)
        ],
    }
    searches = {name: partial(search, made, arguments.trainings) for name, made in callbacks.items()}
    compare(searches, arguments.seeds, f"Keras, {arguments.trainings} trainings of {T} epochs")


if __name__ == "__main__":
    main()
