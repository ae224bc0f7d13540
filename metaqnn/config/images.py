"""Options of the images to train on and to validate on, the same for searches and tunings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metaqnn.config.bounds import Bounds
from metaqnn.config.options import ConfigError, option, require, require_bounds
from trainers.metric import ACCURACY, METRICS, in_words

SEED = Bounds(0, 2**64 - 1)
SIDE = Bounds(1, 1024)
IMAGES = Bounds(1, 2**31 - 1)


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """Options that decide which images there are, which of them validate, and what is measured on those.

    Raises:
        ConfigError: a value is out of range; the message names the option and quotes the value.
    """

    dataset: str = option(
        "digits",
        "cifar10, cifar100, svhn, mnist, fashion-mnist or digits; or your own images: "
        "a folder or archive of class folders, an .npz file, or module:function",
        metavar="NAME",
        explained=True,
    )
    seed: int = option(0, "seed of every random draw", within=SEED)
    image_size: int | None = option(None, "resize images to this side", within=SIDE)
    train_limit: int | None = option(
        None, "use only this many training images (a stratified subset)", within=IMAGES
    )
    validation_size: int | None = option(
        None,
        "training images held out for the validation accuracy (default: the preset's number, a quarter "
        "of the images at most; preset paper: a tenth, 5000 at most)",
        within=IMAGES,
    )
    own_validation: bool | None = option(
        None,
        "validate on the images in a folder's val/, or x_val, instead of images held out from train/ "
        "(default: if there are any and --validation-size is not given); otherwise val/ is not used, except "
        "as the test set of a folder without test/",
    )
    max_pixels: int = option(
        2**26,
        "largest image file that is decoded, in pixels; for JPEGs, an eighth of each side counts, because "
        "they can be decoded at that size (default: 67108864)",
        explained=True,
        within=Bounds(1, 2**40),
    )
    svhn_extra: bool = option(False, "add SVHN's extra set to its training images")
    metric: str = option(
        ACCURACY,
        "what is measured on the validation images and, in a search or a tuning, decides: "
        "accuracy, or, for classes of unequal size, balanced-accuracy (the mean of the classes' recalls); "
        "with the latter, all classes also count equally in the training loss",
        metavar="NAME",
    )

    def __post_init__(self) -> None:
        require(self.metric in METRICS, "metric", self.metric, " or ".join(METRICS))
        require_bounds(self)

    @property
    def metric_text(self) -> str:
        """The metric in a sentence: `balanced accuracy`."""
        return in_words(self.metric)

    @property
    def preset_validation_size(self) -> int | None:
        """The preset's number of validation images; None if it leaves that open."""
        return None


def refuse_two_validations(given: Mapping[str, Any]) -> None:
    """Refuse a number of images to hold out if the data set's own images are to validate.

    Args:
        given: options that the user gave, by name.

    Raises:
        ConfigError: both are asked for.
    """
    size = given.get("validation_size")
    if size is not None and given.get("own_validation"):
        raise ConfigError(
            f"--validation-size {size} holds out training images and --own-validation none: give one of them"
        )
