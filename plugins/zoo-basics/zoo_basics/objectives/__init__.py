"""Objectives: terms for the losses."""
