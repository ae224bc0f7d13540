"""`metaqnn show`: everything about one network."""

from __future__ import annotations

import argparse
from typing import Any

from metaqnn.commands.common import add_format, add_run
from metaqnn.config.bounds import ROW
from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import compared
from metaqnn.output import (
    as_json,
    count,
    counted,
    duration,
    facts_as_text,
    interval_text,
    percent,
    predicted,
    rows_as_text,
)
from metaqnn.results.accuracy import accuracy_interval
from metaqnn.results.audits import audited_after
from metaqnn.results.settings import compared_with, forecaster, forecaster_at_stops, rule_name
from metaqnn.results.summary import unfinished
from metaqnn.session.find import reading
from metaqnn.session.notes import read_notes
from metaqnn.session.run_folder import RunFolder

EXAMPLES = """examples:
  metaqnn show runs/NAME 17
  metaqnn show runs/NAME 17 --format csv > epochs.csv

After an epoch, the stopping rule may forecast the final accuracy and give a probability that it will be no
better than the best so far (with --nth-best and --tolerance: than the n-th best less the tolerance). If the
rule stops the network, the forecast is the agent's reward (--reward). Unless the rule is the published one,
the forecast comes from another model, so it need not agree with the probability. The lines below the table,
and `forecast_by` in JSON and CSV, name the models. A rank in a reason is among all networks seen after that
many epochs, ordered by their chances of beating the best.

"samples in the memory" is how often the agent has proposed the network. It is trained only once, but each
time its result enters the replay memory, from which the agent learns.

In JSON, `parameters` counts all trained numbers, biases and softmax included; the stopping rule and the
forecasts use it. `num_params` is the published count, without these ("weights as published")."""

EPOCH_COLUMNS = {
    "training": "training",
    "epoch": "epoch",
    "accuracy": "accuracy",
    "loss": "loss",
    "predicted_accuracy": "forecast",
    "sigma": "± sigma",
    "probability": "p(no better)",
    "decision": "decision",
}
MAY_BE_EMPTY = ("predicted_accuracy", "sigma", "probability", "decision")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn show`."""
    add_run(parser)
    parser.add_argument("id", type=ROW, metavar="ID", help="the network's number, as `metaqnn top` prints it")
    add_format(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Print the network."""
    with reading(namespace.run) as reader:
        owner = RunFolder(namespace.run).owner()  # before the network: its search may end in between
        network, config = reader.network(namespace.id), reader.config()
    network["note"] = read_notes(namespace.run).get(namespace.id)
    epochs = _epochs(network, config)
    if namespace.format == "json":
        print(as_json(_for_programs(network, config)))
    elif namespace.format == "csv":
        print(rows_as_text(epochs, "csv", EPOCH_COLUMNS))
    else:
        print(_facts(network, config, owner), "", _table(epochs), sep="\n")
        if notes := _notes(epochs, config):
            print("", *notes, sep="\n")
    return 0


def _for_programs(network: dict[str, Any], config: SearchConfig) -> dict[str, Any]:
    """The network with the interval of its accuracy, and with the origin of each forecast."""
    low, high = accuracy_interval(network["final_accuracy"], config) or (None, None)
    trainings = [
        {
            **training,
            "epochs": [{**epoch, "forecast_by": _forecast_by(epoch, config)} for epoch in training["epochs"]],
        }
        for training in network["trainings"]
    ]
    interval = {"final_accuracy_low": low, "final_accuracy_high": high}
    return {**network, **interval, "validation_images": config.validation_size, "trainings": trainings}


def _facts(network: dict[str, Any], config: SearchConfig, owner: str | None) -> str:
    facts = {
        "network": network["number"],
        "architecture": network["architecture"],
        "parameters": count(network["parameters"]),
        "MACs per image": count(network["macs"]),
        "weights as published": count(network["num_params"]),
        "proposed at epsilon": f"{network['epsilon']:g}",
        "samples in the memory": network["samples"],
        "outcome": _outcome(network, owner),
        f"final {config.metric_text}": _accuracy(network["final_accuracy"], config),
        f"predicted {config.metric_text}": _prediction(network["predicted_accuracy"], config),
        "reward": percent(network["reward"]),
        "training time": "-" if network["seconds"] is None else duration(network["seconds"]),
        "remark": network["message"] or "-",
        **({"note": network["note"]} if network["note"] else {}),
    }
    return facts_as_text(facts)


def _accuracy(accuracy: float | None, config: SearchConfig) -> str:
    interval = accuracy_interval(accuracy, config)
    if interval is None:
        return percent(accuracy)
    by = counted(config.validation_size or 0, "validation image")
    return f"{percent(accuracy)} ({interval_text(*interval)} by {by})"


def _prediction(accuracy: float | None, config: SearchConfig) -> str:
    return "-" if accuracy is None else f"{predicted(accuracy)}, by {forecaster_at_stops(config)}"


def _outcome(network: dict[str, Any], owner: str | None) -> str:
    outcome, stop = network["outcome"] or unfinished(owner), audited_after(network)
    audit = "" if stop is None else f", as an audit: the rule would have stopped it after epoch {stop}"
    return f"{outcome}{audit}"


def _table(epochs: list[dict[str, Any]]) -> str:
    rows = [
        {
            **row,
            "accuracy": percent(row["accuracy"]),
            "loss": "-" if row["loss"] is None else f"{row['loss']:.4f}",
            "predicted_accuracy": predicted(row["predicted_accuracy"]),
            "sigma": percent(row["sigma"]),
            "probability": percent(row["probability"]),
        }
        for row in epochs
    ]
    empty = {key for key in MAY_BE_EMPTY if all(row[key] in (None, "-") for row in rows)}
    return rows_as_text(rows, "table", {key: name for key, name in EPOCH_COLUMNS.items() if key not in empty})


def _notes(epochs: list[dict[str, Any]], config: SearchConfig) -> list[str]:
    """Which models the forecasts and the probabilities in the table come from."""
    forecasts = [epoch for epoch in epochs if epoch["predicted_accuracy"] is not None]
    models = dict.fromkeys(epoch["forecast_by"] for epoch in forecasts)
    lines = []
    if forecasts:
        kinds = [
            f"by {model}" + (" where it stops" if epoch["stop"] and len(models) > 1 else "")
            for model, epoch in {epoch["forecast_by"]: epoch for epoch in forecasts}.items()
        ]
        lines.append(f"forecast: of the final accuracy, {', '.join(kinds)}")
    if any(epoch["probability"] is not None for epoch in epochs):
        of, (tolerance, _) = f"by the rule {rule_name(config)}", compared(config.stopping)
        best = f"the {compared_with(config)} so far{' less the tolerance' if tolerance else ''}"
        lines.append(f"p(no better): probability, {of}, that the final accuracy is no better than {best}")
    return lines


def _epochs(network: dict[str, Any], config: SearchConfig) -> list[dict[str, Any]]:
    return [
        {
            "training": f"{training['purpose']} {training['attempt']}",
            "learning_rate": training["learning_rate"],
            **{key: value for key, value in epoch.items() if key != "reason"},
            "forecast_by": _forecast_by(epoch, config),
            "decision": _decision(epoch),
        }
        for training in network["trainings"]
        for epoch in training["epochs"]
    ]


def _forecast_by(epoch: dict[str, Any], config: SearchConfig) -> str | None:
    return None if epoch["predicted_accuracy"] is None else forecaster(config, bool(epoch["stop"]))


def _decision(epoch: dict[str, Any]) -> str:
    return "-" if epoch["stop"] is None else f"{'stop' if epoch['stop'] else 'continue'}: {epoch['reason']}"
