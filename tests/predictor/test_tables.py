import csv
import io

from predictor.tables import csv_text, text_table


def test_columns_line_up():
    text = text_table(("rule", "speed"), [("a", "1.00x"), ("longer", "12.00x")])
    assert text.splitlines() == ["rule     speed", "------  ------", "a        1.00x", "longer  12.00x"]


def test_csv_is_read_back():
    rows = [{"name": 'a,"b"', "x": 1.5, "y": None}, {"name": "c\nd", "x": -2, "y": "é"}]
    assert list(csv.DictReader(io.StringIO(csv_text(rows)))) == [
        {"name": 'a,"b"', "x": "1.5", "y": ""},
        {"name": "c\nd", "x": "-2", "y": "é"},
    ]
