"""A trainer that trains nothing: learning curves for any architecture, learned from recorded ones.

For trying out searches and stopping rules by the thousand. `SurrogateTrainer` says what the curves are made
of; how true they are is measured by `benchmarks/surrogate_fidelity.py`.
"""

from surrogate.trainer import SurrogateError, SurrogateTrainer

__all__ = ["SurrogateError", "SurrogateTrainer"]
