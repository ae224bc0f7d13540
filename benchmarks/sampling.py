"""Claim: `StateSpace.sample` draws at least 10,000 architectures a second on one core (CIFAR-10 space).

    python benchmarks/sampling.py

prints architectures per second beside a plain walk that works out the allowed layers anew at every step, both
in one process and in turns, with n, hardware and versions.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
from command_line import described, execute, parser

from state_space import (
    Architecture,
    Convolution,
    FullyConnected,
    GlobalAveragePooling,
    Layer,
    Pooling,
    Softmax,
    StateSpace,
    preset,
)

N = 10_000
REPEATS = 5


def plain_actions(space: StateSpace, last: Layer | None, n: int, depth: int, dense: int) -> list[Layer]:
    actions: list[Layer] = []
    if depth < space.layer_limit:
        if not isinstance(last, FullyConnected):
            actions += [Convolution(d, f) for d in space.conv_widths for f in space.conv_sizes if f < n]
        if isinstance(last, Convolution):
            actions += [Pooling(f, stride) for f, stride in space.pools if f < n]
        if isinstance(last, FullyConnected) and dense < space.max_fc:
            actions += [FullyConnected(d) for d in space.fc_widths if d <= last.width]
        elif isinstance(last, Convolution | Pooling) and n < space.fc_below:
            actions += [FullyConnected(d) for d in space.fc_widths]
    if isinstance(last, Convolution | Pooling):
        actions.append(GlobalAveragePooling(space.num_classes))
    return [*actions, Softmax(space.num_classes)] if last else actions


def plain_sample(space: StateSpace, rng: np.random.Generator) -> Architecture:
    chosen: list = []
    n, dense = space.image_size, 0
    while True:
        actions = plain_actions(space, chosen[-1] if chosen else None, n, len(chosen), dense)
        action = actions[rng.integers(len(actions))]
        if isinstance(action, GlobalAveragePooling | Softmax):
            return Architecture.with_dropout(chosen, action)
        if isinstance(action, Pooling):
            n = (n - action.size) // action.stride + 1
        dense += isinstance(action, FullyConnected)
        chosen.append(action)


def rate(sample: Callable[[np.random.Generator], Architecture], n: int) -> float:
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    for _ in range(n):
        sample(rng)
    return n / (time.perf_counter() - began)


def main() -> None:
    parser(__doc__).parse_args()
    space = preset("cifar10")
    rates: dict[str, list[float]] = {"StateSpace.sample": [], "plain walk": []}
    first = rate(space.sample, N)  # with an empty memory of actions
    for _ in range(REPEATS):  # alternating, so that a busy moment hits both
        rates["StateSpace.sample"].append(rate(space.sample, N))
        rates["plain walk"].append(rate(lambda rng: plain_sample(space, rng), N // 10))
    print(f"cifar10 preset, {REPEATS} x {N} (plain walk {N // 10}) architectures, one core")
    print(f"{described('numpy')}\n")
    print(f"{'StateSpace.sample, first':<26}{first:>10,.0f} architectures/s")
    for name, values in rates.items():
        median, least = statistics.median(values), min(values)
        print(f"{name + ', median':<26}{median:>10,.0f} architectures/s (least {least:,.0f})")
    ratio = statistics.median(rates["StateSpace.sample"]) / statistics.median(rates["plain walk"])
    print(f"{'ratio':<26}{ratio:>10.1f}")


if __name__ == "__main__":
    execute(main)
