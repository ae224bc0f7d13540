"""Tables and CSV, and streams that are full or closed."""

import csv
import errno
import io
import os
import subprocess
import sys

import pytest

from predictor import cli
from predictor.output import csv_text, text_table


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_under_standard_error_costs_nothing_but_what_is_said_there():
    program = (
        "import sys; from predictor.output import go_on_without_stderr, open_closed_streams\n"
        "open_closed_streams(); go_on_without_stderr()\n"
        "print('lost', file=sys.stderr); print('there')"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", program], stderr=full, stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, "there\n")


def test_a_full_disk_under_standard_output_is_one_line(monkeypatch, capsys):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    dropped = []
    monkeypatch.setattr(cli, "_dispatch", full)
    monkeypatch.setattr(cli, "drop", dropped.append)
    assert cli.main(["simulate", "x"]) == 2
    assert (
        capsys.readouterr().err
        == "predictor: error: the results cannot be written: No space left on device\n"
    )
    assert dropped == [sys.stdout]


def test_columns_line_up():
    text = text_table(("rule", "speed"), [("a", "1.00x"), ("longer", "12.00x")])
    assert text.splitlines() == ["rule     speed", "------  ------", "a        1.00x", "longer  12.00x"]


def test_csv_is_read_back():
    rows = [{"name": 'a,"b"', "x": 1.5, "y": None}, {"name": "c\nd", "x": -2, "y": "é"}]
    assert list(csv.DictReader(io.StringIO(csv_text(rows)))) == [
        {"name": 'a,"b"', "x": "1.5", "y": ""},
        {"name": "c\nd", "x": "-2", "y": "é"},
    ]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_name_with_any_line_end_is_read_back_from_csv(end):
    """Python quotes \\r by itself only from 3.13 on."""
    rows = [{"name": f"a{end}b", "x": "1"}]
    assert list(csv.DictReader(io.StringIO(csv_text(rows), newline=""))) == rows


def test_csv_without_rows_is_its_heading():
    assert csv_text([], ("name", "x")) == "name,x\n"


def test_a_full_disk_under_help_is_one_line(monkeypatch, capsys):
    class Full(io.StringIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stdout", Full())
    monkeypatch.setattr(cli, "drop", lambda stream: None)
    assert cli.main(["--help"]) == 2
    assert "the results cannot be written" in capsys.readouterr().err
