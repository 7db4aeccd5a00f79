"""Plots of chains."""
