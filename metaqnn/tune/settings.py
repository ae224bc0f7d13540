"""What makes a tuning what it is: the same settings and data give the same trials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from metaqnn.config.bounds import MANY, Bounds, share
from metaqnn.config.images import ImageOptions
from metaqnn.config.options import flag, option, require
from metaqnn.config.presets import NOT_MIRRORED
from metaqnn.config.search import EPOCHS, TRANSLATION
from metaqnn.config.stopping import OWN_RULE, same_rule
from metaqnn.tune import TuneError
from state_space.errors import did_you_mean

if TYPE_CHECKING:
    from trainers.families import Family

SAMPLERS = ("tpe", "random")
DEFAULT_TRIALS = 50
"""Trials in all, unless another number is asked for."""
OF_FAMILY = ("epochs", "image_size", "train_limit")
"""Settings whose default is the family's."""
OF_IMAGES = (
    "image_size", "own_validation", "svhn_extra", "mirror", "translate", "metric", "max_pixels", "strict",
)  # fmt: skip
"""Options that make no sense for a text."""
BELONGS_TO = {"eta": "hyperband", "min_epochs": "hyperband", "burn_in": "delta"}
"""Settings that have no effect without another one."""
TEXTS = ("family", "dataset", "preset", "sampler", "metric")


@dataclass(frozen=True, kw_only=True)
class TuneSettings(ImageOptions):
    """A tuning, or the training of one network.

    Raises:
        ConfigError: a value is out of range.
        TuneError: values do not go together.
    """

    family: str = option(MISSING, "what is tuned, as `make_family` takes it")
    dataset: str = option(MISSING, "images as in metaqnn run; for lstm a text, such as ptb", metavar="NAME")
    preset: str = option(
        "paper", "paper or laptop: the images and epochs, and in a tuning the size of the space"
    )
    epochs: int = option(MISSING, "T of a full training (default: the preset's)", within=EPOCHS)
    mirror: bool = option(
        False,
        "mirror training images at random (default: for a network, as in a search; otherwise off)",
        explained=True,
    )
    translate: int = option(
        0, "shift training images at random by up to this many pixels", within=TRANSLATION
    )
    sampler: str = option("tpe", "tpe or random")
    hyperband: bool = option(False, "allot the epochs by Hyperband")
    stopping: str | None = option(None, "the name of a stopping rule; none never stops", metavar="RULE")
    delta: float | None = option(
        None,
        "use the published criterion with this Delta, such as 0.95; with --hyperband, stop what will not be "
        "among the best of its rung",
        within=share(above=True),
    )
    eta: int = option(
        3, "Hyperband: factor on the epochs from one rung to the next", within=Bounds(2, EPOCHS.high)
    )
    min_epochs: int = option(1, "Hyperband: fewest epochs of the first rung", metavar="N", within=EPOCHS)
    kappa: float | None = option(
        None,
        "with --hyperband and --delta: share of a rung that counts as the best (default: 1 / eta, the share "
        "that goes on)",
        within=share(above=True),
    )
    burn_in: int = option(
        100,
        "with --delta: trainings to learn from before it predicts",
        metavar="N",
        within=Bounds(3, MANY.high),
    )

    def __post_init__(self) -> None:
        for name in TEXTS:
            require(isinstance(getattr(self, name), str), name, getattr(self, name), "a name")
        hint = did_you_mean(self.sampler, SAMPLERS)
        require(self.sampler in SAMPLERS, "sampler", self.sampler, " or ".join(SAMPLERS) + hint)
        super().__post_init__()
        self._check_stopping()

    def _check_stopping(self) -> None:
        if self.stopping is not None and (self.hyperband or self.delta is not None):
            other = "--hyperband" if self.hyperband else "--delta"
            raise TuneError(f"--stopping {self.stopping} names one rule, {other} another; give one of them")
        if self.hyperband and self.min_epochs * self.eta > self.epochs:
            raise TuneError(
                f"--hyperband does not fit --epochs {self.epochs}: it must be at least "
                f"{self.min_epochs * self.eta}, --min-epochs {self.min_epochs} times --eta {self.eta}"
            )
        accelerated = self.hyperband and self.delta is not None
        if self.kappa is not None and not accelerated:
            raise TuneError(f"--kappa is {self.kappa:g}, but it belongs to --hyperband with --delta")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """The given settings, and the others as in the family's preset.

        Raises:
            ConfigError, TuneError: as the class.
            FamilyError, NotationError: there is no such family or preset.
        """
        from trainers.families import make_family  # torch takes seconds to import

        family = make_family(given["family"], given.get("preset", "paper"))
        refuse_images(family, given)
        preset = {name: getattr(family, name) for name in OF_FAMILY}
        preset["mirror"] = family.mirrored and given["dataset"] not in NOT_MIRRORED
        settings = cls(**{**preset, **given})
        for name, other in BELONGS_TO.items():
            if name in given and not getattr(settings, other):
                raise TuneError(f"{flag(name)} is {given[name]}, but it belongs to {flag(other)}")
        return settings

    def make_family(self) -> Family:
        """The family that is tuned."""
        from trainers.families import make_family

        return make_family(self.family, self.preset)

    @property
    def preset_validation_size(self) -> int | None:
        """See `ImageOptions`."""
        return self.make_family().validation_size

    def as_json(self) -> str:
        """For the study."""
        return json.dumps(asdict(self))

    def check_same(self, given: Mapping[str, Any]) -> None:
        """Refuse given settings that are not these.

        Raises:
            PredictorError: the given stopping rule does not exist.
            TuneError: some differ; the message names them.
        """
        pairs = [(name, getattr(self, name), now) for name, now in given.items() if not self._has(name, now)]
        different = [f"{_shown(n)} is {was} there and {now} here" for n, was, now in pairs]
        if different:
            raise TuneError(f"the run folder holds another tuning: {'; '.join(different)}")

    def _has(self, name: str, value: Any) -> bool:
        """Whether a setting has that value; of a rule, whether it means the same."""
        if name == "stopping" and not self.hyperband and self.delta is None:
            return same_rule(self.stopping or OWN_RULE, value)
        return bool(getattr(self, name) == value)


def refuse_images(family: Family, given: Mapping[str, Any]) -> None:
    """Refuse options for images where words are trained on. Raises TuneError."""
    for name in OF_IMAGES if family.data == "words" else ():
        if given.get(name):
            raise TuneError(f"{flag(name)} is for images, but {family.name!r} is trained on words")


def _shown(name: str) -> str:
    return name.upper() if name == "family" else flag(name)
