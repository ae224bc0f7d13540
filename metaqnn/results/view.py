"""What the figures show of a search, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from math import ceil
from typing import Any

from sqlalchemy import Row

from metaqnn.config.search import SearchConfig
from metaqnn.database.queries import SearchReader
from metaqnn.database.schema import networks
from metaqnn.results.audits import AuditSummary, summarise_audits
from metaqnn.results.choices import Importance, importance
from metaqnn.results.learned import Learner, TriedAction, tried_actions
from metaqnn.results.summary import State, Summary, search_state, summarise
from metaqnn.search.agent import Path, QLearner
from metaqnn.search.remarks import why_over

MOST_IN_TRAINING = 16
"""Networks in training that are read with their epochs."""

Watch = Callable[[Iterable[Any]], Iterable[Any]]

MOST_LEARNED = 1000
"""Networks, evenly spread, that importances are measured on."""


class SearchView:
    """A search: every property is read when it is first needed, and then kept.

    Each is of the moment of its reading; within `SearchReader.at_one_moment`, all are of one. Create a new
    view to see the progress of a running search.

    Args:
        reader: the search.
        watch: wraps the samples while they are read, for example in a progress bar.
        learner: that of an earlier view of the same search, which has less to learn.
    """

    def __init__(self, reader: SearchReader, watch: Watch = iter, learner: Learner | None = None) -> None:
        self._reader = reader
        self._watch = watch
        self._learner = learner or Learner()

    @cached_property
    def search(self) -> dict[str, Any]:
        """The search itself: configuration as stored, versions, environment, times."""
        return self._reader.search()

    @cached_property
    def config(self) -> SearchConfig:
        """The configuration."""
        return SearchConfig.from_dict(self.search["config"])

    @cached_property
    def ended(self) -> list[Row[Any]]:
        """All networks whose training has ended, in order of finishing."""
        return self._reader.ended()

    @property
    def accuracies(self) -> dict[int, float | None]:
        """y_T of the networks whose training has ended, by number; None where it was not observed."""
        return {row.number: row.final_accuracy for row in self.ended}

    @cached_property
    def architectures(self) -> dict[int, str]:
        """Those of all networks, by their numbers."""
        return self._reader.architectures()

    @cached_property
    def seconds_per_epoch(self) -> dict[int, float]:
        """Mean seconds of an epoch, by the numbers of the networks that were stopped."""
        return self._reader.seconds_per_epoch()

    @cached_property
    def completed(self) -> list[Row[Any]]:
        """Those of them that were trained to the end, so that y_T is known."""
        return [row for row in self.ended if row.final_accuracy is not None]

    @cached_property
    def best_first(self) -> list[Row[Any]]:
        """The same in the order of `top`."""
        return sorted(self.completed, key=lambda row: (-row.final_accuracy, row.parameters, row.number))

    @cached_property
    def failed(self) -> list[Row[Any]]:
        """Those that have ended and were neither trained to the end nor stopped."""
        return [row for row in self.ended if row.outcome not in ("completed", "stopped")]

    @cached_property
    def in_training(self) -> int:
        """How many networks were proposed but have not ended: in training, or interrupted."""
        return self._reader.networks(networks.c.reward.is_(None), limit=1)[1]

    @cached_property
    def nothing_new(self) -> str | None:
        """Why the search is over before its schedule is: its walks find nothing new. None if it is not."""
        return why_over(self._reader, self.config, len(self.ended))

    def state(self, owner: str | None) -> State:
        """What the search is doing, given the process that works on it, if any; see `search_state`."""
        begun = bool(self.ended or self.in_training)
        planned = self.config.schedule.total
        return search_state(owner, len(self.ended), planned, self.nothing_new, begun=begun)

    @cached_property
    def training(self) -> list[dict[str, Any]]:
        """The first networks in training, or interrupted, as `SearchReader.network` gives them."""
        rows, _ = self._reader.networks(networks.c.reward.is_(None), limit=MOST_IN_TRAINING)
        return [self.network(row["number"]) for row in rows]

    @cached_property
    def summary(self) -> Summary:
        """The search in numbers."""
        return summarise(self._reader, self.ended)

    @cached_property
    def audits(self) -> list[dict[str, Any]]:
        """Networks that the rule would have stopped but that were trained to the end.

        Keys as `SearchReader.audits` gives them.
        """
        return self._reader.audits()

    @cached_property
    def audit_summary(self) -> AuditSummary:
        """The audits in numbers."""
        return summarise_audits(self._reader, self.audits, self.ended)

    @property
    def agent(self) -> QLearner:
        """The agent with its Q-values."""
        return self._learned[0]

    @cached_property
    def tried_actions(self) -> list[TriedAction]:
        """The Q-values of every state and action that an ended network tried."""
        return tried_actions(self._learned[1])

    @cached_property
    def _learned(self) -> tuple[QLearner, list[Path]]:
        return self._learner.learn(self.config, self.search, self._watch(self._reader.samples()))

    @cached_property
    def importance(self) -> Importance:
        """How much each choice matters to y_T, or to the reward of a stopped network.

        Raises:
            StateSpaceError: an architecture cannot be read.
        """
        known = [row for row in self.ended if row.outcome in ("completed", "stopped")]
        some = known[:: ceil(len(known) / MOST_LEARNED)]
        return importance([row.architecture for row in some], [row.reward for row in some])

    def top(self, k: int) -> list[dict[str, Any]]:
        """The k networks with the highest observed accuracies."""
        return self._reader.top(k)

    def network(self, number: int) -> dict[str, Any]:
        """One network with its trainings, epochs and decisions."""
        return self._reader.network(number)
