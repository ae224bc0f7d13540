"""Statistics of searches that differ in their seeds."""

import numpy as np
import pytest
import search_measures


def test_pairs_that_share_a_search_are_not_taken_for_independent(monkeypatch):
    """If each search adds its part to the agreement, the mean over pairs is twice the mean part."""
    parts = np.random.default_rng(0).normal(0.5, 0.1, 10)
    monkeypatch.setattr(search_measures, "agreement", lambda one, other: one + other)
    mean, error = search_measures.noise_floor(parts.tolist())
    assert mean == pytest.approx(2 * parts.mean())
    assert error == pytest.approx(2 * parts.std(ddof=1) / np.sqrt(10))


def test_two_searches_have_a_mean_without_an_error(monkeypatch):
    monkeypatch.setattr(search_measures, "agreement", lambda one, other: one + other)
    mean, error = search_measures.noise_floor([0.25, 0.5])
    assert mean == 0.75
    assert np.isnan(error)
