"""Claim: one replay update of 128 stored networks takes at most 5 ms, whatever the size of the replay memory.

Compared in the same run, in turns, in the cifar10 space, on memories of 1,000, 10,000 and 100,000 networks:
- ours: `metaqnn.search.agent.ReplayMemory.add` of one new network, with all that it does;
- plain: the memory is a list of dicts with network strings, the Q-table a dict of dicts; every drawn string
  is parsed and walked again for its update, as in the published server;
- plain + file: the same, and the whole memory is written as CSV after the update, as in the published server.
Before anything is timed, both learn from the same draws and must come to the same Q-values.

    python benchmarks/replay_update.py            # half a minute
"""

import csv
import resource
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from command_line import described, execute, parser, positive

from metaqnn.search.agent import QLearner, ReplayMemory
from metaqnn.search.randomness import Purpose, generator
from state_space import Architecture, StateSpace, preset

SIZES = (1_000, 10_000, 100_000)
DRAWS = 128
ALPHA, INITIAL = 0.01, 0.5
Sample = dict[str, str | float]


class PlainMemory:
    """Nothing is worked out in advance or kept but strings and numbers."""

    def __init__(self, space: StateSpace) -> None:
        self.space = space
        self.samples: list[Sample] = []
        self.q: dict[str, dict[str, float]] = {}

    def add(self, text: str, reward: float) -> None:
        self.samples.append({"net": text, "reward": reward})
        position = len(self.samples) - 1
        for index in generator(0, Purpose.REPLAY, position).integers(0, len(self.samples), size=DRAWS):
            self._update(self.samples[index])

    def write(self, path: Path) -> None:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["net", "reward"])
            writer.writeheader()
            writer.writerows(self.samples)

    def _update(self, sample: Sample) -> None:
        target = float(sample["reward"])
        for state, action in reversed(self.space.path(Architecture.parse(str(sample["net"])))):
            actions = self.q.setdefault(str(state.observed), {})
            for allowed in self.space.actions(state):
                actions.setdefault(str(allowed), INITIAL)
            actions[str(action)] += ALPHA * (target - actions[str(action)])
            target = max(actions[str(allowed)] for allowed in self.space.actions(state))


def networks(space: StateSpace, count: int) -> list[Architecture]:
    """Different networks, drawn at epsilon = 1."""
    rng = np.random.default_rng(0)
    found: dict[Architecture, None] = {}
    while len(found) < count:
        found[space.sample(rng)] = None
    return list(found)


def filled(
    space: StateSpace, found: list[Architecture], rewards: list[float]
) -> tuple[QLearner, ReplayMemory, PlainMemory]:
    """Both memories with these networks in them, before any learning."""
    agent = QLearner(space, alpha=ALPHA, initial=INITIAL)
    ours, plain = ReplayMemory(agent, seed=0, draws=0), PlainMemory(space)
    for architecture, reward in zip(found, rewards, strict=True):
        ours.add(architecture, reward)
    ours._draws = DRAWS  # learning from the first network on would only make the set-up long
    plain.samples = [
        {"net": str(architecture), "reward": reward}
        for architecture, reward in zip(found, rewards, strict=True)
    ]
    return agent, ours, plain


def check_equal(agent: QLearner, plain: PlainMemory) -> None:
    """Both learned the same."""
    ours = {str(seen): {str(u): q for u, q in row.items()} for seen, row in agent.q_table().items()}
    for seen, actions in plain.q.items():
        for action, value in actions.items():
            assert abs(ours[seen][action] - value) < 1e-12, (seen, action)


def compare(space: StateSpace, size: int, rounds: int) -> None:
    found = networks(space, size + 1 + rounds)
    rewards = np.random.default_rng(1).random(len(found)).tolist()
    agent, ours, plain = filled(space, found[:size], rewards[:size])
    ours.add(found[size], rewards[size])
    plain.add(str(found[size]), rewards[size])
    check_equal(agent, plain)
    times: dict[str, list[float]] = {"ours": [], "plain": [], "plain + file": []}
    with tempfile.TemporaryDirectory() as folder:
        for architecture, reward in zip(found[size + 1 :], rewards[size + 1 :], strict=True):
            started = perf_counter()
            ours.add(architecture, reward)
            times["ours"].append(perf_counter() - started)
            started = perf_counter()
            plain.add(str(architecture), reward)
            times["plain"].append(perf_counter() - started)
            plain.write(Path(folder) / "replay.csv")
            times["plain + file"].append(perf_counter() - started)
    for name, values in times.items():
        ratio = median(values) / median(times["ours"])
        print(
            f"{size:8,d} networks  {name:12s} {1000 * median(values):8.2f} ms "
            f"({1000 * min(values):.2f} to {1000 * max(values):.2f})  {ratio:6.1f}x  n = {len(values)}"
        )


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--rounds", type=positive, default=30, help="updates timed at each size (default 30)"
    )
    rounds = options.parse_args().rounds
    print(f"{' '.join(sys.argv)}: one update of {DRAWS} networks, cifar10 space, median (least to most)")
    print(described("numpy", used="one used"))
    for size in SIZES:
        compare(preset("cifar10"), size, rounds)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    execute(main)
