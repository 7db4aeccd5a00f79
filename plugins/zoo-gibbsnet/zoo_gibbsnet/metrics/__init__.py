"""Metrics of chains, of inpainting and of attributes."""
