"""Attacks: images close to given ones, on which a loss is larger."""
