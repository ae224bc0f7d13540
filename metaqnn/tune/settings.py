"""What makes a tuning what it is: the same settings and data give the same trials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Self

from metaqnn.tune.errors import TuneError
from state_space.errors import did_you_mean, quoted
from trainers.families import Family, make_family

SAMPLERS = ("tpe", "random")
DEFAULT_RULE = "rank-envelope"
OF_FAMILY = ("epochs", "image_size", "train_limit", "validation_size")
"""Settings whose default is the family's."""


@dataclass(frozen=True, kw_only=True)
class TuneSettings:
    """A tuning.

    Attributes:
        family: as `make_family` takes it.
        dataset: name, as in `metaqnn run`, or of a text.
        preset: paper or laptop.
        epochs: T of a full training.
        image_size: side of the images; None for their own.
        train_limit: training images, those for validation among them, or words; None for all.
        validation_size: validation images or words; None for the default.
        seed: addresses all random draws.
        sampler: tpe or random.
        hyperband: whether Hyperband allots the epochs.
        stopping: without Hyperband, the stopping rule; None for the default, or the published criterion
            where there is a `delta`.
        delta: how sure the published criterion has to be; with Hyperband, that it is accelerated.
        eta: of Hyperband: what each rung multiplies the epochs by.
        min_epochs: of Hyperband: epochs of the first rung.
        kappa: share of a rung's best to be among; None for 1 / eta.
        burn_in: trainings that must have come as far as what is predicted, before it is.

    Raises:
        TuneError: a value is out of range, or they do not go together.
    """

    family: str
    dataset: str
    epochs: int
    preset: str = "paper"
    image_size: int | None = None
    train_limit: int | None = None
    validation_size: int | None = None
    seed: int = 0
    sampler: str = "tpe"
    hyperband: bool = False
    stopping: str | None = None
    delta: float | None = None
    eta: int = 3
    min_epochs: int = 1
    kappa: float | None = None
    burn_in: int = 100

    def __post_init__(self) -> None:
        if self.sampler not in SAMPLERS:
            hint = did_you_mean(self.sampler, SAMPLERS)
            raise TuneError(f"--sampler is {quoted(self.sampler)}; it must be {' or '.join(SAMPLERS)}{hint}")
        for name, least in (("epochs", 1), ("seed", 0), ("eta", 2), ("min_epochs", 1), ("burn_in", 3)):
            if getattr(self, name) < least:
                raise TuneError(f"{_flag(name)} is {getattr(self, name)}; it must be at least {least}")
        for name in ("image_size", "train_limit", "validation_size"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise TuneError(f"{_flag(name)} is {getattr(self, name)}; it must be at least 1")
        for name in ("delta", "kappa"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and 0 < value <= 1):
                raise TuneError(f"{_flag(name)} is {value:g}; it must be above 0 and at most 1")
        self._check_stopping()

    def _check_stopping(self) -> None:
        if self.stopping is not None and (self.hyperband or self.delta is not None):
            other = "--hyperband" if self.hyperband else "--delta"
            raise TuneError(f"--stopping {self.stopping} names one rule, {other} another; give one of them")
        if self.hyperband and self.min_epochs * self.eta > self.epochs:
            raise TuneError(
                f"--hyperband does not fit --epochs {self.epochs}: with --min-epochs {self.min_epochs} and "
                f"--eta {self.eta} the first rungs are at {self.min_epochs} and {self.min_epochs * self.eta}"
            )
        accelerated = self.hyperband and self.delta is not None
        if self.kappa is not None and not accelerated:
            raise TuneError(f"--kappa is {self.kappa:g}, but it belongs to --hyperband with --delta")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Settings of those that are given, the others as in the family's preset.

        Raises:
            TuneError: as the class.
            FamilyError, NotationError: there is no such family or preset.
        """
        family = make_family(given["family"], given.get("preset", "paper"))
        preset = {name: getattr(family, name) for name in OF_FAMILY}
        return cls(**{**preset, **given})

    def make_family(self) -> Family:
        """The family that is tuned."""
        return make_family(self.family, self.preset)

    def as_json(self) -> str:
        """For the study."""
        return json.dumps(asdict(self))

    def check_same(self, given: Mapping[str, Any]) -> None:
        """Refuse given settings that are not these. Raises TuneError that names them."""
        pairs = [(name, getattr(self, name), value) for name, value in given.items()]
        different = [f"{_flag(n)} is {was} there and {now} here" for n, was, now in pairs if was != now]
        if different:
            raise TuneError(f"the run folder holds another tuning: {'; '.join(different)}")


def _flag(name: str) -> str:
    return name.upper() if name == "family" else "--" + name.replace("_", "-")
