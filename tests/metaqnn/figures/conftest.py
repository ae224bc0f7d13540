"""Searches to draw, their tables as SQL sees them, and the rows inside a chart."""

import sqlite3
from contextlib import closing

import pytest

from metaqnn.database.queries import SearchReader
from metaqnn.figures import SearchView


@pytest.fixture
def view(finished_run):
    """The finished search: 24 networks, one of them crashed, all stopped ones audited afterwards."""
    with closing(SearchReader(finished_run.url)) as reader:
        yield SearchView(reader)


@pytest.fixture
def sql(finished_run):
    """sql(query): rows of the finished search, read without our code."""
    with closing(sqlite3.connect(f"file:{finished_run.database}?mode=ro", uri=True)) as connection:
        yield lambda query, *parameters: connection.execute(query, parameters).fetchall()


@pytest.fixture
def rows():
    """rows(chart, mark): the rows behind the layer with that mark."""

    def found(chart, mark):
        spec = chart.to_dict()
        (layer,) = (layer for layer in spec["layer"] if layer["mark"]["type"] == mark)
        return spec["datasets"][layer.get("data", spec.get("data"))["name"]]

    return found
