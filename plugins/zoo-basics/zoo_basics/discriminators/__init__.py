"""Discriminators: feature extractors with a score."""
