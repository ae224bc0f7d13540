"""`metaqnn completion`: a script that lets a shell complete the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

EXAMPLES = """for every new bash (with the package bash-completion):
  mkdir -p ~/.local/share/bash-completion/completions
  metaqnn completion bash > ~/.local/share/bash-completion/completions/metaqnn
for every new zsh, with `fpath+=~/.zfunc` before compinit in ~/.zshrc:
  mkdir -p ~/.zfunc
  metaqnn completion zsh > ~/.zfunc/_metaqnn
for this bash only:
  eval "$(metaqnn completion bash)\""""

FOLDERS = ("RUN", "DIR")
"""How --help shows arguments that are folders."""
ALIAS = "or latest"
"""How it shows that a run folder may also be the latest one."""
FILES = "IMAGE"
"""How it shows arguments that are files."""
PREAMBLES = {
    "bash": """
_metaqnn_run_dirs() { compgen -W latest -- "$1"; compgen -d -- "$1"; }
_metaqnn_dataset_files() { compgen -W "%s" -- "$1"; compgen -f -- "$1"; }
""",
    "zsh": """
_metaqnn_run_dirs() { _alternative 'names:name:(latest)' 'folders:folder:_files -/'; }
_metaqnn_dataset_files() { _alternative 'names:name:(%s)' 'files:file:_files'; }
""",
}
"""Shell functions that complete names and paths; %s stands for the names of data sets."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn completion`."""
    parser.add_argument("shell", choices=("bash", "zsh"), help="bash or zsh")


def execute(namespace: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from metaqnn.cli import overview

    parser = overview(with_options=True)
    for command, action in _actions(parser):
        names = known_names(command)
        # shtab reads the attribute `complete`.
        if ALIAS in (action.help or ""):
            action.complete = _functions("_metaqnn_run_dirs")  # type: ignore[attr-defined]
        elif action.dest == "dataset":
            action.complete = _functions("_metaqnn_dataset_files")  # type: ignore[attr-defined]
        elif action.metavar in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.metavar == FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest in names:
            action.choices = names[action.dest]
    preamble = PREAMBLES[namespace.shell] % " ".join(known_names()["dataset"])
    print(shtab.complete(parser, namespace.shell, preamble=preamble))
    return 0


def _functions(name: str) -> dict[str, str]:
    """Shell -> function that shtab calls for a word; the end of its name tells bash that words are files."""
    return dict.fromkeys(PREAMBLES, name)


def known_names(command: str = "run") -> dict[str, tuple[str, ...]]:
    """Option -> known values, for those options of a command that the parser does not check."""
    from metaqnn.config.environment import EXECUTORS
    from metaqnn.config.presets import PRESETS
    from metaqnn.config.stopping import REWARDS
    from predictor.rules.names import RULES
    from trainers.datasets import DATASET_NAMES
    from trainers.device import DEVICES, PRECISIONS
    from trainers.families.base import PRESETS as FAMILY_PRESETS

    return {
        "dataset": DATASET_NAMES,
        "preset": FAMILY_PRESETS if command in ("train", "tune") else tuple(PRESETS),
        "stopping": tuple(RULES),
        "reward": REWARDS,
        "executor": EXECUTORS,
        "device": DEVICES,
        "precision": PRECISIONS,
    }


def _actions(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """All arguments of all commands, with the name of the command."""
    for commands in parser._actions:
        if isinstance(commands, argparse._SubParsersAction):
            for name, command in commands.choices.items():
                yield from ((name, action) for action in command._actions)
