import io
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from predictor import CurvesError, LearningCurves
from predictor.curves.npz import write_npz


def test_npz_comes_back_as_it_was_written(tmp_path, curves):
    write_npz(curves, tmp_path / "curves.npz")
    again = LearningCurves.read(tmp_path / "curves.npz")
    np.testing.assert_array_equal(again.values, curves.values)
    np.testing.assert_array_equal(again.names, curves.names)
    assert (again.metric, again.direction) == (curves.metric, curves.direction)
    for kind in ("architecture", "hyperparameters"):
        assert {k: v.tolist() for k, v in getattr(again, kind).items()} == {
            k: v.tolist() for k, v in getattr(curves, kind).items()
        }


@pytest.mark.parametrize(
    ("name", "shape", "descr"),
    [("values", (2**21, 1024), "<f8"), ("values", (2**20, 200), "|u1"), ("names", (2**40,), "<U0")],
)
def test_what_an_npz_header_asks_for_is_limited(tmp_path, name, shape, descr):
    header = io.BytesIO()
    npy.write_array_header_2_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "curves.npz", "w") as archive:
        archive.writestr(f"{name}.npy", header.getvalue() + bytes(100))
    with pytest.raises(CurvesError, match=r"its arrays take [\d,]+ bytes; at most 1,073,741,824 are"):
        LearningCurves.read(tmp_path / "curves.npz")


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        ({"curves": np.ones((2, 2))}, "'values'"),
        ({"values": np.ones((2, 2)), "depth": np.ones(2)}, "'depth'"),
        ({"values": np.array([["a", "b"]])}, "numbers"),
        ({"values": np.array([[object()]])}, "plain arrays"),
    ],
)
def test_wrong_npz_is_refused_without_unpickling(tmp_path, arrays, part):
    np.savez(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(CurvesError, match=part):
        LearningCurves.read(tmp_path / "wrong.npz")


@pytest.mark.parametrize(
    "wish", [{"metric": "loss"}, {"direction": "minimize"}, {"curve": "a"}, {"parameters": []}]
)
def test_wishes_about_files_that_say_what_they_hold_are_refused(tmp_path, curves, wish):
    write_npz(curves, tmp_path / "curves.npz")
    with pytest.raises(CurvesError, match=f"--{next(iter(wish))} does not apply to this .npz file"):
        LearningCurves.read(tmp_path / "curves.npz", **wish)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.linspace(2.3, 0.5, 4) * np.ones((5, 1)), "read as accuracy, which falls in 5 of 5 curves"),
        (np.array([[0.1, -1.0], [0.1, 0.2]]), "read as accuracy, but that of curve 0 at epoch 2 is -1"),
    ],
)
def test_an_npz_file_that_names_no_metric_holds_accuracies_or_is_refused(tmp_path, values, said):
    np.savez(tmp_path / "curves.npz", values=values)
    with pytest.raises(CurvesError, match=f"'values' is {said}"):
        LearningCurves.read(tmp_path / "curves.npz")
    assert LearningCurves.read(tmp_path / "curves.npz", metric="loss").direction == "minimize"


def test_an_npz_file_says_its_shape_and_is_refused_if_its_rows_are_epochs(tmp_path, curves):
    write_npz(curves, tmp_path / "own.npz")
    assert LearningCurves.read(tmp_path / "own.npz").understood == (
        "60 curves x 8 epochs of accuracy (maximized) in values; parameters depth, num_params, lr"
    )
    np.savez(tmp_path / "turned.npz", values=curves.values.T)
    with pytest.raises(CurvesError, match="8 rows of 60 values seem to be 8 epochs of 60 trainings"):
        LearningCurves.read(tmp_path / "turned.npz")
    np.savez(tmp_path / "right.npz", values=curves.values)
    assert LearningCurves.read(tmp_path / "right.npz").T == 8


def test_an_npz_file_that_names_no_metric_takes_the_callers(tmp_path):
    np.savez(tmp_path / "curves.npz", values=np.array([[0.4, 0.3], [0.5, 0.2]]))
    assert LearningCurves.read(tmp_path / "curves.npz").metric == "accuracy"
    curves = LearningCurves.read(tmp_path / "curves.npz", metric="val_err")
    assert (curves.metric, curves.direction) == ("error", "minimize")
    assert LearningCurves.read(tmp_path / "curves.npz", metric="x", direction="minimize").metric == "x"


def validated_every(k, n=3, T=20):
    """(n, T) accuracies at every k-th epoch."""
    at = np.arange(k, T + 1, k)
    values = np.full((n, T), np.nan)
    values[:, at - 1] = np.linspace(0.5, 0.9, n)[:, None] * (1 - 0.8**at)
    return values


@pytest.mark.parametrize("k", [2, 3, 5])
def test_trainings_that_are_validated_every_kth_epoch_are_read_as_a_table_of_these(tmp_path, k):
    values = validated_every(k)
    np.savez(tmp_path / "curves.npz", values=values)
    rows = [f"{run},{epoch + 1},{values[run, epoch]}" for run, epoch in np.argwhere(np.isfinite(values))]
    (tmp_path / "curves.csv").write_text("\n".join(["run,epoch,val_acc", *rows]))
    curves, table = (LearningCurves.read(tmp_path / f"curves.{ending}") for ending in ("npz", "csv"))
    np.testing.assert_allclose(curves.values, table.values)
    assert curves.completed.all()
    assert f" epoch, from {k} to {20 - 20 % k}: no training has others" in curves.understood


def test_a_store_of_trainings_stopped_early_has_the_epochs_of_the_whole_ones_to_come(tmp_path):
    values = validated_every(5)
    values[:, 10:] = np.nan
    np.savez(tmp_path / "curves.npz", values=values)
    curves = LearningCurves.read(tmp_path / "curves.npz")
    assert (curves.T, curves.observed.tolist(), curves.completed.any()) == (4, [2, 2, 2], False)


@pytest.mark.parametrize(
    "values",
    [
        np.vstack([validated_every(1, 2), validated_every(5)]),
        [[0.5, 0.6, np.inf, 0.7, 0.8, 0.9]],
        [[0.5, 0.6, np.nan, 0.7, 0.8, 0.9]] * 3,
        [[0.5, np.nan, np.nan, np.nan]],
    ],
)
def test_where_it_is_not_every_kth_epoch_an_npz_file_has_the_epochs_that_it_says(tmp_path, values):
    np.savez(tmp_path / "curves.npz", values=values)
    np.testing.assert_array_equal(
        LearningCurves.read(tmp_path / "curves.npz").values, LearningCurves(values).values
    )
