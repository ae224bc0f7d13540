"""Stopping rules by name, with settings: `published:Delta=0.95,burn_in=50`, `percentile-25`.

A rule's settings are those keyword arguments of its class or function whose types can be written as text. A
new rule is one line in `RULES`.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from importlib.util import find_spec
from typing import Any

from predictor.errors import PredictorError
from predictor.extras import require
from predictor.rules.asha import Asha
from predictor.rules.base import NoStopping, StoppingRule
from predictor.rules.envelope import RankEnvelope
from predictor.rules.kinds import RuleKind, read_setting, written
from predictor.rules.optuna import PRUNERS, OptunaRule, make_pruner_rule

OPTUNA_PREFIX = "optuna."


def published_rule(
    *,
    Delta: float = 0.99,
    tolerance: float = 0.0,
    nth_best: int = 1,
    burn_in: int = 100,
    target: str | None = None,
    refit_growth: float | None = None,
    method: str = "nu-svr-rbf",
    n_settings: int | None = None,
    uncertainty: str = "loocv",
    random_state: int = 0,
) -> StoppingRule:
    """The criterion of [PP] section 3.

    Args:
        Delta: in (0, 1], how sure to be.
        tolerance: keep every network that may come within this of the best.
        nth_best: compare with the n-th best so far.
        burn_in: networks trained to the end before any is stopped.
        target: final (the model learns y_T) or increment (it learns y_T - y_tau); none: the method's own.
        refit_growth: refit when the completed networks have grown by this factor; none: never, as published.
        method: name of the model.
        n_settings: draws of the model's random search; none: the method's own number.
        uncertainty: loocv, conformal or level.
        random_state: seed of the random search.
    """
    from predictor.models.names import make_method
    from predictor.rules.published import EarlyStopper  # scikit-learn takes a second to import

    changes: dict[str, Any] = {"uncertainty": uncertainty, "random_state": random_state}
    if target is not None:
        changes["target"] = target
    if n_settings is not None:
        changes["n_settings"] = n_settings
    return EarlyStopper(
        Delta=Delta,
        tolerance=tolerance,
        nth_best=nth_best,
        burn_in=burn_in,
        refit_growth=refit_growth,
        model=make_method(method, **changes),
    )


def lce_rule(
    *, Delta: float = 0.95, every: int = 1, first: int = 3, n_steps: int = 2500, random_state: int = 0
) -> StoppingRule:
    """The criterion of Domhan et al. (IJCAI 2015); a fifth of `n_steps` is burn-in."""
    from predictor.models.lce import LearningCurveExtrapolation
    from predictor.rules.lce import LceRule

    model = LearningCurveExtrapolation(n_steps=n_steps, burn_in=n_steps // 5, random_state=random_state)
    return LceRule(Delta=Delta, every=every, first=first, model=model)


RULES: dict[str, RuleKind] = {
    "none": RuleKind(NoStopping, "every network is trained to the end"),
    "published": RuleKind(published_rule, "stop when p(y_T <= y_BEST - tolerance) >= Delta, by regression"),
    "lce": RuleKind(lce_rule, "the same, by extrapolating the curve alone; takes seconds per look"),
    "rank-envelope": RuleKind(
        RankEnvelope, "stop when ranked worse than the best networks were at that epoch"
    ),
    **{name: RuleKind(partial(make_pruner_rule, name), summary) for name, (summary, _) in PRUNERS.items()},
}
"""The rules by name. In addition, `optuna.NAME` is any pruner of Optuna, with its own settings."""
SCHEDULES: dict[str, RuleKind] = {
    "asha": RuleKind(Asha, "pause trainings at rungs, and let the best third go on; only in simulate"),
}
"""What else can be simulated by name; not stopping rules, as they choose which training goes on."""
ALIASES = {"paper": "published"}
"""Former names of rules."""


@dataclass(frozen=True)
class RuleSpec:
    """A rule's name and settings, from which any number of new rules can be made.

    Attributes:
        name: in `RULES`, or the name of an Optuna pruner after `optuna.`.
        settings: the given settings, parsed.
        text: as the user wrote it.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @classmethod
    def parse(cls, text: str, *, simulated: bool = False) -> RuleSpec:
        """The rule in `name` or `name:setting=value,setting=value`; raises `PredictorError`.

        With `simulated`, it may also be one of `SCHEDULES`.
        """
        name, _, rest = (part.strip() for part in text.partition(":"))
        name = ALIASES.get(name, name)
        known = rule_kind(name, simulated=simulated).settings
        settings: dict[str, Any] = {}
        for part in filter(None, rest.split(",")):
            key, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals or key not in known:
                raise PredictorError(
                    f"rule {name!r} has no setting {key!r}; {_nearest(key, known)}"
                    f"it takes {', '.join(known) or 'none'}"
                )
            if key in settings:
                raise PredictorError(f"setting {key!r} of rule {name!r} is given twice")
            settings[key] = read_setting(value, known[key], name)
        return cls(name, settings, text.strip())

    def __str__(self) -> str:
        return self.text or self.name

    def make(self) -> Any:
        """A new rule; raises `PredictorError` for a setting that is out of range or a missing package."""
        kind = rule_kind(self.name, simulated=True)
        missing = [
            key for key, p in kind.settings.items() if p.default is p.empty and key not in self.settings
        ]
        if missing:
            raise PredictorError(f"rule {str(self)!r} needs the setting {missing[0]!r}")
        try:
            return kind.make(**self.settings)
        except PredictorError as error:
            raise type(error)(f"rule {str(self)!r}: {error}") from None
        except (ValueError, TypeError) as error:  # how other libraries reject a setting
            raise PredictorError(f"rule {str(self)!r}: {str(error).splitlines()[0]}") from None


def rule_kind(name: str, *, simulated: bool = False) -> RuleKind:
    """How rules with that name are made; raises `PredictorError` with the nearest name if it is unknown."""
    kinds = RULES | SCHEDULES if simulated else RULES
    if name in kinds:
        return kinds[name]
    if name.startswith(OPTUNA_PREFIX):
        return _optuna_kind(name.removeprefix(OPTUNA_PREFIX))
    unknown = "can only be simulated" if name in SCHEDULES else "is not known"
    raise PredictorError(
        f"rule {name!r} {unknown}; {_nearest(name, kinds)}"
        f"expected one of {', '.join(kinds)}, {OPTUNA_PREFIX}NAME"
    )


def make_rule(text: str) -> StoppingRule:
    """The stopping rule in `name` or `name:setting=value,...`; raises `PredictorError`."""
    rule: StoppingRule = RuleSpec.parse(text).make()
    return rule


def parse_rules(text: str) -> list[RuleSpec]:
    """The rules to simulate, in a list like `published:Delta=0.95,burn_in=50,median`; or `PredictorError`.

    A part with a `=` and no `:` before it is another setting of the preceding rule.
    """
    texts: list[str] = []
    for part in (piece.strip() for piece in text.split(",")):
        if texts and "=" in part and ":" not in part.partition("=")[0]:
            texts[-1] += f",{part}" if ":" in texts[-1] else f":{part}"
        elif part:
            texts.append(part)
    if not texts:
        raise PredictorError(f"no rule in {text!r}; expected one or more of {sorted(RULES)}")
    return [RuleSpec.parse(rule, simulated=True) for rule in texts]


def default_rules() -> list[RuleSpec]:
    """The rules simulated by default: ours, the published one, ASHA and, if installed, Optuna's pruners."""
    ready = PRUNERS if find_spec("optuna") else ()
    return [RuleSpec.parse(name, simulated=True) for name in ("rank-envelope", "published", "asha", *ready)]


def describe_rules() -> str:
    """Every rule with its settings and their defaults, a few lines of text."""
    lines = []
    for name, kind in (RULES | SCHEDULES).items():
        lines.append(f"  {name:<20}{kind.summary}")
        settings = ", ".join(f"{key}={written(p.default)}" for key, p in kind.settings.items())
        lines += textwrap.wrap(settings, 106, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join([*lines, f"  {'optuna.NAME':<20}any pruner of Optuna with its settings"])


def _optuna_kind(name: str) -> RuleKind:
    pruners = require("optuna", f"the rule '{OPTUNA_PREFIX}{name}'").pruners
    known = sorted(pruner for pruner in pruners.__all__ if pruner != "BasePruner")
    if name not in known:
        raise PredictorError(
            f"Optuna has no pruner {name!r}; {_nearest(name, known)}expected one of {', '.join(known)}"
        )
    pruner = getattr(pruners, name)

    def make(**settings: Any) -> OptunaRule:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some warn that they are experimental
            return OptunaRule(pruner(**settings))

    return RuleKind(make, f"Optuna's {name}", pruner)


def _nearest(wrong: str, known: Iterable[str]) -> str:
    near = get_close_matches(wrong, [*known], n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""
