"""One whole Q-learning search on the surrogate trainer, and what is known about it afterwards.

Without a database file: its transactions would take nine tenths of the time of a search that trains nothing.
"""

import argparse
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from finished import code, digest
from surrogate import SurrogateError, SurrogateTrainer
from surrogate.memory import Memory

from metaqnn.config.presets import PRESETS
from metaqnn.config.search import SearchConfig
from metaqnn.executors import SerialExecutor
from metaqnn.search.loop import Search
from metaqnn.search.randomness import Purpose, derived_seed
from metaqnn.search.rule import stopping_rule
from predictor import LearningCurves
from state_space import Architecture, Layer, State, StateSpace, StateSpaceError
from trainers import Outcome, TrainingRecipe

POLICY_WALKS = 2000
LEAST_VISITS = 3
"""State-action pairs that fewer networks than this visited are not kept."""


@dataclass(frozen=True)
class World:
    """Recorded curves of named architectures, and what they were recorded on.

    Attributes:
        curves: file of the curves.
        preset, dataset: as `metaqnn run` knows them: the state space, the rates and the initial Q-value.
        channels, image_size, classes: of the images.
        validation_images: accuracies are multiples of 1 / so many.
        world: seed of how architectures deviate.
    """

    curves: str
    preset: str = "paper"
    dataset: str = "cifar10"
    channels: int = 3
    image_size: int = 32
    classes: int = 10
    validation_images: int = 5000
    world: int = 0

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """An option for each attribute."""
        parser.add_argument("--curves", required=True, help="recorded curves of named architectures (CSV)")
        parser.add_argument(
            "--preset", default=cls.preset, choices=PRESETS, help="preset of the search that they are from"
        )
        parser.add_argument("--dataset", default=cls.dataset, help="data set that they were trained on")
        parser.add_argument("--channels", type=int, default=cls.channels, help="channels of its images")
        parser.add_argument("--image-size", type=int, default=cls.image_size, help="side of its images")
        parser.add_argument("--classes", type=int, default=cls.classes, help="its number of classes")
        parser.add_argument(
            "--validation-images",
            type=int,
            default=cls.validation_images,
            help="accuracies are multiples of 1 / N",
        )
        parser.add_argument("--world", type=int, default=cls.world, help="seed of how architectures deviate")

    @classmethod
    def of(cls, chosen: argparse.Namespace) -> Self:
        """As the options say."""
        return cls(**{one.name: getattr(chosen, one.name) for one in fields(cls)})

    def facts(self, seed: int, options: Mapping[str, Any]) -> dict[str, Any]:
        """What determines a search, JSON-ready; the curves by the name of their file and its content."""
        config, curves, here = self.search(seed, options), Path(self.curves), Path(__file__)
        return {
            "content": digest(curves),
            "code": code(here, *sorted((here.parent / "surrogate").glob("*.py"))),
            **config.to_dict(),
            **asdict(self),
            "curves": curves.name,
        }

    def search(self, seed: int, options: Mapping[str, Any]) -> SearchConfig:
        """The configuration of a search there, with as many epochs as were recorded."""
        return self.config(seed=seed, epochs=surrogate(self).recipe.epochs, **options)

    def config(self, **options: Any) -> SearchConfig:
        """A configuration as the preset says, unless the options say otherwise."""
        return SearchConfig.of(self.preset, **{"dataset": self.dataset, **options})

    @property
    def space(self) -> StateSpace:
        """Where the search walks."""
        return self.config().space(self.channels, self.image_size, self.classes)

    def recorded(self) -> tuple[list[Architecture], LearningCurves]:
        """The architectures and their curves; `SurrogateError` if one is not of this space."""
        curves, space = LearningCurves.read(self.curves), self.space
        if curves.names is None:
            raise SurrogateError(f"{self.curves} names no architectures: a surrogate learns from those")
        if "lr" not in curves.hyperparameters:
            raise SurrogateError(f"{self.curves} has no column lr: a surrogate learns from the initial rates")
        architectures = [Architecture.parse(name) for name in curves.names.tolist()]
        for architecture in architectures:
            try:
                space.path(architecture)
            except StateSpaceError as error:
                raise SurrogateError(
                    f"{architecture} is not in the space of preset {self.preset} for {self.dataset}: {error}"
                ) from None
        return architectures, curves

    def fit(self, architectures: list[Architecture], curves: LearningCurves) -> SurrogateTrainer:
        """A surrogate of these networks."""
        config = self.config()
        return SurrogateTrainer.fit(
            architectures,
            curves.values,
            curves.hyperparameters["lr"],
            recipe=TrainingRecipe(learning_rate=config.learning_rate, attempts=config.attempts),
            input_shape=(self.channels, self.image_size, self.image_size),
            num_classes=self.classes,
            resolution=self.validation_images,
            seed=self.world,
        )


@cache
def surrogate(world: World) -> SurrogateTrainer:
    """Learned from all that was recorded."""
    return world.fit(*world.recorded())


def true_result(trainer: SurrogateTrainer, architecture: Architecture, seed: int) -> float:
    """y_T of the training with that seed if nothing stops it; 1 / classes if it fails."""
    result = trainer.train(architecture, seed=seed)
    return result.curve[-1] if result.outcome is Outcome.COMPLETED else 1 / trainer.num_classes


def run_search(world: World, seed: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Search as the preset does, unless the options say otherwise. Returns JSON-ready facts."""
    trainer, space = surrogate(world), world.space
    config = world.search(seed, options)
    memory, started = Memory(), perf_counter()
    rule = stopping_rule(config)
    search = Search(config, space, memory, rule, chance=trainer.chance)  # type: ignore[arg-type]
    search.run(SerialExecutor(trainer))
    seconds = perf_counter() - started
    return {
        "seed": seed,
        "world": trainer.seed,
        "config": config.to_dict(),
        "seconds": seconds,
        "networks": _networks(memory, trainer, seed),
        "policy": _policy(search, trainer, seed),
        "q_values": _q_values(search, space, memory),
    }


def _networks(memory: Memory, trainer: SurrogateTrainer, seed: int) -> dict[str, list[Any]]:
    rows = []
    for record in memory.records.values():
        assert record.result is not None
        epoch, decision = record.stop or (None, None)
        training_seed = derived_seed(seed, Purpose.TRAINING, record.number)
        rows.append(
            {
                "epsilon": record.epsilon,
                "outcome": record.result.outcome,
                "epochs": record.epochs,
                "reward": record.result.reward,
                "true": true_result(trainer, Architecture.parse(record.architecture), training_seed),
                "stop_epoch": epoch,
                "forecast": decision and decision.y_hat_T,
                "best": decision and decision.y_best,
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]}


def _policy(search: Search, trainer: SurrogateTrainer, seed: int) -> float:
    """Mean true y_T of walks at epsilon = 0.1 by the final Q-values, repeated networks included."""
    rng = np.random.default_rng((seed, POLICY_WALKS))
    walks = [search.known.agent.sample(0.1, rng) for _ in range(POLICY_WALKS)]
    return float(np.mean([true_result(trainer, architecture, 0) for architecture in walks]))


def _q_values(search: Search, space: StateSpace, memory: Memory) -> dict[str, tuple[float, int]]:
    """For each pair of observed state and action: its value, and how many networks visited it."""
    visits: Counter[tuple[State, Layer]] = Counter()
    for record in memory.records.values():
        visits.update(set(space.path(Architecture.parse(record.architecture))))
    merged: Counter[str] = Counter()
    values = {}
    for (state, action), count in visits.items():
        o = state.observed
        key = ".".join(map(str, (o.kind, *[getattr(o, f) for f in o._fields[1:-1]], action)))
        merged[key] += count
        values[key] = search.known.agent.q_value(state, action)
    return {key: (values[key], count) for key, count in merged.items() if count >= LEAST_VISITS}
