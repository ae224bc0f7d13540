import pandas as pd
import pytest

from predictor.curves.wording import as_argument, describe, ordinal


@pytest.mark.parametrize(
    ("n", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (121, "121st")],
)
def test_ordinals(n, text):
    assert ordinal(n) == text


def test_a_name_to_paste_is_whole_unless_nobody_would_type_it():
    assert as_argument("val loss") == "'val loss'"
    assert as_argument("a" * 200) == "a" * 200
    assert as_argument("a" * 5000) == "a" * 60


def test_one_column_is_no_columns():
    assert describe(pd.DataFrame({"a": ["1"]})) == "1 column (a), in the first row a=1"
    assert describe(pd.DataFrame({"a": ["1"], "b": ["2"]})).startswith("2 columns (a, b)")
