import gzip

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves import tables

read = LearningCurves.read


def test_delimiters_decimal_commas_and_gzip(wide, tmp_path, accuracies, rates):
    columns = {"lr": rates, "acc_#": accuracies}
    expected = read(wide(columns))
    for options in ({"sep": ";", "decimal": ","}, {"sep": "\t"}, {"sep": "|"}, {"encoding": "utf-16"}):
        curves = read(wide(columns, **options))
        np.testing.assert_array_equal(curves.values, accuracies)
        np.testing.assert_array_equal(curves.hyperparameters["lr"], expected.hyperparameters["lr"])
    packed = tmp_path / "curves.csv.gz"
    packed.write_bytes(gzip.compress(wide(columns).read_bytes()))
    np.testing.assert_array_equal(read(packed).values, accuracies)


@pytest.mark.parametrize("module", ["gzip", "lzma", "bz2"])
def test_packed_tables_are_read_and_damaged_ones_refused(tmp_path, module):
    pack = pytest.importorskip(module).compress
    packed = tmp_path / "curves.csv"
    packed.write_bytes(pack(b"acc_1,acc_2\n0.3,0.4\n"))
    assert read(packed).values.tolist() == [[0.3, 0.4]]
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(CurvesError, match=f"damaged {module} file"):
        read(packed)


def test_damaged_and_endless_gzip_are_one_line(tmp_path, monkeypatch):
    path = tmp_path / "curves.csv.gz"
    packed = gzip.compress(b"acc_1,acc_2\n" + b"0.1,0.2\n" * 100)
    path.write_bytes(packed[:-9])
    with pytest.raises(CurvesError, match="damaged gzip file"):
        read(path)
    path.write_bytes(packed)
    monkeypatch.setattr(tables, "MAX_TEXT_BYTES", 800)
    with pytest.raises(CurvesError, match="more than 800 bytes of text"):
        read(path)


def test_every_digit_is_kept(tmp_path):
    values = np.random.default_rng(0).random((3, 4))
    pd.DataFrame(values, columns=[f"acc_{t}" for t in range(1, 5)]).to_csv(tmp_path / "x.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path / "x.csv").values, values)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04", "Excel file or a ZIP"),
        (b"PAR1", "Parquet"),
        (b"\x93NUMPY", "NumPy"),
        (b"\x80\x04", "pickle"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ],
)
def test_files_that_are_no_text_are_named(tmp_path, start, kind):
    (tmp_path / "curves.csv").write_bytes(start + b"\x00\x95\xff")
    with pytest.raises(CurvesError, match=f"{kind}.*, which is not read; save its table as CSV"):
        LearningCurves.read(tmp_path / "curves.csv")


@pytest.mark.parametrize(
    ("refused", "said", "mark", "read", "rates", "values"),
    [
        (
            "num_params\tacc_1\tacc_2\n12,345\t0.25\t0.5\n1,234\t0.5\t0.75\n",
            "'12,345'",
            "comma",
            "lr\tacc_1\tacc_2\n0,1\t31,125\t42,250\n0,2\t30,125\t41,250\n",
            [0.1, 0.2],
            [[31.125, 42.25], [30.125, 41.25]],
        ),
        (
            "num_params;acc_1;acc_2\n950;0,25;0,5\n1.234;0,5;0,75\n",
            "'1.234'",
            "point",
            "lr;acc_1;acc_2\n0.001;31,1;42,2\n0.002;30,1;41,2\n",
            [0.001, 0.002],
            [[31.1, 42.2], [30.1, 41.2]],
        ),
    ],
    ids=["comma", "point"],
)
def test_a_mark_that_may_group_thousands_is_refused(tmp_path, refused, said, mark, read, rates, values):
    path = tmp_path / "curves.csv"
    path.write_text(refused)
    with pytest.raises(
        CurvesError, match=rf"'num_params': {said} .* may be a thousand times as much; .* without a {mark}"
    ):
        LearningCurves.read(path)
    path.write_text(read)
    curves = LearningCurves.read(path)
    assert curves.hyperparameters["lr"].tolist() == rates
    assert curves.values.tolist() == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch\tval_ppl\n1\t2,543\n2\t1,069\n3\t838\n", "'val_ppl': '2,543' beside '838' .* a comma"),
        ("epoch;val_ppl\n1;2.543\n2;838\n", "'val_ppl': '2.543' beside '838' .* a point"),
        ("ppl_1;ppl_2\n2,543;838\n1,921;690\n", "'ppl_1': '2,543' beside '838' .* a comma"),
        ("units\tacc_1\tacc_2\n100\t31\t42\n1,000\t30\t41\n", "'units': '1,000' beside '100' .* a comma"),
    ],
)
def test_a_mark_beside_whole_hundreds_may_group_thousands(tmp_path, text, said):
    """Who writes three decimals writes `838,000`."""
    (tmp_path / "curves.csv").write_text(text)
    with pytest.raises(CurvesError, match=said):
        read(tmp_path / "curves.csv")


@pytest.mark.parametrize(
    "cells",
    [
        ("1,069", "0,838", "12,5"),
        ("106,125", "83,8", "838"),
        ("2,543", "1,87", "838"),
        ("1,125", "1,5", "1"),
        ("2,543", "1,069", "838,000"),
        ("2,543", "1,069", "12"),
        ("2,543", "1,069", ""),
    ],
)
@pytest.mark.parametrize(("delimiter", "mark"), [(";", ","), ("\t", ","), (";", "."), (",", ".")])
def test_losses_with_three_decimals_are_read(tmp_path, cells, delimiter, mark):
    rows = [f"{epoch}{delimiter}{cell.replace(',', mark)}" for epoch, cell in enumerate(cells, start=1)]
    (tmp_path / "curves.csv").write_text("\n".join([f"epoch{delimiter}val_loss", *rows]))
    values = [float(cell.replace(",", ".")) for cell in filter(None, cells)]
    assert read(tmp_path / "curves.csv").values[0, : len(values)].tolist() == values


def test_100_percent_may_be_written_without_the_decimals_of_others(tmp_path):
    (tmp_path / "curves.csv").write_text("epoch;val_acc\n1;97,125\n2;98,375\n3;100\n")
    assert read(tmp_path / "curves.csv").values.tolist() == [[97.125, 98.375, 100]]


def test_shares_among_percentages_are_refused(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("acc_1,acc_2\n25%,50%\n0.5,75%\n")
    with pytest.raises(CurvesError, match=r"column 'acc_1': '0.5' beside numbers with %"):
        LearningCurves.read(path)
    path.write_text("acc_1,acc_2\n25%,50%\n0,nan\n")
    assert LearningCurves.read(path).values[:, 0].tolist() == [25, 0]


def test_decimal_commas_and_percent_signs_go_together(tmp_path):
    (tmp_path / "curves.csv").write_text("lr;acc_1;acc_2\n0,1;31,5%;42,5%\n0,2;28%;39,0%\n")
    curves = LearningCurves.read(tmp_path / "curves.csv")
    assert curves.values.tolist() == [[31.5, 42.5], [28.0, 39.0]]


def test_what_only_python_reads_as_a_number_is_a_name(tmp_path):
    (tmp_path / "curves.csv").write_text("layers,acc_1,acc_2\n64_32,0.3,0.4\n32_32,0.2,0.35\n")
    curves = LearningCurves.read(tmp_path / "curves.csv")
    assert "no parameters; left out: layers (text)" in curves.understood
    (tmp_path / "curves.csv").write_text("acc_1,acc_2\n0.3,0_4\n0.2,0.35\n")
    with pytest.raises(CurvesError, match="row 1, column 'acc_2': '0_4' is not a number"):
        LearningCurves.read(tmp_path / "curves.csv")


def test_cells_with_a_percent_sign_are_numbers(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("lr,acc_1,acc_2\n0.1,10.5%,20%\n0.2,30%,41.25 %\n")
    assert read(path).values.tolist() == [[10.5, 20], [30, 41.25]]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_list_with_a_comma_is_no_decimal_beside_numbers_with_decimal_points(tmp_path, delimiter):
    path = tmp_path / "curves.csv"
    path.write_text(
        "layers;lr;acc_1;acc_2\n64,32;0.1;0.3;0.4\n128,64;0.2;0.31;0.41\n".replace(";", delimiter)
    )
    curves = read(path)
    assert curves.values.tolist() == [[0.3, 0.4], [0.31, 0.41]]
    assert "parameters lr; left out: layers (text)" in curves.understood
    path.write_text("version;lr;acc_1;acc_2\n1.2;0,1;0,3;0,4\n0.9;0,2;31,0;41,5\n")
    assert read(path).values.tolist() == [[0.3, 0.4], [31, 41.5]]


def test_the_comma_of_a_metric_is_decimal_whatever_parameters_have(tmp_path):
    """Parameters as text, and results from a European spreadsheet; lists beside losses above 1."""
    path = tmp_path / "curves.csv"
    path.write_text("lr;wd;momentum;epoch;run;val_acc\n0.1;0.01;0.9;1;r1;45,1\n0.1;0.01;0.9;2;r1;50,2\n")
    assert read(path).values.tolist() == [[45.1, 50.2]]
    path.write_text("loss_weights;lr;acc_1;acc_2\n1,2;0.1;0.3;0.4\n2,1;0.2;0.31;0.41\n")
    assert "left out: loss_weights (text)" in read(path).understood
    path.write_text("layers;lr;loss_1;loss_2\n64,32;0.1;2.3;1.4\n128,64;0.2;2.31;1.41\n")
    assert "left out: layers (text)" in read(path).understood


@pytest.mark.parametrize("delimiter", [",", ";", "\t", ":"])
def test_a_first_line_tells_excel_the_delimiter(tmp_path, delimiter):
    text = "sep=,\r\nlr,acc_1,acc_2\r\n1,3,4\r\n2,5,6\r\n".replace(",", delimiter)
    (tmp_path / "curves.csv").write_text(text, newline="")
    assert read(tmp_path / "curves.csv").values.tolist() == [[3, 4], [5, 6]]


def test_what_is_before_the_header_is_said_to_be_too_much(tmp_path):
    table = "lr,acc_1,acc_2\n0.1,0.3,0.4\n"
    said = r"row 2 has 3 cells; the header has 1; leave out what is before the names of the columns$"
    (tmp_path / "curves.csv").write_text(f"# title\n# of 2 lines\n{table}")
    with pytest.raises(CurvesError, match=said):
        read(tmp_path / "curves.csv")
    (tmp_path / "curves.csv").write_text(table + "0.1,0.3,0.4,0.5\n")
    with pytest.raises(CurvesError, match=r"row 2 has 4 cells; the header has 3$"):
        read(tmp_path / "curves.csv")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_tables_in_utf_16_are_read_with_and_without_its_mark(tmp_path, encoding):
    (tmp_path / "curves.csv").write_bytes("acc_1,acc_2\n0.3,0.4\n".encode(encoding))
    assert read(tmp_path / "curves.csv").values.tolist() == [[0.3, 0.4]]


def test_a_row_with_too_few_cells_is_named_with_their_number(tmp_path):
    (tmp_path / "curves.csv").write_text("acc_1,acc_2\n0.3,0.4\n0.2\n")
    with pytest.raises(CurvesError, match="row 2 has 1 cell; the header has 2"):
        read(tmp_path / "curves.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_json_lines_that_end_inside_a_character_lack_their_last_one(tmp_path, encoding):
    lines = "\n".join(
        f'{{"epoch": {epoch}, "val_acc": 0.{epoch}, "note": "ü"}}' for epoch in (1, 2, 3)
    ).encode(encoding)
    path = tmp_path / "log.jsonl"
    path.write_bytes(lines[: lines.rindex("ü".encode(encoding)[-2:]) + 1])
    curves = LearningCurves.read(path)
    assert curves.values.tolist() == [[0.1, 0.2]]
    assert curves.understood.endswith("; left out: the last line (cut off)")
    path.write_bytes(b'{"val_acc": [0.2, 0.3]}\xc3')
    with pytest.raises(CurvesError, match="neither JSON nor JSON lines: line 1: Extra data"):
        LearningCurves.read(path)
    path.write_bytes("epoch,val_acc,note\n1,0.2,ü".encode()[:-1])
    with pytest.raises(CurvesError, match=r"not a table in UTF-8: .* unexpected end of data"):
        LearningCurves.read(path)


def test_a_csv_file_whose_last_line_was_cut_off_is_read_without_it(tmp_path):
    text = "epoch,val_acc,val_loss\n1,0.2,1.5\n2,0.3,1.25\n3,0.4,1.0"
    path = tmp_path / "log.csv"
    for end in ("3,0.4", "3,0.", "3", '3,"0'):
        path.write_text(text.removesuffix("3,0.4,1.0") + end)
        curves = read(path)
        assert curves.values.tolist() == [[0.2, 0.3]]
        assert curves.understood.endswith("; left out: the last line (cut off)")
    path.write_text(text)  # whole, or cut off inside a number: nobody can tell
    assert read(path).values.tolist() == [[0.2, 0.3, 0.4]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("end", ["3,ü", "3,0.4,ü"])
def test_a_csv_file_that_ends_inside_a_character_lacks_its_last_line(tmp_path, encoding, end):
    """Even if no cell is missing."""
    text = f"epoch,val_acc,note\n1,0.2,ä\n2,0.3,ö\n{end}".encode(encoding)
    (tmp_path / "log.csv").write_bytes(text[:-1])
    curves = read(tmp_path / "log.csv")
    assert curves.values.tolist() == [[0.2, 0.3]]
    assert curves.understood.endswith("; left out: the last line (cut off)")


@pytest.mark.parametrize("row", ["3,0.4,ü\n", "3,ü,0.4"])
def test_a_csv_file_in_another_encoding_is_not_taken_for_cut_off(tmp_path, row):
    (tmp_path / "log.csv").write_bytes(f"epoch,val_acc,note\n1,0.2,a\n2,0.3,b\n{row}".encode("cp1252"))
    with pytest.raises(CurvesError, match="not a table in UTF-8"):
        read(tmp_path / "log.csv")


@pytest.mark.parametrize(
    "rows", ["1,0.2,1.5\n2,0.3\n", "1,0.2,1.5\n2,0.3\n3,0.4,1.0", '1,0.2,1.5\n2,"0.3,1.2\n3,0.4,1.0', "1,0.2"]
)
def test_other_rows_with_too_few_cells_were_not_cut_off(tmp_path, rows):
    (tmp_path / "log.csv").write_text(f"epoch,val_acc,val_loss\n{rows}")
    with pytest.raises(CurvesError, match=r"row \d has 2 cells; the header has 3"):
        read(tmp_path / "log.csv")
