"""What a search knows: its networks and their rewards, and the agent that has learned from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaqnn.config.search import SearchConfig
from metaqnn.database import NetworkResult, ReplayDatabase
from metaqnn.search.agent import QLearner, ReplayMemory
from metaqnn.search.events import Job
from metaqnn.search.learning import learn
from metaqnn.search.network_files import Finalist
from metaqnn.search.randomness import Purpose, generator
from predictor import LearningCurves
from predictor.curves.growing import GrowingCurves
from state_space import Architecture, StateSpace


class History:
    """Finished learning curves in order of finishing.

    Args:
        epochs: T, epochs of a full training.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._growing = GrowingCurves(self.curve(1, 1, 1.0, [])[:0])

    def curve(
        self, parameters: int, depth: int, learning_rate: float, accuracies: Sequence[float]
    ) -> LearningCurves:
        """One (partial) curve with the network's parameters, padded with NaN to T epochs."""
        values = np.full((1, self._epochs), np.nan)
        values[0, : len(accuracies)] = accuracies
        architecture = {"parameters": np.array([float(parameters)]), "depth": np.array([float(depth)])}
        return LearningCurves(values, architecture, {"learning_rate": np.array([learning_rate])})

    def append(self, curve: LearningCurves) -> None:
        """Add a finished curve, one that `curve` made."""
        self._growing.append(curve)

    @property
    def curves(self) -> LearningCurves:
        """All finished curves; the same object until one is added, and never changed afterwards."""
        return self._growing.curves


class Knowledge:
    """What the stored events of a search have led to; every further event is stored as it is learned.

    Args:
        config: the configuration stored in the database.
        space: the state space.
        database: holds the events so far, and gets those to come.

    Attributes:
        agent: walks the space.
        memory: what it learns from.
        history: the curves of networks that did not fail, which the stopping rule sees.
        jobs: all networks, in order of proposal.
        unfinished: those of them that were in training when the database was read.
        finalists: those that had been trained to the end by then.
        rewards: of the networks that have ended, by their ids.
        repeats: walks in a row, since the last event, that found nothing new; after a resume, since the last
            new network in the memory.
    """

    def __init__(self, config: SearchConfig, space: StateSpace, database: ReplayDatabase) -> None:
        self.agent = QLearner(space, alpha=config.alpha, gamma=config.gamma, initial=config.initial_q)
        self.memory = ReplayMemory(self.agent, seed=config.seed, draws=config.replays)
        self.history = History(config.epochs)
        self.jobs: dict[Architecture, Job] = {}
        self.unfinished: list[Job] = []
        self.finalists: list[Finalist] = []
        self.rewards: dict[int, float] = {}
        self.repeats = 0
        self._config = config
        self._database = database
        self._waiting: dict[int, list[int]] = {}  # network id -> proposals that wait for its result
        self._proposals = 0
        self._restore()

    def propose(self, epsilon: float) -> Job | None:
        """Walk once: a new network; or None after a known one, from whose result the agent learns again."""
        rng = generator(self._config.seed, Purpose.SAMPLE, self._proposals)
        architecture = self.agent.sample(epsilon, rng)
        if architecture not in self.jobs:
            return self._add_new(architecture, epsilon)
        self._add_repeat(self.jobs[architecture], epsilon)
        return None

    def finish(self, job: Job, result: NetworkResult) -> None:
        """A network has ended; learn from its reward, once for each walk that led to it."""
        waiting = self._waiting.pop(job.network_id)
        positions = {proposal: len(self.memory) + place for place, proposal in enumerate(waiting)}
        self._database.finish(job.network_id, result, len(self.rewards) + 1, positions)
        self.rewards[job.network_id] = result.reward
        self.repeats = 0  # what was learned may change the walks
        for _ in waiting:
            self.memory.add(job.architecture, result.reward)

    def _add_new(self, architecture: Architecture, epsilon: float) -> Job:
        number = len(self.jobs) + 1
        shape, classes = self.agent.space.input_shape, self.agent.space.num_classes
        parameters, depth = architecture.parameters(shape, classes), architecture.depth
        network = {
            "number": number,
            "architecture": str(architecture),
            "parameters": parameters,
            "depth": depth,
            "num_params": architecture.weights(shape),
            "macs": architecture.macs(shape, classes),
        }
        network_id = self._database.propose(self._proposals, epsilon, network)
        self._waiting[network_id] = [self._proposals]
        self._proposals += 1
        self.repeats = 0
        self.jobs[architecture] = job = Job(network_id, number, epsilon, architecture, parameters, depth)
        return job

    def _add_repeat(self, job: Job, epsilon: float) -> None:
        reward = self.rewards.get(job.network_id)
        position = None if reward is None else len(self.memory)
        self._database.repeat(self._proposals, epsilon, job.network_id, position)
        if reward is None:
            self._waiting[job.network_id].append(self._proposals)
        else:
            self.memory.add(job.architecture, reward)
        self._proposals += 1
        self.repeats += 1

    def _restore(self) -> None:
        """Replay the stored events."""
        curves = self._database.curves()
        jobs: dict[int, Job] = {}
        for row in self._database.stored_networks():
            architecture = Architecture.parse(row.architecture)
            job = Job(row.id, row.number, row.epsilon, architecture, row.parameters, row.depth)
            self.jobs[architecture] = jobs[row.id] = job
            if row.reward is None:
                self.unfinished.append(job)
            else:
                self.rewards[row.id] = row.reward
            self.finalists += finalists(job, row.final_accuracy)
        for network_id, (learning_rate, accuracies) in curves.items():
            job = jobs[network_id]
            self.history.append(self.history.curve(job.parameters, job.depth, learning_rate, accuracies))
        self._restore_samples(jobs)

    def _restore_samples(self, jobs: dict[int, Job]) -> None:
        stored = self._database.stored_samples()
        self._proposals = len(stored)
        for sample in stored:
            if sample.position is None:
                self._waiting.setdefault(sample.network_id, []).append(sample.proposal)
        remembered = [sample for sample in stored if sample.position is not None]
        known: set[int] = set()
        for sample in sorted(remembered, key=lambda sample: sample.position):
            self.memory.recall(jobs[sample.network_id].architecture, self.rewards[sample.network_id])
            self.repeats = self.repeats + 1 if sample.network_id in known else 0
            known.add(sample.network_id)
        learn(self.agent, self.memory.samples, seed=self._config.seed, draws=self._config.replays)


def finalists(job: Job, final_accuracy: float | None) -> list[Finalist]:
    """The network, if it was trained to the end."""
    if final_accuracy is None:
        return []
    return [Finalist(job.number, str(job.architecture), job.parameters, final_accuracy)]
