"""The words and names by which columns tell what they hold, those of metrics aside (`curves.metrics`).

*Words* are looked for in what `metrics.words_of` splits; *names* are whole, as `metrics.plain` has them.
"""

from __future__ import annotations

# fmt: off
EVALUATION = frozenset(("eval", "evaluation"))
"""Words for what was done with data: with those of validation, if no other word says which."""
VALIDATION = EVALUATION | {"val", "valid", "validate", "validating", "validation", "dev", "holdout"}
TEST = frozenset(("test", "testing", "tst"))
TRAINING = frozenset(("train", "training", "trn", "tr", "learn"))
DATA = VALIDATION | TEST | TRAINING
"""Words for the data that a metric was measured on."""
DATA_NAMES = frozenset(("split", "phase", "set", "subset", "mode", "data", "partition", "part"))
"""Names of columns in which a letter or two, or `fit`, tell the data."""

METRIC_NAMES = ("metric", "key", "tag", "variable", "measure", "metric name", "scalar", "scorer")
VALUE_NAMES = ("value", "metric value", "val", "y")
OF_KNOWN_METRICS = ("score", "result")
"""Names of values, but only beside a column that holds names of known metrics and nothing else."""

MAXIMA = frozenset(("max", "maximum"))
MINIMA = frozenset(("min", "minimum"))
AVERAGES = frozenset(("mean", "avg", "average"))
DEVIATIONS = frozenset(("std", "stdv", "stdev", "stddev", "sd"))
STATISTICS = MAXIMA | MINIMA | AVERAGES | {"best", "final", "last", "median", "std", "end", "peak"}
SUPERLATIVES = frozenset(("best", "final", "peak"))
SECONDARY = MAXIMA | MINIMA | SUPERLATIVES | {"std", "top5", "topk", "acc5", "prec5", "err5", "error5"}
"""Words for values that only accompany a curve."""
ERROR_BARS = DEVIATIONS | {"err", "stderr", "sem", "se", "ci", "var", "lower", "upper", "low", "high"}
"""Words of error bars."""
SMOOTHED = frozenset(("smooth", "smoothed", "rolling", "running", "moving"))
"""Words of smoothed copies. Those called `ema` are none: they may be of averaged weights."""

OF_SUMMARIES = frozenset((
    "of", "over", "the", "all", "across", "total", "overall", "grand", "standard", "values", "value", "curve",
    "run", "runs", "seed", "seeds", "fold", "folds", "trial", "trials", "row", "model", "models",
))
"""What else is in names of rows that summarize trainings: `mean of 5 seeds`, `standard deviation`."""

COEFFICIENTS = frozenset(("coef", "coeff", "coefficient"))
MEASURED = frozenset(("dice", "matthews", "pearson", "spearman"))
"""Metrics that are called coefficients."""
SETTINGS = COEFFICIENTS | frozenset((
    "weight", "weights", "scale", "scales", "factor", "factors", "threshold", "thresholds",
))

NEGATIVE = frozenset(("neg", "negative"))
OF_NEGATIVES = frozenset((
    "likelihood", "hard", "semi", "pos", "positive", "true", "false", "sampling", "sample", "samples", "pair",
    "pairs", "class", "binomial",
))
"""With one of these words, a negative loss is a loss like any other: of negative examples or a likelihood."""
KINDS_OF_ENTROPY = frozenset(("cross", "binary", "categorical", "sparse", "relative"))
KINDS_OF_LOSS = KINDS_OF_ENTROPY | frozenset(("log", "entropy", "total"))

TIMES = frozenset((
    "time", "runtime", "walltime", "duration", "dur", "seconds", "secs", "minutes", "hours", "elapsed",
))
AFTERWARDS = TIMES | frozenset((
    "result", "results", "outcome", "status", "converged", "diverged", "stopped", "trained", "clock",
))
"""Known only when a training has ended."""

EPOCH_WORDS = frozenset((
    "e", "ep", "epoch", "epochs", "step", "steps", "iter", "iters", "iteration", "iterations", "it", "t",
))
GENERIC = EPOCH_WORDS | DATA | frozenset((
    "learning", "curve", "curves", "y", "v", "value", "values", "history",
))
"""Words of names that say that values are a curve, but not of what."""
OF_EPOCHS = (
    "epoch", "epoch number", "epoch idx", "epoch index", "current epoch", "ep", "training iteration",
)
EPOCH_NAMES = (
    *OF_EPOCHS, "iteration", "iter", "round", "generation", "step", "global step", "trainer global step",
    "train step", "eval step", "t", "epoche", "epoca", "epoque", "time iterations", "time total timesteps",
)
"""Names of columns that number the epochs, the best first."""
BESIDE_EPOCHS = EPOCH_WORDS.union(*map(str.split, EPOCH_NAMES), (
    "i", "gen", "generations", "rounds", "update", "updates", "checkpoint", "ckpt", "pass", "cycle", "budget",
    "fidelity", "episode", "episodes", "hour", "hours", "minute", "minutes", "at", "after", "until",
))
"""Words next to the number of an epoch: `acc_after_1`."""
SEEN = frozenset(("x", "samples", "examples", "images", "tokens"))
"""What may be counted instead of steps."""
OF_STEPS = frozenset(("value", "values", "y"))
"""Names of lists of values beside those of their steps, `steps` or `x`."""
BESIDE_STEPS = DATA | {"global", "num", "n", "number", "no", "count", "seen"}
"""What else is in names of numbers of epochs or steps: `eval_steps`, `num_epochs`, `samples_seen`."""
COUNTERS = EPOCH_WORDS | {
    "gen", "generation", "generations", "round", "rounds", "update", "updates", "cycle", "cycles", "timestep",
    "timesteps", "checkpoint", "ckpt", "episode", "episodes",
}
BESIDE_COUNTERS = BESIDE_STEPS | {"id", "idx", "index", "current", "total", "env"}
"""Words of columns that count epochs, or what passes in them, and what else is in their names."""
RATES = ("lr", "learning rate")
"""Names of what may change from batch to batch."""

OF_VALUES = GENERIC | STATISTICS | ERROR_BARS | {
    "rate", "macro", "micro", "weighted", "balanced", "overall", "ema", "smooth", "smoothed",
}
"""What else is next to the number of an epoch: `f1_macro_1`, `mean_1`."""
UNITS = frozenset(("k", "st", "nd", "rd", "th"))
"""What may follow that number: `acc_1k`, `1st_acc`."""

RUN_NAMES = (
    "run", "run id", "run uuid", "run name", "trial", "trial id", "trial name", "trial number", "experiment",
    "experiment id", "experiment name", "exp name", "job id", "model id", "id", "name", "model", "network",
    "config id", "uuid", "version", "file", "lauf", "column",
)
"""Names of columns that tell trainings apart."""
RUN, COLUMN = "run", "column"
"""The names of this column in tables that are put together here."""
RANKS = frozenset(("rank", "ranking", "place", "position"))
PLACES = RANKS | {"slot", "worker", "process", "thread", "gpu", "device", "node", "host", "island"}
"""Words of where a training was trained, or came, at an epoch, which may have been elsewhere at the next."""
NETWORK_NAMES = ("net", "architecture", "network", "name")
"""Names of columns that name the networks, the best first."""
OF_RUNS = frozenset((
    "model", "run", "trial", "experiment", "exp", "network", "net", "arch", "job", "config", "row",
    "sample",
))
BOOKKEEPING = frozenset((
    "timestamp", "timestamps", "date", "datetime", "created", "started", "finished", "split", "fold", "uuid",
    "pid", "hash",
))

TRAINING_WORDS = frozenset((
    "lr", "rate", "learning", "ss", "step", "steps", "stepsize", "decay", "wd", "weightdecay",
    "reg", "l1", "l2", "momentum", "batch", "batchsize", "epoch", "epochs", "dropout", "optimizer",
    "optim", "beta", "beta1", "beta2", "epsilon", "eps", "alpha", "gamma", "power", "seed", "clip",
    "warmup", "schedule", "policy", "noise", "augmentation", "smoothing", "penalty", "anneal",
))
NETWORK_WORDS = frozenset((
    "num", "n", "number", "depth", "layer", "layers", "block", "blocks", "filter", "filters",
    "params", "parameters", "weights", "width", "widths", "unit", "units", "size", "kernel",
    "kernels", "hidden", "input", "inputs", "output", "outputs", "neuron", "neurons", "head",
    "heads", "channel", "channels", "flops", "macs", "stride", "pool", "pools", "conv", "convs",
    "fc", "dense", "embedding", "cells",
))
PARAMETER_WORDS = TRAINING_WORDS | NETWORK_WORDS
"""Words of parameters: of hyper-parameters, and of architecture parameters."""
# fmt: on
