"""`python -m predictor` and its subcommands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from predictor import __version__
from predictor.errors import PredictorError, did_you_mean
from predictor.output import NO_SPACE, drop, harmless, lack_of_memory, run_program, say


class Command(NamedTuple):
    """A package and what it is for.

    Its module `options` has `EXAMPLES` and `add_options(parser)`. Its module `command` has
    `execute(namespace)` and takes a second to import: --help does without it.
    """

    package: str
    help: str


COMMANDS = {
    "evaluate": Command("predictor.evaluation", "measure how well methods predict recorded curves"),
    "simulate": Command("predictor.simulation", "replay recorded curves under stopping rules"),
}


class Parser(argparse.ArgumentParser):
    """Answers bad arguments, like any bad input, with one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit with code 2."""
        self.exit(2, f"predictor: error: {harmless(message)} (see {self.prog} --help)\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As `ArgumentParser._check_value`, but suggests the nearest choice."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            hint = did_you_mean(value, action.choices or ())
            raise argparse.ArgumentError(action, f"{error.message}{hint}") from None

    def _print_message(self, message: str, file: Any = None) -> None:
        """As `ArgumentParser._print_message`, but with an error if a help text cannot be written."""
        say(message, file)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0, or 2 after bad input (one line on standard error), or 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return run_program("predictor", lambda: _dispatch(arguments), _told)


def _told(error: Exception) -> str | None:
    """A line about an error that the user or the machine caused; None for one of ours."""
    if line := lack_of_memory(error):
        return line
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        drop(sys.stdout)
        return f"the results cannot be written: {error.strerror}"
    return str(error) if isinstance(error, PredictorError) else None


def _dispatch(arguments: list[str]) -> int:
    name = arguments[0] if arguments else ""
    if name not in COMMANDS:
        _overview().parse_args(arguments or ["--help"])
        return 2
    package = COMMANDS[name].package
    options = import_module(f"{package}.options")
    parser = Parser(
        prog=f"python -m predictor {name}",
        description=COMMANDS[name].help.capitalize() + ".",
        epilog=options.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_options(parser)
    namespace = parser.parse_args(arguments[1:])
    code: int = import_module(f"{package}.command").execute(namespace)
    return code


def _overview() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m predictor",
        description="Evaluate forecasts of learning curves and stopping rules on recorded curves.",
        epilog="`python -m predictor COMMAND --help` describes a command.",
    )
    parser.add_argument("--version", action="version", version=f"predictor {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help)
    return parser


if __name__ == "__main__":
    sys.exit(main())
