"""The rank envelope: stop networks that rank worse, by a small model's score, than the best ones once did."""

from __future__ import annotations

from predictor.rules.envelope.rule import RankEnvelope

__all__ = ["RankEnvelope"]
