"""Samplers of adversarial autoencoders."""
