"""The `metaqnn` command: one subcommand per thing that people do with a search."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

COMMANDS = {
    "run": "start a search, or go on with one",
    "top": "list the best networks of a search",
    "show": "show one network: its trainings, epochs and decisions",
    "report": "summarise a search per epsilon, and draw it",
    "audit": "train some of the stopped networks to the end, to check the predictions",
}
ROOMS = ("metaqnn", "predictor", "trainers", "state_space")


class Parser(argparse.ArgumentParser):
    """Answers bad arguments with one line, as every bad input, and not with the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit with code 2."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0, or 2 after bad input (one line on standard error), or 130 after Ctrl-C.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()  # here, where a closed pipe is dealt with
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `metaqnn top RUN | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if not _is_users(error):
            raise
        print(f"metaqnn: error: {error}", file=sys.stderr)
        return 2


def _dispatch(arguments: list[str]) -> int:
    name = arguments[0] if arguments else ""
    if name not in COMMANDS:
        _overview().parse_args(arguments or ["--help"])
        return 2
    module = import_module(f"metaqnn.commands.{name}")
    parser = Parser(
        prog=f"metaqnn {name}",
        description=COMMANDS[name].capitalize() + ".",
        epilog=module.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_options(parser)
    code: int = module.execute(parser.parse_args(arguments[1:]))
    return code


def _overview() -> argparse.ArgumentParser:
    from metaqnn import __version__

    parser = Parser(
        prog="metaqnn",
        description="Neural architecture search with Q-learning and early stopping.",
        epilog="`metaqnn COMMAND --help` tells more.",
    )
    parser.add_argument("--version", action="version", version=f"metaqnn {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        commands.add_parser(name, help=help_text)
    return parser


def _is_users(error: Exception) -> bool:
    """Whether an error tells the user what to change: the ValueErrors that our packages define."""
    return isinstance(error, ValueError) and type(error).__module__.split(".")[0] in ROOMS


if __name__ == "__main__":
    sys.exit(main())
