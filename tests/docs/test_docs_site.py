"""The documentation builds without a warning, and its reference has all commands and all exported names."""

import importlib
import subprocess
import sys
import zlib
from argparse import _SubParsersAction
from html.parser import HTMLParser
from pathlib import Path

import pytest

from metaqnn.cli import overview

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("state_space", "trainers", "trainers.finetuning", "trainers.families"),
    *("predictor", "metaqnn", "metaqnn.executors"),
)
CONSTANTS = ("CRASHED", "TIMED_OUT", "Shape", "FAMILIES", "PUBLISHED", "Parameter")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` builds it; a warning, a broken link among them, is an error."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    build = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", "-b", "html", str(ROOT / "docs"), str(folder)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def _text(page):
    parser, texts = HTMLParser(), []
    parser.handle_data = texts.append
    parser.feed(page.read_text(encoding="utf-8"))
    return "".join(texts)


def _inventory(site):
    """Names that the site has an entry for, from Sphinx's inventory: four lines, then zlib."""
    packed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    return {line.split(" ")[0] for line in zlib.decompress(packed).decode().splitlines()}


def test_the_reference_of_commands_has_every_option_of_every_command(site):
    shown = _text(site / "reference" / "commands.html")
    [commands] = [a for a in overview(with_options=True)._actions if isinstance(a, _SubParsersAction)]
    for name, parser in commands.choices.items():
        assert f"metaqnn {name}" in shown
        missing = [o for action in parser._actions for o in action.option_strings if o not in shown]
        assert missing == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_of_python_has_every_name_that_a_package_exports(site, package):
    exported = {f"{package}.{name}" for name in importlib.import_module(package).__all__}
    constants = {f"{package}.{name}" for name in CONSTANTS}
    assert exported - constants - _inventory(site) == set()


def test_pages_fetch_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text
        assert 'rel="stylesheet" type="text/css" href="http' not in text
