"""Objectives of the plugin."""
