"""`python -m predictor simulate`: its options, which are shown without loading any model."""

from __future__ import annotations

import argparse

from predictor.curves.options import MANY, add_reading_options, add_running_options, named_path, whole
from predictor.curves.wording import shown
from predictor.rules.names import describe_rules

EXAMPLES = f"""\
Networks arrive in a random order, one at a time; after each epoch but the last, a rule says stop or continue,
judging by this network's epochs and by the networks before it.

  speed-up     (networks x T) / (epochs trained), mean over the orders; full trainings at the start included
  recovered    orders in which the network with the best y_T was trained to the end
  regret       best y_T of all minus best y_T of those trained to the end; log scale for perplexities
  within       orders with a regret of at most the tolerance
  stopped      share of the networks that were stopped
  false stops  share of the stopped networks that would have beaten the best one at that time
  ms/decision  wall time of one decision, fits included

--anytime: what is found after a share of all epochs, mean over the orders of (best y_T of all - best
completed so far) / (best - median y_T of all) in percent; - if in some order nothing was completed by then.

rules, and the defaults of their settings:
{describe_rules()}

examples:
  python -m predictor simulate curves.csv
  python -m predictor simulate lightning_logs/ --curve val_loss
  python -m predictor simulate curves.csv runs/NAME --rules published:Delta=0.95,burn_in=50,median
  python -m predictor simulate *.csv --rules none,percentile-25,optuna.PercentilePruner:percentile=10 \\
      --orders 0-19 --plot figure4.png
  python -m predictor simulate curves.csv --rules published:method=robust-gp --format json > result.json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `simulate`."""
    add_reading_options(parser)
    parser.add_argument(
        "--rules",
        action="append",
        metavar="RULES",
        help="rules, separated by commas, with settings after a colon (default: rank-envelope, published, "
        "asha and, if Optuna is installed, its pruners); may be given several times",
    )
    parser.add_argument(
        "--orders",
        type=_orders,
        default=range(10),
        metavar="N",
        help="how many random orders, or which: 10, 0-19, 3,5,7 (default: 10)",
    )
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        metavar="R",
        help="regret that counts as none (default: 0.002, 0.2 for percent; 0.01 in log-perplexity or loss)",
    )
    add_running_options(parser)
    parser.add_argument("--csv", type=named_path, metavar="FILE", help="write the CSV to this file, too")
    parser.add_argument(
        "--subset",
        type=whole(2, MANY),
        metavar="N",
        help="small searches: the first N networks of each order only",
    )
    parser.add_argument(
        "--anytime", action="store_true", help="print a table of the regret after shares of all epochs, too"
    )
    parser.add_argument(
        "--plot-anytime",
        type=named_path,
        metavar="PNG",
        help="draw regret against epochs, all rules in one picture",
    )
    parser.add_argument("--plot", type=named_path, metavar="PNG", help="draw speed-up against regret")


def _orders(text: str) -> list[int]:
    number = whole(0, MANY)
    first, dash, last = text.partition("-")
    try:
        if dash:
            orders = list(range(number(first), number(last) + 1))
        elif "," in text:
            orders = [number(part) for part in text.split(",")]
        else:
            orders = list(range(number(text)))
    except argparse.ArgumentTypeError:
        orders = []
    if not orders:
        raise argparse.ArgumentTypeError(
            f"{shown(text)!r}; expected a number such as 10, or 0-19, or 3,5,7; at most {MANY}"
        )
    return list(dict.fromkeys(orders))


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number that is not negative")
    return value
