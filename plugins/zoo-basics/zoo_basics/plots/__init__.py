"""Plots: a model and data to pictures for people."""
