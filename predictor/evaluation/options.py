"""`python -m predictor evaluate`: its options, which are shown without loading any model."""

from __future__ import annotations

import argparse

from predictor.curves.options import MANY, add_reading_options, add_running_options, named_path, whole
from predictor.models.names import METHODS, PREDICTORS
from predictor.models.uncertainty import UNCERTAINTIES

N_TRAIN = 100
UNCERTAINTY = "loocv"
EVALUATED = (*METHODS, *PREDICTORS)
DEFAULT_METHODS = (*METHODS, "last-seen")

EXAMPLES = """examples:
  python -m predictor evaluate curves.csv runs/NAME --train 100
  python -m predictor evaluate curves.csv --metric f1 --direction maximize --parameters lr,depth
  python -m predictor evaluate curves.csv --methods nu-svr-rbf --features TS AP HP TS+AP AP+HP TS+AP+HP
  python -m predictor evaluate curves.csv --fractions 0.1 0.25 0.5 0.75 --plot pictures/
  python -m predictor evaluate curves.csv --methods lce bnn last-seen --splits 3 --lce-curves 20
  python -m predictor evaluate resnets.csv --depth-generalisation 32 62 --methods nu-svr-rbf
  python -m predictor evaluate curves.csv --uncertainty loocv conformal level --calibration

R^2 is given in the metric's own units, and for perplexities also on the -log scale that models work on. Next
to its mean over the splits (--splits, --seed) are the worst split and the share of test curves inside the 90%
intervals (of the first kind of --uncertainty; baselines have their own)."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `evaluate`."""
    add_reading_options(parser)
    _add_protocol(parser)
    add_running_options(parser)
    parser.add_argument("--calibration", action="store_true", help="print a table of coverage, too")
    parser.add_argument(
        "--csv", type=named_path, metavar="FILE", help="write one row per split to this file, too"
    )
    parser.add_argument("--plot", type=named_path, metavar="DIR", help="draw PNG pictures into this folder")


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    """The options on which the results depend."""
    add = parser.add_argument
    add(
        "--train",
        type=whole(1, MANY),
        metavar="N",
        help=f"training curves per split (default: {N_TRAIN}, or two thirds of the curves if there are few)",
    )
    add("--splits", type=whole(1, MANY), default=10, metavar="N", help="random splits (default: 10)")
    add(
        "--seed", type=whole(0, MANY), default=0, help="number of the first split; the next are seed + 1, ..."
    )
    add(
        "--fractions",
        nargs="+",
        type=_fraction,
        default=[0.25],
        metavar="F",
        help="shares of the curve that are seen (default: 0.25)",
    )
    add(
        "--methods", nargs="+", choices=EVALUATED, default=DEFAULT_METHODS, metavar="NAME",
        help=f"some of {', '.join(EVALUATED)} (default: all but lce and bnn, which are slow)",
    )  # fmt: skip
    add(
        "--features",
        nargs="+",
        default=[],
        metavar="SETS",
        help="feature sets to compare, such as TS TS+AP+HP",
    )
    add("--settings", type=whole(1, MANY), metavar="N", help="settings of nu-SVR's search (default: 1000)")
    add(
        "--uncertainty", nargs="+", choices=tuple(UNCERTAINTIES), metavar="KIND",
        help=f"some of {', '.join(UNCERTAINTIES)} (default: {UNCERTAINTY})",
    )  # fmt: skip
    add(
        "--depth-generalisation", nargs="+", type=float, default=[], metavar="D",
        help="train on networks of fewer than D layers, test on those with more",
    )  # fmt: skip
    add("--distinct", action="store_true", help="leave out curves that repeat an earlier one exactly")
    add(
        "--lce-curves", type=whole(1, MANY), metavar="N",
        help="test curves per split for lce, which takes seconds for each (default: 40)",
    )  # fmt: skip


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a fraction between 0 and 1, such as 0.25")
    return value
