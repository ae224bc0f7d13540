"""MLflow's folders of runs, as its file store writes them."""

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read


@pytest.fixture
def mlruns(tmp_path, accuracies, losses, rates):
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "meta.yaml").write_text("name: Default\nlifecycle_stage: active\n")
    for i in range(8):
        run = tmp_path / "0" / f"{i:032x}"
        for name in ("metrics/val", "params", "tags", "artifacts"):
            (run / name).mkdir(parents=True)
        (run / "meta.yaml").write_text("lifecycle_stage: active\n")
        (run / "params" / "lr").write_text(str(rates[i]))
        (run / "params" / "optimizer").write_text("sgd")
        (run / "tags" / "mlflow.runName").write_text(f"bold-{i}")
        for metric, values in (("val/acc", accuracies), ("train_loss", losses)):
            lines = [f"{1700000000000 + t} {value!r} {t + 1}" for t, value in enumerate(values[i].tolist())]
            (run / "metrics" / metric).write_text("\n".join(lines) + "\n")
    return tmp_path


def test_runs_with_their_metrics_and_parameters(mlruns, accuracies, losses, rates):
    for folder in (mlruns, mlruns / "0"):
        curves = read(folder)
        np.testing.assert_array_equal(curves.values, accuracies)
        np.testing.assert_array_equal(curves.hyperparameters["lr"], rates)
        assert curves.names[0].startswith("bold-0 ")
    np.testing.assert_array_equal(read(mlruns, curve="train_loss").values, losses)


def test_values_that_were_logged_without_a_step_are_counted(mlruns, accuracies):
    """MLflow writes step 0 for each of them."""
    for metric in mlruns.glob("0/*/metrics/val/acc"):
        lines = [line.rpartition(" ")[0] + " 0" for line in metric.read_text().splitlines()]
        metric.write_text("\n".join(lines) + "\n")
    np.testing.assert_array_equal(read(mlruns).values, accuracies)


def test_deleted_runs_are_left_out_and_said(mlruns, accuracies):
    (mlruns / "0" / f"{0:032x}" / "meta.yaml").write_text("lifecycle_stage: deleted\n")
    curves = read(mlruns)
    np.testing.assert_array_equal(curves.values, accuracies[1:])
    assert "left out: 1 deleted run;" in curves.understood


def test_a_damaged_metric_is_named(mlruns):
    (mlruns / "0" / f"{0:032x}" / "metrics" / "train_loss").write_text("1700000000000 0.5 1\nwhat?\n")
    with pytest.raises(CurvesError, match=r"line 2 of 0+/metrics/train_loss: 'what\?' is no metric"):
        read(mlruns)


def test_metrics_of_logged_models_are_no_runs(mlruns, accuracies):
    """MLflow 3 keeps the metrics of a model beside the runs, each with the run that logged it."""
    model = mlruns / "0" / "models" / "m-0123"
    (model / "metrics").mkdir(parents=True)
    (model / "meta.yaml").write_text("model_id: m-0123\n")
    (model / "metrics" / "val_acc").write_text(f"1700000000000 0.5 1 {0:032x}\n")
    np.testing.assert_array_equal(read(mlruns).values, accuracies)


def test_values_may_name_their_data_set(mlruns, accuracies):
    for metric in mlruns.glob("0/*/metrics/val/acc"):
        lines = [f"{line} digits 1a2b3c4d" for line in metric.read_text().splitlines()]
        metric.write_text("\n".join(lines) + "\n")
    np.testing.assert_array_equal(read(mlruns).values, accuracies)
