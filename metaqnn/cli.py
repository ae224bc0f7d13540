"""The `metaqnn` command and its subcommands."""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import sys
import textwrap
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from predictor.output import NO_FILES, NO_SPACE, drop, lack_of_memory, run_program, say

COMMANDS = {
    "run": "start or resume a search",
    "ls": "list the searches in a folder",
    "top": "list the best networks of a search",
    "show": "show one network: its trainings, epochs and decisions",
    "note": "attach a note to a network",
    "finetune": "train the best networks longer and measure their test error",
    "train": "train one network and measure its test error",
    "tune": "tune the hyper-parameters of a family of models, or of a network",
    "export": "write a trained network as PyTorch source, safetensors and ONNX",
    "predict": "classify image files with a trained network",
    "report": "summarise a search and draw its figures",
    "dashboard": "show searches live in a browser",
    "mirror": "copy a search to TensorBoard or Optuna's dashboard, once or continuously",
    "audit": "train some of the stopped networks to the end, to check the predictions",
    "completion": "print a script that lets a shell complete commands, options and run folders",
}
NO_NAMES = {errno.ENAMETOOLONG, errno.ELOOP}
"""Errors that the system may raise for any file name that a user gives."""
OTHER_NAMES = {"--lr": "--learning-rate", "--lr-decay": "--decay-factor"}
"""Options as other programs call them."""
OUR_PACKAGES = ("metaqnn", "predictor", "trainers", "state_space")


class HelpAll(argparse.Action):
    """Prints the help of a `Parser` with all of its options."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print it and exit, as --help does."""
        assert isinstance(parser, Parser)
        parser._most_used = ()
        parser.print_help()
        parser.exit()


class Parser(argparse.ArgumentParser):
    """Answers bad arguments, like any bad input, with one line that suggests the nearest valid name."""

    _most_used: tuple[str, ...] = ()

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong and exit with code 2."""
        from state_space.errors import printable  # imported late, as below

        line = printable(" ".join(message.splitlines()))  # argparse repeats words as they were given
        self.exit(2, f"{self.prog}: error: {line} (see {self.prog} --help)\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """As `ArgumentParser._print_message`, but reports a help text that cannot be written."""
        say(message, file)

    def shorten_help(self, most_used: Sequence[str]) -> None:
        """Let --help explain a few options only, and add --help-all.

        Args:
            most_used: flags, and names of positional arguments, in the order in which --help lists them.
        """
        self._most_used = tuple(most_used)
        self.add_argument("--help-all", action=HelpAll, nargs=0, help="show all options, by group, and exit")

    def format_help(self) -> str:
        """The text of --help."""
        if not self._most_used:
            return super().format_help()
        known = {name: action for action in self._actions for name in (*action.option_strings, action.dest)}
        chosen = [known[name] for name in ("--help", "--help-all", *self._most_used)]
        arguments = [action.metavar for action in chosen if not action.option_strings]
        formatter = self._get_formatter()
        formatter.add_usage(" ".join(["%(prog)s [OPTION ...]", *map(str, arguments)]), [], [])
        formatter.add_text(self.description)
        formatter.start_section("most used options")
        formatter.add_arguments(chosen)
        formatter.end_section()
        titles = [group.title for group in self._action_groups[2:] if group._group_actions]
        more = f"--help-all shows all others: {'; '.join(map(str, titles))}."
        formatter.add_text(textwrap.fill(more, 78))
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As `ArgumentParser.parse_args`, but suggests an option in place of an unknown one."""
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            from state_space.errors import did_you_mean  # imports numpy: `metaqnn --help` need not wait

            word = next((word for word in unknown if word.startswith("-")), unknown[0]).partition("=")[0]
            hint = did_you_mean(OTHER_NAMES.get(word, word), self._option_string_actions)
            self.error(f"unknown argument{'s' * (len(unknown) > 1)}: {' '.join(unknown)}{hint}")
        return known

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """As `ArgumentParser._get_values`, which before Python 3.13 turns `--flag=--` into an empty list."""
        if action.option_strings and arg_strings == ["--"]:
            raise argparse.ArgumentError(action, "'--' is not a value")
        return super()._get_values(action, arg_strings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As `ArgumentParser._check_value`, but suggests a choice; Python 3.14 does that, too."""
        if action.choices is not None and value not in action.choices:
            from state_space.errors import did_you_mean

            choices = ", ".join(map(str, action.choices))
            hint = did_you_mean(value, map(str, action.choices))
            raise argparse.ArgumentError(action, f"{value!r} is not one of {choices}{hint}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or 2 after bad input (one line on standard error), or 130 after Ctrl-C.
    """
    # Python's last garbage collection would walk through all of PyTorch: 1.5 s, many on a busy machine.
    atexit.register(gc.freeze)
    arguments = list(sys.argv[1:] if argv is None else argv)
    return run_program("metaqnn", lambda: _dispatch(arguments), _told)


def _told(error: Exception) -> str | None:
    """A line about an error that the user or the machine has caused; None for one of ours."""
    if line := lack_of_memory(error):
        return line
    number = error.errno if isinstance(error, OSError) else None
    if number not in NO_SPACE | NO_FILES | NO_NAMES and not _is_users(error):
        return None
    from metaqnn.output import system_error

    said = system_error(error) if isinstance(error, OSError) else str(error)
    if number in NO_SPACE:  # as in `metaqnn top RUN > FILE`
        drop(sys.stdout)
        said = f"the results cannot be written: {said}"
    return said


def _dispatch(arguments: list[str]) -> int:
    name = arguments[0] if arguments else ""
    if name not in COMMANDS:
        overview().parse_args(arguments or ["--help"])
        return 2
    module = import_module(f"metaqnn.commands.{name}")
    parser = Parser(
        prog=f"metaqnn {name}",
        description=f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}.",
        epilog=module.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fill(parser, module)
    code: int = module.execute(parser.parse_args(arguments[1:]))
    return code


def overview(*, with_options: bool = False) -> Parser:
    """The parser of `metaqnn` itself; without the options of its commands it takes no time to build."""
    from metaqnn import __version__

    parser = Parser(
        prog="metaqnn",
        description="Neural architecture search with Q-learning and early stopping.",
        epilog="`metaqnn COMMAND --help` describes a command.",
    )
    parser.add_argument("--version", action="version", version=f"metaqnn {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text)
        if with_options:
            fill(command, import_module(f"metaqnn.commands.{name}"))
    return parser


def fill(parser: Parser, module: ModuleType) -> None:
    """Give a command's parser its options; --help explains those in the module's MOST_USED."""
    module.add_options(parser)
    if hasattr(module, "MOST_USED"):
        parser.shorten_help(module.MOST_USED)


def _is_users(error: Exception) -> bool:
    """Whether an error is the user's to correct: a ValueError that one of our packages defines."""
    return isinstance(error, ValueError) and type(error).__module__.split(".")[0] in OUR_PACKAGES


if __name__ == "__main__":
    sys.exit(main())
