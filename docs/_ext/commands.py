"""The directive `commands`: every command of the project with its options, from its own argparse parser."""

import argparse
from collections.abc import Iterator
from importlib import import_module

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

import metaqnn.cli
import predictor.cli


def parsers() -> Iterator[argparse.ArgumentParser]:
    """The parser of each command, as its `--help` has it: prog, description, options, examples as epilog."""
    for name, help_text in metaqnn.cli.COMMANDS.items():
        yield _parser(metaqnn.cli.Parser, f"metaqnn {name}", help_text, f"metaqnn.commands.{name}")
    for name, command in predictor.cli.COMMANDS.items():
        yield _parser(
            predictor.cli.Parser, f"python -m predictor {name}", command.help, f"{command.package}.options"
        )


def _parser(
    kind: type[argparse.ArgumentParser], prog: str, help_text: str, module_name: str
) -> argparse.ArgumentParser:
    module = import_module(module_name)
    parser = kind(prog=prog, description=f"{help_text[0].upper()}{help_text[1:]}.", epilog=module.EXAMPLES)
    parser.color = False  # Python 3.14 would colour what is made on a terminal
    if isinstance(parser, metaqnn.cli.Parser):
        metaqnn.cli.fill(parser, module)
    else:
        module.add_options(parser)
    return parser


class Commands(Directive):
    """A section for every command: what it does, its options group by group, and its examples."""

    def run(self) -> list[nodes.Node]:
        """Make the sections."""
        return [self._section(parser) for parser in parsers()]

    def _section(self, parser: argparse.ArgumentParser) -> nodes.section:
        section = nodes.section("", nodes.title("", parser.prog), names=[parser.prog])
        self.state.document.note_explicit_target(section)
        section += nodes.paragraph("", parser.description)
        for group in parser._action_groups:
            if group._group_actions:
                section += nodes.rubric("", group.title)
                section += _options(parser, group._group_actions)
        section += nodes.literal_block(parser.epilog, parser.epilog, language="text")
        return section


def _options(parser: argparse.ArgumentParser, actions: list[argparse.Action]) -> nodes.definition_list:
    formatter = parser._get_formatter()
    listed = nodes.definition_list()
    for action in actions:
        term = nodes.term("", "", nodes.literal("", formatter._format_action_invocation(action)))
        help_text = formatter._expand_help(action) if action.help else ""
        listed += nodes.definition_list_item("", term, nodes.definition("", nodes.paragraph("", help_text)))
    return listed


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known to Sphinx."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
