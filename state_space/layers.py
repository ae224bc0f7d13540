"""The layers of a network, immutable values whose `str` is their notation (Table 1 of [MQ] and [PP]).

A layer's `name` begins its notation, `form` shows all of it, and figures and diagrams group it by `family`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, TypeAlias, get_args

from state_space.errors import NotationError, quoted

MAX_NUMBER = 99_999
"""The largest number in a layer: far above any real layer, and small enough to keep counts exact."""


class _Numbers:
    """What all layers have: whole numbers, written in parentheses after the name."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]]
    name: ClassVar[str]

    def __post_init__(self) -> None:
        for field_name in self.__match_args__:
            number = getattr(self, field_name)
            if type(number) is not int or not 1 <= number <= MAX_NUMBER:
                raise NotationError(
                    f"{quoted(str(self))}: {field_name} must be a whole number from 1 to {MAX_NUMBER}"
                )

    def __str__(self) -> str:
        return f"{self.name}({','.join([str(getattr(self, name)) for name in self.__match_args__])})"


@dataclass(frozen=True, slots=True)
class Convolution(_Numbers):
    """`C(d,f,l)`: d = `width` filters, receptive field f x f = `size`, stride l; "same" padding, then ReLU.

    A side of n becomes floor((n-1)/l)+1, which stride 1 keeps. The authors' code has two variants, which we
    write with letters of our own: `V` in place of `C` means "valid", without padding, so that n becomes
    floor((n-f)/l)+1; `B` means that batch normalisation comes before the ReLU: `V(d,f,l)`, `CB(d,f,l)`,
    `VB(d,f,l)`. Raises NotationError for an even `size`, which has no symmetric "same" padding.
    """

    width: int
    size: int
    stride: int = 1
    padded: bool = field(default=True, kw_only=True, hash=False)
    batch_norm: bool = field(default=False, kw_only=True, hash=False)
    name: ClassVar[str] = "C"
    form: ClassVar[str] = "C(d,f,l)"
    family: ClassVar[str] = "convolution"

    def __post_init__(self) -> None:
        _Numbers.__post_init__(self)
        if self.size % 2 == 0:
            raise NotationError(f"{str(self)!r}: the receptive field of a convolution must be odd")

    @property
    def padding(self) -> int:
        """Rows and columns of zeros on each side of the map."""
        return self.size // 2 if self.padded else 0

    def __str__(self) -> str:
        variant = ("C" if self.padded else "V") + ("B" if self.batch_norm else "")
        return f"{variant}({self.width},{self.size},{self.stride})"


@dataclass(frozen=True, slots=True)
class Pooling(_Numbers):
    """`P(f,l)`: maximum over f x f = `size`, stride l, no padding; a side of n becomes floor((n-f)/l)+1."""

    size: int
    stride: int
    name: ClassVar[str] = "P"
    form: ClassVar[str] = "P(f,l)"
    family: ClassVar[str] = "pooling"


@dataclass(frozen=True, slots=True)
class FullyConnected(_Numbers):
    """`FC(d)`: a dense layer of d = `width` neurons, then ReLU."""

    width: int
    name: ClassVar[str] = "FC"
    form: ClassVar[str] = "FC(d)"
    family: ClassVar[str] = "fully connected"


@dataclass(frozen=True, slots=True)
class Dropout(_Numbers):
    """`D(i,n)`: the i-th = `index` of n = `count` dropout layers; derived, not chosen."""

    index: int
    count: int
    name: ClassVar[str] = "D"
    form: ClassVar[str] = "D(i,n)"
    family: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        _Numbers.__post_init__(self)
        if self.index > self.count:
            raise NotationError(
                f"{str(self)!r}: the first number of a dropout layer must not exceed the second"
            )

    @property
    def rate(self) -> float:
        """The share of activations set to zero, i / (2n), which rises linearly to one half."""
        return self.index / (2 * self.count)


@dataclass(frozen=True, slots=True)
class GlobalAveragePooling(_Numbers):
    """`GAP(c)`: a 1x1 convolution to c = `classes` maps whose means are the logits; terminates a network."""

    classes: int
    name: ClassVar[str] = "GAP"
    form: ClassVar[str] = "GAP(c)"
    family: ClassVar[str] = "end"


@dataclass(frozen=True, slots=True)
class Softmax(_Numbers):
    """`SM(c)`: a dense layer to c = `classes` and the softmax; after GAP without weights."""

    classes: int
    name: ClassVar[str] = "SM"
    form: ClassVar[str] = "SM(c)"
    family: ClassVar[str] = "end"


Chosen: TypeAlias = Convolution | Pooling | FullyConnected
"""The layers that count towards depth and layer limit."""

MAPPED: Final = (Convolution, Pooling)
"""The chosen layers that leave a feature map; the others leave a vector."""

Terminal: TypeAlias = GlobalAveragePooling | Softmax
"""The layers that end a network."""

Layer: TypeAlias = Convolution | Pooling | FullyConnected | Dropout | GlobalAveragePooling | Softmax

KINDS: Final[dict[str, type[Layer]]] = {kind.name: kind for kind in get_args(Layer)}
"""The layers by name."""

VARIANTS: Final[dict[str, dict[str, bool]]] = {
    "C": {"padded": True, "batch_norm": False},
    "V": {"padded": False, "batch_norm": False},
    "CB": {"padded": True, "batch_norm": True},
    "VB": {"padded": False, "batch_norm": True},
}
"""What the notation of a convolution begins with, and what that means."""
