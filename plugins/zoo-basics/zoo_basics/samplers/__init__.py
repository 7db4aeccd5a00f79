"""Samplers: a model to pictures."""
