"""Templates escape what comes from data."""

import pytest
from jinja2 import UndefinedError

from metaqnn.report.templating import environment, moment


@pytest.fixture
def rendered():
    templates = environment("metaqnn.report")
    head = "{% import 'macros.html' as macros %}"
    return lambda source, **values: templates.from_string(head + source).render(**values)


def test_a_network_is_drawn_as_a_chain(rendered):
    html = rendered("{{ macros.chain(text) }}", text="[C(64,3,1), SM(10)]")
    assert html.count("<li") == 2
    assert 'class="layer convolution"' in html


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img onerror=alert(1)>'])
def test_what_is_no_network_is_shown_as_text(rendered, text):
    html = rendered("{{ macros.chain(text) }}", text=text)
    assert "<li" not in html
    assert "<script" not in html
    assert "<img" not in html
    assert "alert(1)" in html


def test_a_missing_value_is_an_error(rendered):
    with pytest.raises(UndefinedError):
        rendered("{{ nothing }}")


def test_moments_are_utc():
    assert moment(0.0) == "1970-01-01 00:00:00 UTC"
    assert moment(None) == "-"
