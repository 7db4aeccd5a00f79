"""Priors of adversarial autoencoders."""
