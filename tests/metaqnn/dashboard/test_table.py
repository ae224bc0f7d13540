"""The table's filters, sorting and pages, against the same in plain Python."""

import sqlite3
from contextlib import closing
from urllib.parse import parse_qsl

import pytest

from metaqnn.dashboard import table
from metaqnn.dashboard.errors import FilterError
from metaqnn.dashboard.table import ORDERS, OUTCOMES, SORTS, TableQuery, table_page
from metaqnn.output import percent

COLUMN = {
    "number": "number",
    "final": "final_accuracy",
    "forecast": "predicted_accuracy",
    "last": "last_accuracy",
    "epochs": "epochs_trained",
    "parameters": "parameters",
    "epsilon": "epsilon",
    "outcome": "outcome",
    "architecture": "architecture",
}


@pytest.fixture
def everything(reader):
    """All networks as plain rows."""
    return [dict(row._mapping) for row in reader.ended()]


def numbers(reader, **values):
    return [row["number"] for row in table_page(reader, TableQuery.parse(values)).rows]


@pytest.mark.parametrize(
    ("values", "keeps"),
    [
        ({}, lambda row: True),
        ({"outcome": "completed"}, lambda row: row["outcome"] == "completed"),
        ({"outcome": "stopped"}, lambda row: row["outcome"] == "stopped"),
        ({"outcome": "failed"}, lambda row: row["outcome"] == "crashed"),
        ({"outcome": "in training"}, lambda row: False),
        ({"epsilon": "0.5"}, lambda row: row["epsilon"] == 0.5),
        ({"accuracy": "60"}, lambda row: (row["final_accuracy"] or row["predicted_accuracy"] or 0) >= 0.6),
        ({"parameters": "20000"}, lambda row: row["parameters"] <= 20_000),
        ({"text": "P(2,2)"}, lambda row: "P(2,2)" in row["architecture"]),
        ({"text": " p(2, 2) ,d(1"}, lambda row: "P(2,2), D(1" in row["architecture"]),
        (
            {"text": "C(", "outcome": "stopped", "parameters": "30000"},
            lambda row: row["outcome"] == "stopped" and row["parameters"] <= 30_000,
        ),
        ({"text": "%"}, lambda row: False),
        ({"text": "_"}, lambda row: False),
        ({"text": "' OR 1=1 --"}, lambda row: False),
    ],
)
def test_filters_keep_what_they_say(reader, everything, values, keeps):
    assert sorted(numbers(reader, **values)) == sorted(row["number"] for row in everything if keeps(row))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sort", SORTS)
def test_sorting_by_every_column_puts_missing_values_last(reader, everything, sort, order):
    column = COLUMN[sort]
    found = [row[column] for row in table_page(reader, TableQuery.parse({"sort": sort, "order": order})).rows]
    known = sorted(
        (row[column] for row in everything if row[column] is not None), reverse=order == "descending"
    )
    assert found == known + [None] * (len(everything) - len(known))


def test_the_usual_order_is_that_of_metaqnn_top(reader):
    best = [row["number"] for row in reader.top(5)]
    assert numbers(reader)[:5] == best


def test_pages_hold_every_network_once(reader, everything, monkeypatch):
    monkeypatch.setattr(table, "PAGE_SIZE", 5)
    pages = [table_page(reader, TableQuery(page=page)) for page in range(1, 6)]
    assert {page.pages for page in pages} == {5}
    assert [page.first for page in pages] == [1, 6, 11, 16, 21]
    found = [row["number"] for page in pages for row in page.rows]
    assert len(found) == len(everything) == 24
    assert set(found) == {row["number"] for row in everything}
    with pytest.raises(FilterError, match=r"^page is 6; the last page is 5$"):
        table_page(reader, TableQuery(page=6))


def test_a_filter_that_nothing_passes_has_one_empty_page(reader):
    page = table_page(reader, TableQuery(text="nothing"))
    assert (page.rows, page.total, page.pages, page.first) == ([], 0, 1, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outcome", "good"),
        ("epsilon", "1.5"),
        ("epsilon", "x"),
        ("accuracy", "nan"),
        ("accuracy", "101"),
        ("accuracy", "inf"),
        ("parameters", "-1"),
        ("parameters", "1e3"),
        ("parameters", "9" * 30),
        ("parameters", "²"),
        ("sort", "id; DROP TABLE networks"),
        ("order", "up"),
        ("page", "0"),
        ("page", "9" * 20),
        ("text", "a\0b"),
    ],
)
def test_a_value_out_of_range_is_quoted(name, value):
    with pytest.raises(FilterError) as caught:
        TableQuery.parse({name: value})
    assert str(caught.value).startswith(f"{name} is {value!r}; it must be ")


def test_a_text_is_no_longer_than_what_a_database_compares(reader):
    for letter in ("C", "_", "\N{PILE OF POO}"):  # the second is escaped, the third has four bytes
        assert numbers(reader, text=letter * table.MOST_TEXT) == []
    with pytest.raises(FilterError, match=r"^text has 60000 characters; it must have at most 2000$"):
        TableQuery.parse({"text": "C" * 60_000})


def test_an_unknown_filter_is_quoted():
    with pytest.raises(FilterError, match="there is no filter 'colour'; filters are text, outcome, "):
        TableQuery.parse({"colour": "red"})


def test_fields_left_blank_do_not_filter():
    assert (
        TableQuery.parse(dict.fromkeys(("text", "outcome", "epsilon", "accuracy", "page"), " "))
        == TableQuery()
    )


@pytest.mark.parametrize(
    "query",
    [
        TableQuery(),
        TableQuery(text="C(64,3,1), P&x=1#+%", outcome="in training", sort="forecast", order="ascending"),
        TableQuery(epsilon=0.1, accuracy=12.345, parameters=10**18, page=7),
    ],
)
def test_a_link_leads_back_to_its_query(query):
    assert TableQuery.parse(dict(parse_qsl(query.link(page=query.page).removeprefix("?")))) == query


def test_every_other_change_leads_to_the_first_page():
    assert "page" not in dict(parse_qsl(TableQuery(page=7).link(sort="number").removeprefix("?")))


def test_a_second_click_on_a_heading_turns_the_order_round():
    first = TableQuery.parse(dict(parse_qsl(TableQuery().sorted_by("epochs").removeprefix("?"))))
    second = TableQuery.parse(dict(parse_qsl(first.sorted_by("epochs").removeprefix("?"))))
    third = TableQuery.parse(dict(parse_qsl(second.sorted_by("epochs").removeprefix("?"))))
    assert [query.order for query in (first, second, third)] == ["descending", "ascending", "descending"]


def test_outcomes_divide_all_networks(reader, everything):
    found = [number for outcome in OUTCOMES for number in numbers(reader, outcome=outcome)]
    assert sorted(found) == [row["number"] for row in sorted(everything, key=lambda row: row["number"])]


@pytest.mark.parametrize(("correct", "images"), [(814, 1000), (245, 300), (8_999, 9_000), (2, 3)])
def test_a_network_that_is_shown_with_the_lowest_accuracy_is_kept(run_copy, correct, images):
    """81.4 / 100 is more than 814 / 1000, and 81.67% is more than 245 / 300."""
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET final_accuracy = ? WHERE number = 1", (correct / images,))
    shown = float(percent(correct / images).rstrip("%"))
    with closing(run_copy.reader()) as reader:
        assert 1 in numbers(reader, accuracy=str(shown))
        assert 1 not in numbers(reader, accuracy=f"{shown + 0.01:.2f}")
