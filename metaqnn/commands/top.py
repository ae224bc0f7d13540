"""`metaqnn top`: the best networks of a search."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any

from metaqnn.commands.common import add_format, add_run
from metaqnn.config.bounds import COUNT, MANY
from metaqnn.config.search import SearchConfig
from metaqnn.database import SearchRecord
from metaqnn.output import count, counted, interval_text, percent, predicted, rows_as_text
from metaqnn.results.accuracy import accuracy_interval, guess_text, shared_ranks
from metaqnn.results.audits import audited_note
from metaqnn.results.pareto import pareto_front
from metaqnn.session.find import reading
from metaqnn.session.notes import read_notes
from trainers.metric import ACCURACY

EXAMPLES = """examples:
  metaqnn top runs/NAME -k 10
  metaqnn top runs/NAME --stopped          also ranks stopped networks, by their predictions (~)
  metaqnn top runs/NAME --max-parameters 100k --max-macs 5M
  metaqnn top runs/NAME --pareto           the most accurate network of each size
  metaqnn top runs/NAME --pareto macs      the same for multiply-accumulates per image
  metaqnn top runs/NAME --format json | jq '.[0].architecture'

The interval is Wilson's, at 95%: how precisely that many validation images determine the accuracy of a
trained network. It covers neither the variation between trainings nor the luck in picking the best of many.
All networks whose accuracies lie within the interval of the best one share its rank, then those within the
interval of the best of the others, and so on: that many images cannot tell them apart. `place` in JSON and
CSV is the line in this list: the number that --rank of other commands takes, unless options filter the list
or add stopped networks.

In JSON and CSV, `parameters` counts all trained numbers of a network, biases and softmax included; the
stopping rule and the forecasts use it. `num_params` is the published count, without these."""

COLUMNS = {
    "rank": "rank",
    "number": "id",
    "shown_accuracy": "accuracy",
    "shown_interval": "95% interval",
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
    parser.add_argument("-k", type=MANY, help="how many networks (default: 10, with --pareto all)")
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
        help="only networks for which no network with fewer parameters, or MACs, is as accurate",
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
        filtered = bool(namespace.max_parameters or namespace.max_macs)
        whole = not (filtered or namespace.stopped or namespace.pareto)
        audited = audited_note(reader, found, namespace.run) if whole else ""
    if namespace.pareto:
        found = pareto_front(found, "final_accuracy", namespace.pareto)[:k]
    print(top_text(found, record.config, namespace.format, read_notes(namespace.run), filtered=filtered))
    if namespace.format == "table":
        print("\n".join(["", _note(record, found), *([audited] if audited else [])]))
    return 0


def top_text(
    found: list[dict[str, Any]],
    config: SearchConfig,
    output_format: str,
    notes: Mapping[int, str],
    *,
    filtered: bool = False,
) -> str:
    """Networks from `SearchReader.top` as text; in tables a prediction begins with ~, and * marks a note."""
    ranks = shared_ranks(found, config)
    rows = [
        {**_row(place, rank, one, config), "note": notes.get(one["number"])}
        for place, (rank, one) in enumerate(zip(ranks, found, strict=True), start=1)
    ]
    if output_format != "table":
        keys = ("place", "rank", *KEYS, "final_accuracy_low", "final_accuracy_high", "note")
        return rows_as_text(rows, output_format, COLUMNS, keys=keys)
    if not rows:
        what = "no network of that size" if filtered else "no network"
        return f"{what} has been trained to the end yet"
    empty = {"shown_interval"} if all(row["final_accuracy_low"] is None for row in rows) else set()
    if len({row["epochs"] for row in rows}) == 1:
        empty.add("epochs")  # all were trained to the end
    columns = {key: heading for key, heading in COLUMNS.items() if key not in empty}
    table = rows_as_text([{**row, **_shown(row)} for row in rows], "table", columns)
    remarks = [f"* network {row['number']}: {row['note']}" for row in rows if row["note"]]
    return "\n".join([table, *([""] if remarks else []), *remarks])


def _row(place: int, rank: int, network: dict[str, Any], config: SearchConfig) -> dict[str, Any]:
    low, high = accuracy_interval(network["final_accuracy"], config) or (None, None)
    return {
        "place": place,
        "rank": rank,
        **{key: network[key] for key in KEYS},
        "final_accuracy_low": low,
        "final_accuracy_high": high,
    }


def _shown(row: dict[str, Any]) -> dict[str, str]:
    observed, low = row["final_accuracy"] is not None, row["final_accuracy_low"]
    accuracy = percent(row["final_accuracy"]) if observed else predicted(row["reward"])
    return {
        "shown_accuracy": accuracy,
        "shown_interval": "-" if low is None else interval_text(low, row["final_accuracy_high"]),
        "shown_parameters": count(row["parameters"]),
        "shown_macs": count(row["macs"]),
        "number": f"{row['number']}{'*' if row['note'] else ''}",
    }


def _note(record: SearchRecord, found: list[dict[str, Any]]) -> str:
    """What the accuracies are, and what they are to be compared with."""
    config = record.config
    images = "" if config.validation_size is None else f" on {counted(config.validation_size, 'image')}"
    told = ", which cannot tell networks of equal rank apart" if images and config.metric == ACCURACY else ""
    line = f"validation {config.metric_text}{images}{told}"
    if record.guess is None:
        return line
    best = max((row["final_accuracy"] for row in found if row["final_accuracy"] is not None), default=None)
    who = "NO network here is clearly better"
    return f"{line}\n{guess_text(record.guess, record.guess_limit, best, who=who)}"


def _quantity(text: str) -> int:
    """A number of parameters or of operations: 1000000, 1e6, 1M."""
    form = re.fullmatch(r"(\d{1,19}(?:\.\d{1,19})?(?:e\d{1,2})?)([kMG]?)", text.strip())
    number = int(float(form[1]) * UNITS[form[2]]) if form else 0
    if number < 1 or number not in COUNT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write it like 500000, 5e5, 500k or 1.5M")
    return number
