"""Metrics: a model and data to figures."""
