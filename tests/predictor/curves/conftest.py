"""Small learning curves, as other people's tools write them."""

import numpy as np
import pandas as pd
import pytest

N, T = 8, 6


@pytest.fixture
def accuracies():
    """(8, 6) accuracies that rise, each training to another end."""
    end = np.linspace(0.4, 0.9, N)[:, None]
    speed = np.linspace(0.9, 0.4, N)[:, None]
    return np.round(end * (1 - np.exp(-speed * np.arange(1, T + 1))), 6)


@pytest.fixture
def losses(accuracies):
    """(8, 6) losses that fall."""
    return np.round(2.3 * (1 - accuracies), 6)


@pytest.fixture
def rates():
    """(8,) learning rates."""
    return np.round(np.geomspace(1e-4, 0.1, N)[::-1], 6)


@pytest.fixture
def wide(tmp_path):
    """Writes groups of columns with a row per training: {"acc_#": (n, T) array, "lr": (n,) array}."""

    def write(columns, first=1, name="curves.csv", **options):
        table = {}
        for key, values in columns.items():
            if np.ndim(values) == 2:
                table |= {key.replace("#", str(first + t)): values[:, t] for t in range(values.shape[1])}
            else:
                table[key] = values
        path = tmp_path / name
        pd.DataFrame(table).to_csv(path, index=False, **options)
        return path

    return write


@pytest.fixture
def long(accuracies, losses, rates):
    """A table with a row per training and epoch."""
    return pd.DataFrame(
        [
            {
                "run": f"r{i}",
                "lr": rates[i],
                "epoch": t + 1,
                "val_loss": losses[i, t],
                "val_acc": accuracies[i, t],
            }
            for i in range(N)
            for t in range(T)
        ]
    )
