"""Tunes the hyper-parameters of a family of models with Optuna; stops trials that will not be among the best.

`settings` says what is asked for, `preparation` loads the data and makes the trainer, `study` opens Optuna's
study, `hyperband` is the accelerated pruner, `session` puts all that together, `tuning` runs the trials,
`results` writes what was found, and `presentation` shows it. `single` trains one network.
"""

from __future__ import annotations


class TuneError(ValueError):
    """A tuning that is not possible; the message is one line that quotes the bad value."""
