"""Every command line in the README, in docs and in the examples of --help is accepted by the real parsers."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from metaqnn.config.options import given_options
from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import PublishedFlags

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = ("metaqnn ", "python -m metaqnn", "python -m predictor")
ENDS = {"|", ">", "&&", "&", "2>&1"}


def _parsers():
    """The parser of each command by its name, as the reference in docs shows it."""
    spec = importlib.util.spec_from_file_location("commands", ROOT / "docs" / "_ext" / "commands.py")
    extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension)
    return {parser.prog: parser for parser in extension.parsers()}


PARSERS = _parsers()


def _lines(text):
    """The command lines of some code: continued lines as one, without comment, pipe and redirection."""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip().startswith(COMMANDS):
            words = shlex.split(re.split(r"\s{2,}", line.strip())[0], comments=True)
            yield words[: next((i for i, word in enumerate(words) if word in ENDS), None)]


def _command_lines():
    for page in PAGES:
        for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
            if token.type in ("fence", "code_block"):
                for words in _lines(token.content):
                    yield pytest.param(words, id=f"{page.name}: {' '.join(words)}")
    for name, parser in PARSERS.items():
        for words in _lines(parser.epilog):
            yield pytest.param(words, id=f"{name} --help: {' '.join(words)}")


def _parse(words):
    """The command's name and its options; `SystemExit` if the parser does not accept them."""
    words = ["metaqnn", "run", *words[3:]] if words[:3] == ["python", "-m", "metaqnn.run"] else words
    first = 2 if words[0] == "metaqnn" else 4
    name = " ".join(words[:first])
    return name, PARSERS[name].parse_args(words[first:])


@pytest.mark.parametrize("words", list(_command_lines()))
def test_the_parser_takes_it(words):
    if "--help" in words:
        words.remove("--help")
    name, options = _parse(words)
    if name == "metaqnn run" and options.resume is None:
        SearchConfig.of(**given_options(options, SearchConfig), **given_options(options, PublishedFlags))


@pytest.mark.parametrize(
    "line",
    ["metaqnn top runs/NAME --best", "metaqnn run --epochs ten", "python -m predictor simulate --orders 3"],
)
def test_a_line_that_the_parser_does_not_take_is_found(line):
    [words] = _lines(line)
    with pytest.raises(SystemExit) as end:
        _parse(words)
    assert end.value.code == 2


def test_lines_are_read_as_a_shell_reads_them():
    code = "metaqnn top RUN -k 3 \\\n    --format json | jq .  # best\nls\nmetaqnn run 2>&1 | head -1\n"
    assert list(_lines(code)) == [
        ["metaqnn", "top", "RUN", "-k", "3", "--format", "json"],
        ["metaqnn", "run"],
    ]
