"""Tabular agents on the cliff walk of Sutton and Barto, *Reinforcement Learning*, example 6.6."""

from collections.abc import Iterator, Mapping

import numpy as np

WIDTH, HEIGHT = 12, 4
STEPS = 100
"""After which an episode ends."""


def cliff(settings: Mapping[str, float], seed: int, rng: np.random.Generator) -> Iterator[float]:
    """Mean return of ten episodes at a time."""
    Q = np.full((HEIGHT, WIDTH, 4), settings["initial"]).tolist()
    while True:
        yield sum(episode(Q, settings, rng) for _ in range(10)) / 10


def episode(Q: list[list[list[float]]], settings: Mapping[str, float], rng: np.random.Generator) -> int:
    """The return of one episode, from which the agent learns."""
    row, column, total = HEIGHT - 1, 0, 0
    action = chosen(Q[row][column], settings["epsilon"], rng)
    for _ in range(STEPS):
        to_row, to_column, reward = walked(row, column, action)
        total += reward
        following, goal = Q[to_row][to_column], (to_row, to_column) == (HEIGHT - 1, WIDTH - 1)
        next_action = chosen(following, settings["epsilon"], rng)
        later = 0.0 if goal else following[next_action] if settings["sarsa"] else max(following)
        values = Q[row][column]
        values[action] += settings["alpha"] * (reward + settings["gamma"] * later - values[action])
        if goal:
            break
        row, column, action = to_row, to_column, next_action
    return total


def chosen(values: list[float], epsilon: float, rng: np.random.Generator) -> int:
    """Epsilon-greedy."""
    return int(rng.integers(4)) if rng.random() < epsilon else values.index(max(values))


def walked(row: int, column: int, action: int) -> tuple[int, int, int]:
    """Where a step up, down, left or right leads, and its reward; from the cliff back to the start."""
    row = min(HEIGHT - 1, max(0, row + (action == 1) - (action == 0)))
    column = min(WIDTH - 1, max(0, column + (action == 3) - (action == 2)))
    fell = row == HEIGHT - 1 and 0 < column < WIDTH - 1
    return (row, 0, -100) if fell else (row, column, -1)
