"""Names of the sets of features that a model can learn from: those of [PP], and this project's own."""

from __future__ import annotations

from collections.abc import Sequence

from predictor.errors import PredictorError

PUBLISHED = ("TS", "AP", "HP")
SUMMARY = ("TS-summary", "log-AP", "log-HP")
FEATURE_SETS = (*PUBLISHED, *SUMMARY)
"""Sets of features of partially observed learning curves, [PP] section 2.

Time series (TS): y_1..y_tau, y'_t = y_t - y_(t-1), y''_t = y'_t - y'_(t-1). Architecture parameters (AP) and
hyper-parameters (HP): as they are in the curves.

In addition, a short version for models that learn from few curves: TS-summary (means of at most five blocks
of epochs, y_tau, the best y_t so far), log-AP and log-HP (logarithms of parameters that are positive
throughout, as numbers of weights, widths and rates are).
"""


def check_feature_sets(names: Sequence[str]) -> tuple[str, ...]:
    """The names in the order of `FEATURE_SETS`; raises `PredictorError` for unknown names or none."""
    unknown = [name for name in names if name not in FEATURE_SETS]
    if unknown or not names or isinstance(names, str):
        raise PredictorError(f"features {names!r}; expected some of {FEATURE_SETS}, such as ('TS', 'AP')")
    return tuple(name for name in FEATURE_SETS if name in names)
