"""What is known about an exported network, and the templates that present it: `README.md` and `model.py`."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pprint import pformat
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from metaqnn.output import percent
from state_space.errors import printable
from trainers.datasets.decoding import UPPER_BYTE
from trainers.metric import ACCURACY, in_words

CARD_FORMAT = 1
SEARCH, FINETUNE, TRAIN = "search", "finetune", "train"
LEVELS = 255
"""Means and deviations of channels are given for pixels in [0, 1], and used for those in 0..LEVELS."""


class ExportError(ValueError):
    """A network that cannot be exported; the message is one line that says why and what would be right."""


def without_path(dataset: str) -> str:
    """A data set's name, or the last part of its path: an export does not tell the rest."""
    return dataset.rstrip("/\\").replace("\\", "/").rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Card:
    """Facts about one trained network.

    Attributes:
        dataset: a name, the name of a folder or file without its path, or module:function.
        data_fingerprint: hash of its images and labels, of a finetuned network those of its long training.
        classes: names of the classes, in the order of the logits.
        architecture: in the published notation.
        parameters: number of trained parameters, including biases.
        macs: multiply-accumulates per image.
        input_shape: (channels, height, width).
        normalisation: kind, `channels` or `global-contrast`.
        mean: of each channel, for pixels in [0, 1]; None for `global-contrast`.
        std: as `mean`.
        levels: scale and offset by which grey pixels of more than 8 bits become 8-bit ones.
        weights_from: `search`, `finetune` or `train`.
        training: the training that the weights come from, in words.
        metric: what the validation accuracy is, one of `trainers.metric.METRICS`.
        validation_accuracy: observed in the search, or after the training; None for a network that the search
            did not train to the end.
        validation_images: how many it is measured on.
        test_accuracy: of finetuned and trained weights, else None: a search never looks at the test images.
        test_images: how many it is measured on.
        run: name of the run folder.
        network: number of the network in its search; 0 for a network that was trained alone.
        seed: of the search or the training.
        members: of an ensemble, the architectures by network number; `architecture` is then in words.
        versions: those of the libraries with which the search began.
        exported_with: versions of the libraries that wrote the export.
    """

    dataset: str
    data_fingerprint: str
    classes: tuple[str, ...]
    architecture: str
    parameters: int
    macs: int
    input_shape: tuple[int, int, int]
    normalisation: str
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    levels: tuple[float, float] = UPPER_BYTE
    weights_from: str
    training: str
    metric: str = ACCURACY
    validation_accuracy: float | None
    validation_images: int
    test_accuracy: float | None = None
    test_images: int = 0
    run: str
    network: int
    seed: int
    members: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    exported_with: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`metaqnn_DATASET_NUMBER`, a name for Python, by which timm knows the network."""
        stem = without_path(self.dataset).split(".")[0]
        words = "_".join(re.findall(r"[a-z0-9]+", stem.lower()))[:60]
        return "_".join(filter(None, ["metaqnn", words, "ensemble" if self.members else str(self.network)]))

    @property
    def title(self) -> str:
        """What it is called within its run."""
        if self.weights_from == TRAIN:
            return "the network"
        return "the ensemble" if self.members else f"network {self.network}"

    @property
    def architecture_lines(self) -> list[str]:
        """The notation in lines that fit into the source."""
        return textwrap.wrap(self.architecture, 100)

    @property
    def shape_text(self) -> str:
        """Shape of one image as a batch: `1, 3, 32, 32`."""
        return ", ".join(map(str, (1, *self.input_shape)))

    @property
    def accuracy_text(self) -> str:
        """The observed accuracy of these weights, in words."""
        if self.weights_from == FINETUNE:
            return f"{percent(self.test_accuracy)} test accuracy"
        return f"{percent(self.validation_accuracy)} validation {self.metric_text}"

    @property
    def metric_text(self) -> str:
        """What the validation accuracy is, in words."""
        return in_words(self.metric)

    def to_dict(self, files: Mapping[str, Any]) -> dict[str, Any]:
        """JSON-ready facts.

        Args:
            files: what is known of each file, by name.
        """
        return {"format": CARD_FORMAT, "name": self.name, **asdict(self), "files": dict(files)}

    def readme(self, files: Mapping[str, Any]) -> str:
        """The same for people, in Markdown."""
        return template("README.md.jinja").render(card=self, files=files, percent=percent)


def template(name: str) -> Template:
    """The template of that name. Text from data passes through a filter that makes it harmless."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("metaqnn.export"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"literal": literal, "code": code, "json": json.dumps}
    return environment


def literal(value: Any) -> str:
    """A Python literal, over several lines where it is long."""
    return pformat(value, width=100, compact=True)


def code(text: str) -> str:
    """Any text as a code span of Markdown, in which no character has a meaning; not for tables.

    It is on one line: characters that cannot be printed are escaped.
    """
    line = printable(text, keep="")
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"`{line or ' '}`"
