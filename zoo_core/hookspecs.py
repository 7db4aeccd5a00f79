"""The hooks that a plugin may implement. Most need only the first.

A plugin is an installed distribution with an entry point in the group ``zoo_core``; the entry point names a module with functions
marked :data:`hookimpl`. That module imports nothing heavy: components and commands are registered by text and imported when they
are used.

=========================  ==============================================  ===========================
hook                       what it brings                                  when it is asked
=========================  ==============================================  ===========================
``register_components``    encoders, objectives, samplers … by name        when plugins are found
``register_catalogue``     recipes and published weights                   when plugins are found
``register_commands``      commands of ``zoo``                             when plugins are found
``training_callbacks``     callbacks of a training run                     before a run starts
``card_sections``          sections of a model card                        when a card is written
=========================  ==============================================  ===========================

What a hook raises is told with the plugin's name. One of the first three leaves the whole plugin out, and nobody else.

>>> from zoo_core.hookspecs import hookimpl
>>> @hookimpl
... def register_components(register):
...     register("encoder", "mine", "zoo_mine.encoder:MyEncoder", summary="what it is", paper="Author 2024")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from zoo_core.interfaces.callback import Callback
    from zoo_core.training.trainer import Training

PROJECT = "zoo_core"
"""Name of the pluggy project and of the entry-point group."""

hookspec = HookspecMarker(PROJECT)
hookimpl = HookimplMarker(PROJECT)


class Register(Protocol):
    """What ``register_components`` is given to call, once a component."""

    def __call__(self, kind: str, name: str, target: str, *, summary: str, paper: str = "") -> None:
        """Register one component.

        Arguments:
            kind: one of :data:`zoo_core.registry.names.KINDS`.
            name: ``[a-z0-9][a-z0-9._-]*``; with a ``/`` at the end it is a family, whose class has a class method
                ``architectures() -> list[str]``.
            target: ``package.module:Class``, imported when the component is built.
            summary: one line for ``zoo list``.
            paper: authors and year.

        Raises:
            PluginFailed: the call is malformed; nothing of this plugin is registered then.
        """


class RegisterCommand(Protocol):
    """What ``register_commands`` is given to call, once a command."""

    def __call__(self, name: str, module: str, *, summary: str) -> None:
        """Register one command, ``zoo NAME``.

        A command of the core keeps its name, and two plugins' commands of one name have it neither: ``zoo PLUGIN:NAME`` always
        works.

        Arguments:
            name: lower-case letters, digits and dashes, a letter first.
            module: ``package.module``, imported when the command is used. It has ``configure(parser)``, which adds arguments to
                an ``argparse.ArgumentParser``, and ``run(args) -> int``, which gives the exit code. An error that ``run``
                raises as a :class:`zoo_core.ZooError` is printed as one line.
            summary: one line for ``zoo --help``.

        Raises:
            PluginFailed: the call is malformed; nothing of this plugin is registered then.
        """


# What follows are declarations. pluggy calls the plugins' functions of these names and never these, which raise only because a type
# checker wants a body that fits the declared result.


@hookspec
def register_components(register: Register) -> None:
    """Call ``register`` once for each component of the plugin."""


@hookspec
def register_catalogue() -> Traversable | Path:
    """The plugin's own ``registry.toml``, for instance ``files(__package__) / "registry.toml"``."""
    raise NotImplementedError


@hookspec
def register_commands(register: RegisterCommand) -> None:
    """Call ``register`` once for each command of the plugin.

    >>> @hookimpl
    ... def register_commands(register):
    ...     register("prune", "zoo_mine.prune_command", summary="leave out weights near zero")
    """


@hookspec
def training_callbacks(training: Training) -> Sequence[Callback]:
    """Callbacks for a training run that is about to start; they are told after those of the caller.

    Every run asks, whatever its model is made of: give ``[]`` where it does not concern you. In several processes each asks for
    itself.

    Arguments:
        training: has ``model``, ``game``, ``settings`` and ``folder`` (None where nothing is kept).

    Raises:
        anything: the run does not start, and the error names the plugin.
    """
    raise NotImplementedError


@hookspec
def card_sections(config: Mapping[str, Any]) -> Mapping[str, str]:
    """Sections of a model card, title to text, for a model that is saved or published.

    Both are shown as plain text: nothing in them makes a link, a heading or a tag, whatever a config from outside has put there.
    An empty line begins a paragraph. Titles are cut at 80 characters, texts at 2,000, sections at 5 a plugin. Every card asks:
    give ``{}`` where the model does not concern you.

    Arguments:
        config: a copy of the model's ``config.json``.

    Raises:
        anything: the card is written without these sections, and a warning names the plugin.
    """
    raise NotImplementedError
