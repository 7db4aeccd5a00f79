"""Encoders: x to q(z given x)."""
