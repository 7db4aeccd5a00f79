"""A model measured and plotted by the names of metrics and plots."""
