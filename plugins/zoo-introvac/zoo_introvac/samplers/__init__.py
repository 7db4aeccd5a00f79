"""Samplers of the plugin."""
