"""Stopping rules: whether a training goes on after its latest epoch."""
