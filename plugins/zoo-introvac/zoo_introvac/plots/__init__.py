"""Plots of the plugin."""
