"""The pages name nothing that does not exist: links, headings, files of the repository, Python names."""

import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.anchors.index import slugify

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
OURS = [page for page in PAGES if page.name != "comparison.md"]  # which names files of other projects
FOLDERS = "benchmarks|docs|examples|metaqnn|predictor|state_space|tests|trainers"
PATH = re.compile(rf"(?<![\w./-])(?:{FOLDERS})/[\w./-]*[\w/]")
TEST = re.compile(r"(?<![\w./])test_\w+\.py")
NAME = re.compile(r"(?<![\w./-])(?:metaqnn|predictor|state_space|trainers)(?:\.[a-zA-Z_]\w*)+(?![\w/-])")


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


def _code(text):
    """Code of a page: inline, and in blocks."""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield from (child.content for child in token.children or () if child.type == "code_inline")
        if token.type in ("fence", "code_block"):
            yield token.content


def _exists(name):
    """Whether a dotted name is a module or is defined in one. Nothing is imported: Ray and Keras are slow."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        sources = [path.with_suffix(".py"), path / "__init__.py", path / "__init__.pyi"]
        if texts := [source.read_text() for source in sources if source.exists()]:
            if length == len(parts):
                return True
            defined = re.compile(
                rf"^(?:    |class |def |from .* import .*)?\b{parts[length]}\b(?!\.)", re.MULTILINE
            )
            return any(map(defined.search, texts))
    return False


def _unknown(text):
    """Files of this repository and Python names in the code of a page that do not exist."""
    tests = {file.name for file in (ROOT / "tests").rglob("test_*.py")}
    for code in _code(text):
        yield from (path for path in PATH.findall(code) if not (ROOT / path).exists())
        yield from (name for name in TEST.findall(code) if name not in tests)
        yield from (name for name in NAME.findall(code) if not _exists(name))


@pytest.mark.parametrize("page", OURS, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_names_of_the_project_exist(page):
    assert list(_unknown(page.read_text(encoding="utf-8"))) == []


def test_a_file_or_a_name_that_does_not_exist_is_found():
    text = "`metaqnn/search.py` `test_none.py` `predictor.early_stopping.X`\n\n    python docs/none.py\n"
    assert list(_unknown(text)) == [
        "metaqnn/search.py",
        "test_none.py",
        "predictor.early_stopping.X",
        "docs/none.py",
    ]
    assert (
        list(_unknown("`tests/docs/test_docs_links.py` `predictor.rules.names.make_rule` `pip.main`")) == []
    )
