"""Metrics of the plugin."""
