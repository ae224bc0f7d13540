"""`metaqnn show`: everything about one network."""

from __future__ import annotations

import argparse
from typing import Any

from metaqnn.commands.common import add_format, add_run
from metaqnn.config.bounds import ROW
from metaqnn.output import as_json, count, duration, facts_as_text, percent, rows_as_text
from metaqnn.session.run_folder import reading

EXAMPLES = """examples:
  metaqnn show runs/NAME 17
  metaqnn show runs/NAME 17 --format csv > epochs.csv"""

EPOCH_COLUMNS = {
    "training": "training",
    "epoch": "epoch",
    "accuracy": "accuracy",
    "loss": "loss",
    "predicted_accuracy": "forecast y_hat_T",
    "sigma": "sigma",
    "probability": "p(y_T <= best)",
    "decision": "decision",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn show`."""
    add_run(parser)
    parser.add_argument("id", type=ROW, metavar="ID", help="the network's number, as `metaqnn top` prints it")
    add_format(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Print the network."""
    with reading(namespace.run) as reader:
        network = reader.network(namespace.id)
    if namespace.format == "json":
        print(as_json(network))
    elif namespace.format == "csv":
        print(rows_as_text(_epochs(network), "csv", EPOCH_COLUMNS))
    else:
        print(_facts(network), "", _table(network), sep="\n")
    return 0


def _facts(network: dict[str, Any]) -> str:
    facts = {
        "network": network["number"],
        "architecture": network["architecture"],
        "parameters": count(network["parameters"]),
        "MACs per image": count(network["macs"]),
        "weights as published": count(network["num_params"]),
        "proposed at epsilon": f"{network['epsilon']:g}",
        "samples in the memory": network["samples"],
        "outcome": _outcome(network),
        "final accuracy": percent(network["final_accuracy"]),
        "predicted accuracy": _marked(network["predicted_accuracy"]),
        "reward": "-" if network["reward"] is None else f"{network['reward']:.4f}",
        "training time": "-" if network["seconds"] is None else duration(network["seconds"]),
        "remark": network["message"] or "-",
    }
    return facts_as_text(facts)


def _outcome(network: dict[str, Any]) -> str:
    stops = [
        epoch["epoch"] for training in network["trainings"] for epoch in training["epochs"] if epoch["stop"]
    ]
    if network["outcome"] == "completed" and stops:
        return f"completed, as an audit: the rule would have stopped it after epoch {stops[-1]}"
    return network["outcome"] or "in training"


def _marked(prediction: float | None) -> str:
    return "-" if prediction is None else "~" + percent(prediction)


def _table(network: dict[str, Any]) -> str:
    rows = [
        {
            **row,
            "accuracy": percent(row["accuracy"]),
            "loss": "-" if row["loss"] is None else f"{row['loss']:.4f}",
            "predicted_accuracy": _marked(row["predicted_accuracy"]),
            "sigma": percent(row["sigma"]),
            "probability": "-" if row["probability"] is None else f"{row['probability']:.4f}",
        }
        for row in _epochs(network)
    ]
    return rows_as_text(rows, "table", EPOCH_COLUMNS)


def _epochs(network: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "training": f"{training['purpose']} {training['attempt']}",
            "learning_rate": training["learning_rate"],
            **{key: value for key, value in epoch.items() if key not in ("training_id", "stop", "reason")},
            "decision": _decision(epoch),
        }
        for training in network["trainings"]
        for epoch in training["epochs"]
    ]


def _decision(epoch: dict[str, Any]) -> str:
    return "-" if epoch["stop"] is None else f"{'stop' if epoch['stop'] else 'continue'}: {epoch['reason']}"
