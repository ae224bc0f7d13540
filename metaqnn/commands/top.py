"""`metaqnn top`: the best networks of a search."""

import argparse
from typing import Any

from metaqnn.commands.common import add_format, add_run, reading
from metaqnn.output import count, percent, rows_as_text

EXAMPLES = """examples:
  metaqnn top runs/NAME -k 10
  metaqnn top runs/NAME --stopped          predictions (~) compete with observed accuracies
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn top`."""
    add_run(parser)
    parser.add_argument("-k", type=_positive, default=10, help="how many networks (default 10)")
    parser.add_argument(
        "--stopped", action="store_true", help="also networks that were stopped, by their prediction"
    )
    add_format(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Print the networks."""
    with reading(namespace.run) as reader:
        found = reader.top(namespace.k, stopped=namespace.stopped)
    print(top_text(found, namespace.format))
    return 0


def top_text(found: list[dict[str, Any]], output_format: str) -> str:
    """Networks as `SearchReader.top` gives them, as text; in tables a prediction begins with ~."""
    rows = [
        {"rank": rank, **{key: network[key] for key in KEYS}} for rank, network in enumerate(found, start=1)
    ]
    if output_format != "table":
        return rows_as_text(rows, output_format, COLUMNS)
    if not rows:
        return "no network has been trained to the end yet"
    return rows_as_text([{**row, **_shown(row)} for row in rows], "table", COLUMNS)


def _shown(row: dict[str, Any]) -> dict[str, str]:
    observed = row["final_accuracy"] is not None
    accuracy = percent(row["final_accuracy"]) if observed else "~" + percent(row["reward"])
    return {
        "shown_accuracy": accuracy,
        "shown_parameters": count(row["parameters"]),
        "shown_macs": count(row["macs"]),
    }


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of networks; at least 1 is needed")
    return number
