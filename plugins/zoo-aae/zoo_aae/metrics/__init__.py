"""Metrics of adversarial autoencoders."""
