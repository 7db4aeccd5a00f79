"""What a package offers to those outside of it, imported when it is asked for: modules inside it are its own business."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from zoo_core.compat import renamed


def exported(package: str, where: Mapping[str, str]) -> Callable[[str], Any]:
    """A ``__getattr__`` for ``package``, which offers the names in ``where`` from the modules that stand there."""
    before = renamed(package)

    def get(name: str) -> Any:
        return getattr(import_module(where[name]), name) if name in where else before(name)

    return get
