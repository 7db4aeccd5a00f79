"""Plugins of one's own: the package that ``zoo new-plugin`` writes."""
