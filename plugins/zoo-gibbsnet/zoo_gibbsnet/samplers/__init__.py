"""Chains of an encoder and a decoder as samplers."""
