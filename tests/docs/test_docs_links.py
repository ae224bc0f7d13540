"""Every relative link in the README and in docs leads to a file, and to a heading where it names one."""

from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.anchors.index import slugify

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _links(text):
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        for child in token.children or ():
            link = child.attrs.get("href") or child.attrs.get("src")
            if link and not urlsplit(link).scheme:
                yield link


def _headings(text):
    tokens = MarkdownIt("commonmark").parse(text)
    return {slugify(text.content) for opened, text in pairwise(tokens) if opened.type == "heading_open"}


def _broken(page, text):
    """Links of a page with this text that lead nowhere."""
    for link in _links(text):
        parts = urlsplit(link)
        target = page.parent / unquote(parts.path) if parts.path else page
        if not target.exists() or (
            parts.fragment and parts.fragment not in _headings(text if target == page else target.read_text())
        ):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert list(_broken(page, page.read_text(encoding="utf-8"))) == []


def test_a_link_that_leads_nowhere_is_found():
    text = "# One\n\n[a](docs/none.md) [b](#one) [c](#two) ![d](none.png) [e](docs/scaling.md#gpus)\n"
    assert list(_broken(ROOT / "README.md", text)) == ["docs/none.md", "#two", "none.png"]
