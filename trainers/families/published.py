"""The best networks of [MQ] by name, as its authors list them with their test errors.

Source: https://bowenbaker.github.io/metaqnn/, seen in its repository (index.html, commit 13715e2). The order
here is that of the errors, which are those after the long training of the authors.
"""

from __future__ import annotations

from dataclasses import dataclass

from state_space import Architecture

PREFIX = "published:"


@dataclass(frozen=True)
class PublishedNetwork:
    """A network of the authors.

    Attributes:
        layers: without dropout, which its rule places.
        test_error: as published, a share.
    """

    layers: str
    test_error: float

    @property
    def architecture(self) -> Architecture:
        """The network with its dropout layers."""
        plain = Architecture.parse(self.layers)
        return Architecture.with_dropout(plain.chosen, plain.terminal)


# fmt: off
PUBLISHED = {
    "cifar10-1": PublishedNetwork(
        "C(128,5,1) C(512,3,1) P(2,2) C(128,1,1) C(128,5,1) P(3,2) C(512,3,1) SM(10)", 0.0692),
    "cifar10-2": PublishedNetwork(
        "C(128,5,1) C(512,3,1) P(2,2) C(128,1,1) C(128,5,1) P(3,2) SM(10)", 0.0878),
    "cifar10-3": PublishedNetwork(
        "C(256,3,1) C(128,1,1) C(128,3,1) C(128,3,1) P(5,3) C(128,3,1) SM(10)", 0.0888),
    "cifar10-4": PublishedNetwork(
        "C(64,5,1) C(512,3,1) C(512,1,1) C(64,1,1) C(128,5,1) P(3,2) C(512,5,1) C(512,3,1) "
        "P(5,3) SM(10)", 0.0924),
    "cifar10-5": PublishedNetwork(
        "C(64,3,1) C(64,3,1) P(5,3) C(256,3,1) C(128,5,1) SM(10)", 0.0949),
    "cifar10-6": PublishedNetwork(
        "C(64,3,1) C(128,3,1) P(5,3) C(256,3,1) P(3,2) FC(512) FC(128) SM(10)", 0.1163),
    "svhn-1": PublishedNetwork(
        "C(128,3,1) P(2,2) C(64,1,1) C(256,1,1) C(256,5,1) C(128,1,1) C(128,5,1) C(512,3,1) C(256,5,1) "
        "C(256,1,1) C(128,3,1) C(64,1,1) SM(10)", 0.0224),
    "svhn-2": PublishedNetwork(
        "C(64,1,1) C(128,3,1) C(64,5,1) C(512,5,1) C(256,1,1) C(256,5,1) C(128,1,1) C(256,5,1) P(3,2) "
        "C(512,5,1) C(256,3,1) C(128,3,1) SM(10)", 0.0229),
    "svhn-3": PublishedNetwork(
        "C(128,1,1) C(256,5,1) C(128,5,1) P(2,2) C(256,5,1) C(256,1,1) C(256,3,1) C(256,3,1) C(256,5,1) "
        "C(512,5,1) C(256,3,1) C(128,3,1) SM(10)", 0.0233),
    "svhn-4": PublishedNetwork(
        "C(128,5,1) C(128,3,1) C(64,5,1) P(5,3) C(128,3,1) C(512,5,1) C(256,5,1) C(128,5,1) C(128,5,1) "
        "C(128,3,1) SM(10)", 0.0235),
    "svhn-5": PublishedNetwork(
        "C(128,1,1) C(256,5,1) C(128,5,1) C(512,5,1) C(256,1,1) C(256,5,1) P(5,3) C(128,5,1) C(128,5,1) "
        "C(128,5,1) C(64,1,1) C(128,5,1) SM(10)", 0.0236),
}
# fmt: on
"""The networks by name; `published:NAME` where a family or an architecture is asked for."""
