"""A model measured and plotted by the names of metrics and plots."""

from zoo_core.compat import renamed

__getattr__ = renamed(__name__)
