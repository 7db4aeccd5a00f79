"""The hooks that a plugin may implement.

A plugin is an installed distribution with an entry point in the group ``zoo_core``; the entry point names a module with functions
marked :data:`hookimpl`. That module imports nothing heavy: components are registered by text and imported when they are built.

>>> from zoo_core.hookspecs import hookimpl
>>> @hookimpl
... def register_components(register):
...     register("encoder", "mine", "zoo_mine.encoder:MyEncoder", summary="what it is", paper="Author 2024")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

PROJECT = "zoo_core"
"""Name of the pluggy project and of the entry-point group."""

hookspec = HookspecMarker(PROJECT)
hookimpl = HookimplMarker(PROJECT)


class Register(Protocol):
    """What ``register_components`` is given to call, once a component."""

    def __call__(self, kind: str, name: str, target: str, *, summary: str, paper: str = "") -> None:
        """Register one component.

        Arguments:
            kind: one of :data:`zoo_core.names.KINDS`.
            name: ``[a-z0-9][a-z0-9._-]*``; with a ``/`` at the end it is a family, whose class has a class method
                ``architectures() -> list[str]``.
            target: ``package.module:Class``, imported when the component is built.
            summary: one line for ``zoo list``.
            paper: authors and year.

        Raises:
            PluginFailed: the call is malformed; nothing of this plugin is registered then.
        """


@hookspec
def register_components(register: Register) -> None:
    """Call ``register`` once for each component of the plugin."""


@hookspec
def register_catalogue() -> Traversable | Path:
    """The plugin's own ``registry.toml``, for instance ``files(__package__) / "registry.toml"``."""
    raise NotImplementedError
