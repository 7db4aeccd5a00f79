"""The version of zoo_core."""

VERSION = "0.1.0"
