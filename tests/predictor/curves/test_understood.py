"""What is said about the curves of a table."""

from predictor import LearningCurves

read = LearningCurves.read


def test_curves_that_are_the_same_are_told(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("acc_1,acc_2\n0.2,0.3\n0.2,0.3\n0.2,0.4\n0.1,0.1\n0.1,0.1\n")
    assert (
        "5 curves x 2 epochs, 1 of them the same as others, of accuracy"
        in LearningCurves.read(path).understood
    )


def test_curves_that_ended_early_and_those_that_are_the_same_are_told_in_one_sentence(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("lr,acc_1,acc_2\n1,0.1,0.2\n2,0.1,0.2\n3,0.3,\n")
    said = (
        "3 curves x 2 epochs, 1 of them not to the end, 1 of them the same as others, of accuracy (maximized)"
    )
    assert said in read(path).understood
