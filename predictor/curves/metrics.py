"""Names of metrics: which metric a name stands for, and which way is better.

A name is split into words (`valLoss`, `val-loss`, `valloss` are `val loss`). A metric is known by one
or two of its words; an unknown one has no direction, so the user has to give it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from predictor.curves.words import (
    COEFFICIENTS,
    DATA,
    KINDS_OF_ENTROPY,
    KINDS_OF_LOSS,
    MEASURED,
    NEGATIVE,
    OF_NEGATIVES,
    OF_VALUES,
    SETTINGS,
    TIMES,
)

Direction = Literal["maximize", "minimize"]
OPPOSITE: dict[Direction | None, Direction] = {"maximize": "minimize", "minimize": "maximize"}

# fmt: off
SYNONYMS: dict[str, str] = {
    **dict.fromkeys((
        "acc", "accs", "accuracy", "accuracies", "acc1", "acc5", "top1", "top5", "prec1", "prec5",
        "correct",
    ), "accuracy"),
    **dict.fromkeys(("ppl", "ppls", "perplexity", "perplexities"), "perplexity"),
    **dict.fromkeys((
        "loss", "losses", "logloss", "nll", "ce", "bce", "xent", "crossentropy", "cost", "costs",
        "mlogloss", "nloglik", "deviance",
    ), "loss"),
    **dict.fromkeys((
        "err", "errs", "error", "errors", "err1", "err5", "error1", "error5", "misclassification", "merror",
    ), "error"),
}
"""Words of the four metrics that the package names itself."""
PHRASES: dict[tuple[str, str], tuple[str, Direction]] = {
    ("cross", "entropy"): ("loss", "minimize"),
    ("relative", "entropy"): ("loss", "minimize"),
    ("log", "loss"): ("loss", "minimize"),
    ("log", "perplexity"): ("loss", "minimize"),
    ("log", "ppl"): ("loss", "minimize"),
    ("log", "likelihood"): ("log_likelihood", "maximize"),
    ("squared", "error"): ("mse", "minimize"),
    ("absolute", "error"): ("mae", "minimize"),
    ("exact", "match"): ("exact_match", "maximize"),
    ("skill", "score"): ("skill_score", "maximize"),
    ("hamming", "score"): ("hamming_score", "maximize"),
    ("interval", "score"): ("interval_score", "minimize"),
    ("energy", "score"): ("energy_score", "minimize"),
}
MINIMIZED = frozenset((
    "rmse", "mse", "mae", "mape", "smape", "msle", "rmsle", "wer", "cer", "eer", "fid", "kid", "bpc",
    "bpb", "bpd", "ece", "brier", "lpips", "kl", "kld", "regret", "divergence", "huber", "hamming",
    "distance", "crps", "mpjpe", "winkler", "bouldin",
))
MAXIMIZED = frozenset((
    "f1", "fscore", "fbeta", "auc", "aucpr", "auroc", "auprc", "roc", "map", "map50", "map75", "iou",
    "miou", "dice", "bleu", "sacrebleu", "rouge", "rouge1", "rouge2", "meteor", "chrf", "r2", "rew",
    "reward", "rewards", "return", "returns", "score", "scores", "psnr", "ssim", "precision", "recall",
    "sensitivity", "specificity", "kappa", "mcc", "matthews", "ndcg", "mrr", "elbo", "elo", "pearson",
    "pearsonr", "spearman", "spearmanr",
))
SHARES = frozenset((
    "accuracy", "f1", "fscore", "auc", "auroc", "map", "iou", "miou", "dice", "precision", "recall",
    "sensitivity", "specificity", "exact_match",
))
"""Metrics that some write as shares of 1 and some in percent."""
VAGUE = frozenset(("score", "scores", "top1", "top5"))
"""Words that name a metric only if no other word does: `brier_score`, `fid_score`, `error_top1`."""
# fmt: on
ALL_OVERLAPS = re.compile(r"AP[@_]?\[?0?\.?50?[-:]0?\.?95\]?")
"""`mAP50-95`, `mAP_0.5:0.95`: mAP, and not `map50`."""
TOP = re.compile(r"(?<![a-z])(?:(top)[ _@-]+|(prec)@)(?=[15k](?![a-z\d]))")
"""`Top-1`, `top_k`, `prec@1`: one word, `top1`, `prec1`."""
IN_A_LOG = re.compile(r"(?<![a-z])log/(?=ppl|perplexity)")
"""`{"log": {"ppl": ...}}` is of perplexities, and not of their logarithms."""
COMPLEMENT = re.compile(r"\s*(1 ?)?[-\N{MINUS SIGN}] ?(?=[A-Za-z])")
"""`1-accuracy`, `-reward`."""
ONE_MINUS = re.compile(rf"(?<![a-z])({'|'.join(DATA)})/1 ?[-\N{{MINUS SIGN}}] ?(?=[a-z])", re.IGNORECASE)
"""`val/1-accuracy`; but it may be the accuracy on the first of several sets, as `validation_1-auc` is."""
AVERAGE_PRECISION = re.compile(r"(?<![A-Zm])AP(?![A-Za-z_])")
"""`bbox/AP50`, `valAP` are called mAP elsewhere; `ap_depth` is an architecture parameter."""
DIFFERENCES = frozenset(("gap", "delta", "diff", "difference", "increase", "change", "ratio"))
FAMILIES = ("accuracy", "", "error", "loss", "perplexity")
"""Which metric is looked at first; '' stands for all others."""


@dataclass(frozen=True)
class NamedMetric:
    """What a name says about values.

    Attributes:
        name: 'accuracy', 'perplexity', 'loss', 'error', or the name's own word.
        direction: None where the name does not tell.
    """

    name: str
    direction: Direction | None


def words_of(name: str) -> list[str]:
    """The words of a name in lower case, `valLoss` and `valloss` as `val`, `loss`."""
    spaced = AVERAGE_PRECISION.sub("_map", ALL_OVERLAPS.sub("AP", name))
    spaced = re.sub(r"mIoU|mAP|IoU", lambda match: f"_{match[0].lower()}", spaced)
    spaced = re.sub(r"([a-z\d])([A-Z])", r"\1_\2", spaced)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", spaced)
    joined = TOP.sub(r"\1\2", IN_A_LOG.sub("", spaced.lower()))
    return [part for word in re.findall(r"[a-z]+\d*|\d+", joined) for part in _parts(word)]


@lru_cache(maxsize=10_000)
def plain(name: str) -> str:
    """The name's words in lower case: `trainer/global_step` as `trainer global step`."""
    return " ".join(words_of(name))


@lru_cache(maxsize=10_000)
def metric_of(name: str) -> NamedMetric | None:
    """The metric that the name names, by its last word that is one; None if there is none.

    A name of something beside a metric (`kl_weight`, `score_time`, `standard_error`) names none.

    >>> metric_of("val_accuracy_epoch"), metric_of("neg_mean_squared_error").direction, metric_of("x")
    (NamedMetric(name='accuracy', direction='maximize'), 'maximize', None)
    """
    words = words_of(name)
    found = metric_in(words)
    if found and _is_beside(words, found):
        return None
    if found and {"d2", "score"} <= set(words):
        return NamedMetric("d2", "maximize")
    if found and found.name == "perplexity" and DIFFERENCES.intersection(words):
        return NamedMetric("_".join(words), found.direction)  # whose logarithm nobody takes
    if found and (COMPLEMENT.match(name) or _is_negated(words, found)):
        return NamedMetric(f"neg_{found.name}", OPPOSITE.get(found.direction))
    unclear = found and (_may_be_negated(words, found) or _may_lack(name, words, found))
    return NamedMetric("_".join(words), None) if unclear else found


def name_of(metric: str, direction: Direction | None = None) -> str:
    """What the package calls this metric: `accuracy` for `val_acc`; a name of no known metric as it is.

    So is one that is said to have another direction than the metric has; `entropy` may have either.
    """
    found = metric_of(metric)
    return found.name if found and (not direction or found.direction in (None, direction)) else metric


def metric_in(words: list[str]) -> NamedMetric | None:
    """The metric that some of these words name, the last such; None if there is none."""
    vague = None
    for place in range(len(words) - 1, -1, -1):
        pair = (words[place - 1], words[place]) if place else None
        if pair in PHRASES:
            return NamedMetric(*PHRASES[pair])
        if found := _of_word(words[place]):
            if words[place] not in VAGUE:
                return found
            vague = vague or found
    return vague


def direction_of(metric: str) -> Direction | None:
    """Which way of this metric is better; None where its name does not tell."""
    found = metric_of(metric)
    return found.direction if found else None


def mentions_metric(name: str) -> bool:
    """Whether a word is that of a metric, even if the values are its weight, its time or its error bars."""
    return metric_in(words_of(name)) is not None


def setting_words(words: list[str]) -> frozenset[str]:
    """The words of settings; without those for coefficients in a metric's name such as `dice_coef`."""
    return SETTINGS - COEFFICIENTS if MEASURED.intersection(words) else SETTINGS


def family_rank(metric: NamedMetric) -> int:
    """0 for accuracies, then all others, errors, losses and perplexities."""
    return FAMILIES.index(metric.name) if metric.name in FAMILIES else FAMILIES.index("")


def _is_beside(words: list[str], found: NamedMetric) -> bool:
    """Whether the values are not the metric's, but those of its weight, its time or its error bars."""
    if words[-1] in TIMES | setting_words(words):
        return _of_word(words[-2]) is not None
    return found.name == "error" and bool({"standard", "std"}.intersection(words[:-1]))


def _is_negated(words: list[str], found: NamedMetric) -> bool:
    """Whether the name is of -1 times the metric, or 1 minus it."""
    if "minus" in words:
        return metric_in(words[: words.index("minus")]) is None
    if not NEGATIVE.intersection(words):
        return False
    if found.name != "loss" or "deviance" in words or "neg log loss" in " ".join(words):
        return True
    return _negates_loss(words) and not _may_be_negated(words, found)


def _may_be_negated(words: list[str], found: NamedMetric) -> bool:
    """Whether the name does not tell: `neg_hinge_loss`, or `negative_log_loss`, as likelihoods are called."""
    if found.name != "loss" or not _negates_loss(words):
        return False
    others = set(words) - NEGATIVE - KINDS_OF_LOSS - OF_VALUES
    unknown = any(word.isalpha() and _of_word(word) is None for word in others)
    bare_entropy = "entropy" in words and not KINDS_OF_ENTROPY.intersection(words)
    return unknown or bare_entropy or "negative logloss" in " ".join(words).replace("log loss", "logloss")


def _may_lack(name: str, words: list[str], found: NamedMetric) -> bool:
    """Whether it may be of what a gain lacks: `val/1-acc`, `accuracy_drop`, `fpr_at_95_recall`."""
    if found.direction != "maximize":
        return False
    if (start := ONE_MINUS.search(name)) and _of_word(words_of(name[start.end() :])[0]):
        return True
    rate = next((place for place, word in enumerate(words) if word in ("fpr", "fnr")), None)
    return "miss" in words or words[-1] == "drop" or (rate is not None and not metric_in(words[:rate]))


def _negates_loss(words: list[str]) -> bool:
    """Whether a loss comes after `neg` that is neither one of negative examples nor a negated gain.

    `neg_elbo_loss` is a negated gain, as a negative log-likelihood is.
    """
    place = next((place for place, word in enumerate(words) if word in NEGATIVE), len(words))
    negated = [found for found in map(_of_word, words[place + 1 :]) if found]
    gains = any(found.direction == "maximize" for found in negated)
    after = metric_in(words[place + 1 :]) is not None
    return after and not gains and not OF_NEGATIVES.intersection(words)


def _of_word(word: str) -> NamedMetric | None:
    if word in SYNONYMS:
        name = SYNONYMS[word]
        return NamedMetric(name, "maximize" if name == "accuracy" else "minimize")
    if word == "entropy":  # of a policy or of predictions: either way may be better
        return NamedMetric(word, None)
    if word in MINIMIZED:
        return NamedMetric(word, "minimize")
    return NamedMetric(word, "maximize") if word in MAXIMIZED else None


def _parts(word: str) -> list[str]:
    """`valloss` as `val`, `loss`; a metric or a split on its own as it is."""
    if metric_in([word]):
        return [word]
    for split in sorted(DATA, key=len, reverse=True):
        if word.startswith(split) and word != split and metric_in([word[len(split) :]]):
            return [split, word[len(split) :]]
    return [word]
