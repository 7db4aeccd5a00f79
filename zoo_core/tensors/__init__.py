"""Weights as files: safetensors whole or in shards, written atomically, read strictly and within bounds."""
