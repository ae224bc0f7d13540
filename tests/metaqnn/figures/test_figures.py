"""All figures: each draws a valid chart, or says why it has nothing to show."""

import re
import sqlite3
from contextlib import closing
from json import dumps

import pytest
import vl_convert

from metaqnn.figures import FIGURES, NothingToShow, SearchView

EVERY = pytest.mark.parametrize(
    "figure",
    [figure for figure in FIGURES if figure.name != "choices"],  # which needs more networks
    ids=lambda figure: figure.name,
)
OF_ARCHITECTURES = {"parallel", "choices"}
"""Figures that show nothing if architectures cannot be read."""


def test_names_are_those_of_files_and_anchors_and_all_different():
    names = [figure.name for figure in FIGURES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z-]*", name) for name in names)


@EVERY
def test_a_figure_is_a_specification_that_vega_lite_compiles(figure, view):
    spec = figure.draw(view).to_dict()  # checked against the schema of Vega-Lite
    assert spec["width"] == "container"
    compiled = vl_convert.vegalite_to_vega(spec)
    assert compiled["marks"]
    assert any(data.get("values") for data in compiled["data"])


def test_figures_of_a_search_before_its_first_network_say_so(searched):
    view = searched(None)
    for figure in FIGURES:
        with pytest.raises(NothingToShow, match=r"^(No .+|The .+)\.$"):
            figure.draw(view)


def test_without_early_stopping_the_figures_about_it_say_so(searched, formula_trainer):
    view = searched(formula_trainer(5), stopping="none")
    empty = {}
    for figure in FIGURES:
        try:
            figure.draw(view)
        except NothingToShow as reason:
            empty[figure.name] = str(reason)
    assert set(empty) == {"audits", "epochs", "time", "failures", "choices"}
    assert "The rule has stopped no network" in empty["audits"]
    assert "stopped early" in empty["epochs"]
    assert empty["failures"] == "No network failed."


def test_predictions_without_an_audit_are_said_to_be_unchecked(searched, formula_trainer):
    view = searched(formula_trainer(5))
    audits = next(figure for figure in FIGURES if figure.name == "audits")
    with pytest.raises(NothingToShow, match="has been trained to the end; `metaqnn audit`"):
        audits.draw(view)


def test_only_the_q_values_are_slow(searched):
    """A figure that is not slow must not replay the search."""
    view = searched(None)
    for figure in FIGURES:
        if not figure.slow:
            with pytest.raises(NothingToShow):
                figure.draw(view)
    assert "agent" not in vars(view)
    assert [figure.name for figure in FIGURES if figure.slow] == ["q-kinds", "q-fields"]


@pytest.mark.parametrize(
    "figure",
    [one for one in FIGURES if not one.slow and one.name not in OF_ARCHITECTURES],
    ids=lambda figure: figure.name,
)
def test_text_from_data_is_in_rows_only(figure, view, monkeypatch):
    """Architectures and messages are never part of an expression, a title or the name of a field."""
    hostile = "</script><script>alert(1)</script>"
    monkeypatch.setitem(view.__dict__, "ended", [_Renamed(row, hostile) for row in view.ended])
    spec = figure.draw(view).to_dict()
    del spec["datasets"]
    assert "alert" not in dumps(spec)


def test_q_values_of_something_that_is_no_architecture_are_not_shown(run_copy):
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET architecture = '<img src=x>' WHERE number = 3")
    with closing(run_copy.reader()) as reader:
        view = SearchView(reader)
        for figure in FIGURES:
            if figure.slow:
                with pytest.raises(NothingToShow, match=r"cannot be restored: .*'<img src=x>'"):
                    figure.draw(view)


class _Renamed:
    """A row with another architecture and message."""

    def __init__(self, row, text):
        self._row = row
        self.architecture = self.message = text

    def __getattr__(self, name):
        return getattr(self._row, name)
