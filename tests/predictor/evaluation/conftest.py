import numpy as np
import pytest

from predictor import LearningCurves
from predictor.evaluation.experiment import Plan
from predictor.evaluation.methods import Variant


@pytest.fixture(scope="session")
def perplexities(make_curves):
    """The curves of `make_curves` as perplexities between about 100 and 400."""
    curves = make_curves(50, 8, seed=4)
    values = np.exp(6 - curves.values)
    return LearningCurves(values, curves.architecture, curves.hyperparameters, metric="perplexity")


@pytest.fixture
def plan():
    """Three quick methods on three splits of 30 training curves."""
    methods = (Variant("ols", ("TS",)), Variant("robust-gp"), Variant("last-seen"))
    return Plan(methods, n_train=30, splits=(5, 6, 7), fractions=(0.25, 0.5))


@pytest.fixture(scope="session")
def write_csv(tmp_path_factory):
    """Writes curves in the published format and gives the path."""

    def write(curves, name="curves.csv", prefix="acc"):
        path = tmp_path_factory.mktemp("csv") / name
        columns = {**curves.architecture, **curves.hyperparameters}
        columns |= {f"{prefix}_{t + 1}": curves.values[:, t] for t in range(curves.T)}
        table = np.column_stack(list(columns.values())).astype(str)
        path.write_text("\n".join([",".join(columns), *map(",".join, np.char.replace(table, "nan", ""))]))
        return path

    return write
