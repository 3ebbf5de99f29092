"""Metrics: from samples to numbers."""
