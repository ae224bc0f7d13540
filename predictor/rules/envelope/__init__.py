"""The rank envelope: stop what ranks worse, by a small model's score, than the best networks once did."""

from __future__ import annotations

from predictor.rules.envelope.rule import RankEnvelope

__all__ = ["RankEnvelope"]
