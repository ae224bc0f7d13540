"""Tables, JSON and CSV."""

import csv
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaqnn.output import (
    as_json,
    command,
    count,
    counted,
    duration,
    facts_as_text,
    last_line,
    percent,
    predicted,
    rows_as_text,
    size,
    system_error,
)

ROWS = [
    {"number": 1, "accuracy": 0.5, "architecture": "[C(8,1,1), SM(10)]", "note": None},
    {"number": 12, "accuracy": 0.25, "architecture": '[C(8,3,1), SM(10)] "quoted"', "note": "ä"},
]
COLUMNS = {"architecture": "architecture", "number": "id"}


def test_json_holds_every_key():
    assert json.loads(rows_as_text(ROWS, "json", COLUMNS)) == ROWS
    assert json.loads(rows_as_text([], "json", COLUMNS)) == []


def test_csv_holds_every_key():
    text = rows_as_text(ROWS, "csv", COLUMNS)
    expected = [{k: "" if v is None else str(v) for k, v in row.items()} for row in ROWS]
    assert list(csv.DictReader(io.StringIO(text))) == expected


def test_csv_without_rows_is_its_heading():
    assert rows_as_text([], "csv", COLUMNS, keys=("number", "note")) == "number,note"


def test_a_table_holds_the_chosen_columns_in_their_order():
    lines = rows_as_text(ROWS, "table", COLUMNS).splitlines()
    assert lines[0].split() == ["architecture", "id"]
    assert [line.split()[-1] for line in lines[2:]] == ["1", "12"]
    assert "0.5" not in "".join(lines)


@pytest.fixture
def terminal(monkeypatch):
    """terminal(columns): standard output is a terminal of that width."""

    def make(columns):
        monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
        monkeypatch.setenv("COLUMNS", str(columns))

    return make


WIDE = [{"id": str(n), "text": ", ".join([f"C({n},3,1)"] * 20), "accuracy": "98.67%"} for n in (8, 16)]


def test_on_a_terminal_the_widest_column_folds(terminal):
    columns = {"id": "id", "text": "architecture", "accuracy": "accuracy"}
    whole = rows_as_text(WIDE, "table", columns)
    assert len(whole.splitlines()) == 4
    terminal(80)
    folded = rows_as_text(WIDE, "table", columns)
    assert 70 < max(map(len, folded.splitlines())) <= 80
    assert folded.count("C(8,3,1)") == whole.count("C(8,3,1)") == 20
    assert folded.splitlines()[1].replace("-", "").split() == []
    assert sum("98.67%" in line for line in folded.splitlines()) == 2
    facts = facts_as_text({"architecture": WIDE[0]["text"], "id": 3})
    assert max(map(len, facts.splitlines())) <= 80
    assert facts.count("C(8,3,1)") == 20


@pytest.mark.parametrize("columns", [1, 20, 1000])
def test_a_table_loses_nothing_on_a_narrow_or_wide_terminal(terminal, columns):
    terminal(columns)
    text = rows_as_text(WIDE, "table", {"id": "id", "text": "architecture"})
    assert text.count("C(16,3,1)") == 20
    heading, line = rows_as_text([], "table", {"id": "id"}).splitlines()
    assert (heading.strip(), {*line}) == ("id", {"-"})


@pytest.mark.parametrize(
    ("columns", "left_out"), [(90, None), (46, None), (45, "c"), (34, "c"), (33, "c, b"), (1, "c, b")]
)
def test_columns_that_can_be_spared_are_left_out_and_named_where_folding_does_not_help(
    terminal, columns, left_out
):
    terminal(columns)  # a line has 10 characters of each of four columns, and 2 before the next
    cells = {key: f"{key * 10} {key * 10}" for key in "abcd"}
    text = rows_as_text(
        [cells],
        "table",
        cells,
        spare=(
            "c",
            "b",
        ),
    )
    assert text.partition("no room in this terminal for: ")[2] == ", ".join(
        cells[key] for key in (left_out or "").split(", ") if key
    )
    assert text.count("aaaaaaaaaa") == text.count("dddddddddd") == 4


@pytest.mark.parametrize(("n", "text"), [(0, "0 layers"), (1, "1 layer"), (1234, "1,234 layers")])
def test_things_are_counted_as_people_do(n, text):
    assert counted(n, "layer") == text


def test_numbers_that_look_like_others_stay_as_they_are():
    assert "1e3" in rows_as_text([{"number": "1e3"}], "table", {"number": "id"})


# What a terminal obeys: its title, a CSI as one character (C1), a line overwritten, the direction of writing.
COMMANDS = ["\x1b]0;pwned\x07", "\x9b31m", "good\rbad", "\u202egnp.exe", "\u2066", "\x7f", "\u2028", "a\tb"]


@pytest.mark.parametrize("text", COMMANDS)
def test_tables_and_facts_show_what_a_terminal_would_obey(text):
    shown = text.encode("unicode_escape").decode()
    for found in (
        rows_as_text([{"name": text}], "table", {"name": "name"}),
        facts_as_text({"name": text, "number": 3, "none": None}),
    ):
        assert shown in found
        assert all(c.isprintable() for line in found.split("\n") for c in line)


@pytest.mark.parametrize("text", [*COMMANDS, "ä", "\udc80", "\U000e0041"])
def test_json_and_csv_lose_nothing(text):
    assert json.loads(as_json({"name": text})) == {"name": text}
    assert as_json({"name": text}).isascii()
    found = rows_as_text([{"name": text, "other": 1}], "csv", {})
    assert list(csv.DictReader(io.StringIO(found, newline=""))) == [{"name": text, "other": "1"}]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Traceback:\n  File\nValueError: no\n", "ValueError: no"),
        ("killed", "killed"),
        (" \n ", ""),
        ("", ""),
    ],
)
def test_the_last_line_of_a_traceback_says_it(text, line):
    assert last_line(text) == line


@pytest.mark.parametrize(
    ("share", "text"), [(None, "-"), (0.6132, "61.32%"), (0.0, "0.00%"), (1, "100.00%"), (-0.005, "-0.50%")]
)
def test_shares_are_percentages_with_two_decimals(share, text):
    assert percent(share) == text


def test_predictions_are_marked():
    assert (predicted(0.6132), predicted(None)) == ("~61.32%", "-")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"),
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (999_499, "999k"),
        (999_999, "1M"),
        (1234567, "1.23M"),
        (2 * 10**9, "2G"),
        (6_871_947_673_600, "6.87T"),
    ],
)
def test_counts_have_three_digits_and_a_unit(number, text):
    assert count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 kB"), (50_800, "50.8 kB"), (999_500, "1 MB"), (46.1e6, "46.1 MB"), (2e9, "2 GB")],
)
def test_sizes_have_three_digits_and_a_unit(number, text):
    assert size(number) == text


@given(st.integers(0, 999 * 10**12))
def test_counts_are_right_to_three_digits(number):
    text = count(number)
    unit = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}.get(text[-1], 1)
    assert "e" not in text
    assert float(text.rstrip("kMGT")) * unit == pytest.approx(number, rel=0.005)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.1234, "0.123 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "1h 00min"),
        (5025, "1h 24min"),
        (47 * 3600, "47h 00min"),
        (5 * 86400, "5.0 days"),
    ],
)
def test_durations_are_told_in_their_largest_units(seconds, text):
    assert duration(seconds) == text


WORDS = [
    "plain",
    "two words",
    "it's",
    "$(touch obeyed)",
    "-x",
    "naïve",
    "a\nb",
    "\x1b[31m",
    os.fsdecode(b"\xff'\\ x"),
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("word", WORDS)
def test_a_printed_command_is_one_line_that_a_shell_reads_as_it_was_meant(word):
    line = command("top", word)
    assert line.isprintable()
    script = f"set -- {line}; printf '%s' \"$3\""
    assert subprocess.run(["bash", "-c", script], capture_output=True).stdout == os.fsencode(word)


def test_a_path_that_begins_with_a_dash_is_not_taken_for_an_option():
    assert command("run", "--resume", Path("./-y z")) == "metaqnn run --resume './-y z'"
    assert command("export", Path("-y"), "--to", Path("-y/best")) == "metaqnn export ./-y --to ./-y/best"


def test_errors_of_the_system_are_told_in_words_with_the_file_and_at_bounded_length():
    with pytest.raises(OSError, match="too long") as raised:
        os.stat("a" * 5000)
    assert system_error(raised.value) == f"File name too long: '{'a' * 59}…'"
    assert system_error(OSError("plain words")) == "plain words"
