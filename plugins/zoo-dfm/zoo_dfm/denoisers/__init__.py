"""Denoisers of features."""
