"""Decoders: z to p(x given z)."""
