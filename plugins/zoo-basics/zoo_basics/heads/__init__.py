"""Heads: codes to logits."""
