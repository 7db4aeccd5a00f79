"""From names to a model: planned, checked, built."""
