from dataclasses import replace

from predictor.evaluation.experiment import evaluate
from predictor.evaluation.plots import draw_all, fractions_figure, predicted_figure


def test_pictures_of_every_set(curves, perplexities, plan, tmp_path):
    results = evaluate({"a.csv": curves, "b.csv": perplexities}, plan)
    drawn = draw_all(results, tmp_path)
    names = {f"{kind}_{stem}.png" for kind in ("fractions", "predicted", "calibration") for stem in "ab"}
    assert {path.name for path in drawn} == names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_sets_with_the_same_stem_do_not_overwrite_each_other(curves, plan, tmp_path):
    plan = replace(plan, fractions=(0.5,), splits=(0, 1))
    drawn = draw_all(evaluate({"x/a.csv": curves, "y/a.csv": curves, "a_2.csv": curves}, plan), tmp_path)
    assert len(set(drawn)) == 6  # without the picture against fractions, as there is only one


def test_lines_are_means_over_splits_and_hopeless_methods_are_only_named(curves, plan):
    worse = type(curves)(1 - curves.values[:, ::-1] + curves.final[:, None], curves.architecture)
    (result,) = evaluate({"a": worse}, plan)
    axis = fractions_figure(result).axes[0]
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert "last-seen: nowhere above 0" in labels
    line = next(line for line in axis.lines if len(line.get_xdata()))
    assert line.get_xdata().tolist() == [25, 50]
    assert line.get_ydata().tolist() == [cell.mean_std("r2_metric")[0] for cell in result.cells[::3]]


def test_predicted_against_true(curves, plan):
    (result,) = evaluate({"a": curves}, plan)
    panels = [axis for axis in predicted_figure(result).axes if axis.collections]
    assert len(panels) == 3  # of the first fraction
    points = panels[0].collections[0].get_offsets()
    assert points[:, 0].tolist() == result.cells[0].results[0].y.tolist()
    assert points[:, 1].tolist() == result.cells[0].results[0].y_hat.tolist()
