"""Metrics of classifiers under attack, and of inputs off the manifold."""
