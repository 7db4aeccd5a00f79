"""Layers and rules that several of the nets are built from."""
