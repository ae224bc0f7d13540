"""Stopping rules on recorded curves: what they save, and what they lose, [PP] section 3 and Figure 4."""

from __future__ import annotations

from predictor.simulation.engine import Result, arrival_order, simulate
from predictor.simulation.protocol import CurveSet, Trials, run_protocol

__all__ = ["CurveSet", "Result", "Trials", "arrival_order", "run_protocol", "simulate"]
