"""Plots of adversarial autoencoders."""
