"""`metaqnn top`: the best networks of a search."""

from __future__ import annotations

import argparse
import re
from typing import Any

from metaqnn.commands.common import add_format, add_run
from metaqnn.config.bounds import COUNT, MANY
from metaqnn.output import count, percent, rows_as_text
from metaqnn.results.pareto import pareto_front
from metaqnn.session.run_folder import reading
from trainers.metric import in_words

EXAMPLES = """examples:
  metaqnn top runs/NAME -k 10
  metaqnn top runs/NAME --stopped          also ranks stopped networks, by their predictions (~)
  metaqnn top runs/NAME --max-parameters 100k --max-macs 5M
  metaqnn top runs/NAME --pareto           the most accurate network of each size
  metaqnn top runs/NAME --pareto macs      the same for multiply-accumulates per image
  metaqnn top runs/NAME --format json | jq '.[0].architecture'"""

COLUMNS = {
    "rank": "rank",
    "number": "id",
    "shown_accuracy": "accuracy",
    "shown_parameters": "parameters",
    "shown_macs": "MACs",
    "epochs": "epochs",
    "architecture": "architecture",
}
KEYS = (
    "number", "architecture", "outcome", "final_accuracy", "predicted_accuracy", "last_accuracy", "reward",
    "epochs", "epsilon", "parameters", "macs", "num_params", "depth", "seconds",
)  # fmt: skip

UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn top`."""
    add_run(parser)
    parser.add_argument("-k", type=MANY, help="how many networks (default 10, with --pareto the whole front)")
    parser.add_argument(
        "--max-parameters",
        type=_quantity,
        metavar="N",
        help="only networks with at most N parameters, such as 500k or 1M",
    )
    parser.add_argument(
        "--max-macs", type=_quantity, metavar="N", help="only networks with at most N MACs per image"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--stopped", action="store_true", help="include stopped networks, ranked by their predictions"
    )
    which.add_argument(
        "--pareto",
        choices=("parameters", "macs"),
        nargs="?",
        const="parameters",
        help="only networks that no smaller network matches in accuracy (default size: parameters)",
    )
    add_format(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Print the networks."""
    k = namespace.k or (None if namespace.pareto else 10)
    with reading(namespace.run) as reader:
        found = reader.top(
            None if namespace.pareto else k,
            stopped=namespace.stopped,
            max_parameters=namespace.max_parameters,
            max_macs=namespace.max_macs,
        )
        record = reader.record()
    if namespace.pareto:
        found = pareto_front(found, "final_accuracy", namespace.pareto)[:k]
    print(top_text(found, namespace.format, filtered=bool(namespace.max_parameters or namespace.max_macs)))
    if namespace.format == "table" and record.guess is not None:
        metric = in_words(record.config.metric)
        print(f"\nvalidation {metric}; always guessing the commonest class: {percent(record.guess)}")
    return 0


def top_text(found: list[dict[str, Any]], output_format: str, *, filtered: bool = False) -> str:
    """Networks from `SearchReader.top` as text; in tables a prediction begins with ~."""
    rows = [
        {"rank": rank, **{key: network[key] for key in KEYS}} for rank, network in enumerate(found, start=1)
    ]
    if output_format != "table":
        return rows_as_text(rows, output_format, COLUMNS)
    if not rows:
        what = "no network of that size" if filtered else "no network"
        return f"{what} has been trained to the end yet"
    return rows_as_text([{**row, **_shown(row)} for row in rows], "table", COLUMNS)


def _shown(row: dict[str, Any]) -> dict[str, str]:
    observed = row["final_accuracy"] is not None
    accuracy = percent(row["final_accuracy"]) if observed else "~" + percent(row["reward"])
    return {
        "shown_accuracy": accuracy,
        "shown_parameters": count(row["parameters"]),
        "shown_macs": count(row["macs"]),
    }


def _quantity(text: str) -> int:
    """A number of parameters or of operations: 1000000, 1e6, 1M."""
    form = re.fullmatch(r"(\d{1,19}(?:\.\d{1,19})?(?:e\d{1,2})?)([kMG]?)", text.strip())
    number = int(float(form[1]) * UNITS[form[2]]) if form else 0
    if number < 1 or number not in COUNT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write it like 500000, 5e5, 500k or 1.5M")
    return number
