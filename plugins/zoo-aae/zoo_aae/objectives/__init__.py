"""Objectives of adversarial autoencoders."""
