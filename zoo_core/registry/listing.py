"""What there is, by name."""

from __future__ import annotations

from zoo_core.registry.catalogue import catalogue
from zoo_core.registry.components import registry


def list_models() -> list[str]:
    """Names of the recipes that ``build`` and ``train`` take."""
    return sorted(catalogue().recipes)


def list_weights() -> list[str]:
    """Names of the published weights that ``load`` takes."""
    return sorted(catalogue().weights)


def list_components(kind: str | None = None) -> list[str]:
    """Names of the registered components, of one kind or all; a family ends in a slash."""
    return sorted({entry.name for entry in registry().entries(kind)})
