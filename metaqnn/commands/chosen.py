"""Which trained network of a run folder a command uses."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from metaqnn.commands.common import add_trust
from metaqnn.config.bounds import MANY, ROW
from metaqnn.config.options import ConfigError
from metaqnn.session.find import reading
from metaqnn.session.run_folder import RunFolder

if TYPE_CHECKING:
    from metaqnn.export import Exportable


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The options that `chosen` reads, in addition to RUN."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--rank", type=MANY, metavar="R", help="line of `metaqnn top RUN` (default: 1, the best)"
    )
    which.add_argument(
        "--network", type=ROW, metavar="ID", help="the network's number, as `metaqnn top` prints it"
    )
    which.add_argument(
        "--ensemble",
        action="store_true",
        help="average the softmax outputs of all networks of the newest recipe of `metaqnn finetune`, or of "
        "those in --networks",
    )
    parser.add_argument(
        "--networks",
        type=ROW,
        nargs="+",
        metavar="ID",
        help="with --ensemble: the members (default: all that were finetuned with its recipe)",
    )
    parser.add_argument(
        "--finetuned",
        action="store_true",
        help="use the weights from `metaqnn finetune` (default: from the search)",
    )
    parser.add_argument(
        "--recipe",
        metavar="NAME",
        help="use the weights from this folder in RUN/finetune (default: with --finetuned, where a "
        "training of the network ended last; with --ensemble, the newest of two or more networks)",
    )
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the data set, if it was moved")
    add_trust(parser)


def chosen(namespace: argparse.Namespace) -> Exportable:
    """The network that the options choose in a run folder.

    Raises:
        ConfigError: an option chooses among networks where there is only one, or --networks lacks --ensemble,
            or the data set is a function that is not trusted.
        ExportError: the weights are not there.
    """
    from metaqnn.export import ensemble, finetuned, ranked, searched  # torch takes seconds to import
    from metaqnn.session.trust import require_trusted
    from metaqnn.tune.trained import trained

    folder = RunFolder(namespace.run)
    if folder.kind() == "training":
        refuse_choice(namespace, "the folder of `metaqnn train`")
        return trained(folder.path, namespace.data_dir, trust_module=namespace.trust_module)
    with reading(namespace.run) as reader:
        require_trusted(reader.config().dataset, namespace.trust_module)
        if namespace.ensemble:
            members = namespace.networks
            return _named(ensemble(folder, reader, namespace.data_dir, namespace.recipe, members))
        if namespace.networks:
            raise ConfigError("--networks chooses the members of an ensemble: add --ensemble")
        number = ranked(reader, namespace.rank or 1) if namespace.network is None else namespace.network
        if namespace.finetuned or namespace.recipe:
            return _named(finetuned(folder, reader, number, namespace.data_dir, namespace.recipe))
        return searched(folder, reader, number, namespace.data_dir)


def _named(exportable: Exportable) -> Exportable:
    """Name on standard error the long training that the weights are from."""
    print(f"weights: {exportable.card.training}", file=sys.stderr)
    return exportable


def refuse_choice(namespace: argparse.Namespace, what: str) -> None:
    """Refuse options that choose a network. Raises ConfigError.

    Args:
        namespace: the options.
        what: what the folder is instead of a search's, such as `an export`.
    """
    for name in ("rank", "network", "ensemble", "finetuned", "recipe", "networks"):
        if getattr(namespace, name):
            raise ConfigError(
                f"--{name} chooses among networks of a search, but {str(namespace.run)!r} is {what}, "
                "with only one"
            )
