"""Hooks that are asked after plugins were found: when a training starts, when a card is written. Each plugin answers by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from zoo_core.errors import PluginFailed, shown
from zoo_core.plugins import loaded_plugins, new_manager, reason

if TYPE_CHECKING:
    from zoo_core.training.callbacks import Callback
    from zoo_core.training.trainer import Training


def training_callbacks(training: Training) -> list[Callback]:
    """The callbacks that plugins have for a training, in the order of the plugins' names.

    Raises:
        PluginFailed: a plugin raised an error, or gave something else.
    """
    from zoo_core.training.callbacks import Callback

    callbacks: list[Callback] = []
    for plugin, given in answers("training_callbacks", lambda: {"training": training}):
        if isinstance(given, PluginFailed):
            raise given
        wrong = _first_other(given, Callback)
        if wrong:
            raise _failed(
                plugin, "training_callbacks", f"should give a list of zoo_core.training.Callback, gave {wrong}"
            )
        callbacks += given
    return callbacks


def card_sections(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str] | PluginFailed]]:
    """Each plugin and what it has to say on the card of a model: titles to texts, or why it has nothing."""
    # Made for each plugin anew: one may not change what the next one sees.
    for plugin, given in answers("card_sections", lambda: {"config": deepcopy(dict(config))}):
        if isinstance(given, PluginFailed):
            yield plugin, given
        elif not isinstance(given, Mapping) or not all(isinstance(one, str) for pair in given.items() for one in pair):
            yield plugin, _failed(plugin, "card_sections", "should give a table of titles and texts")
        else:
            yield plugin, given


def answers(hook: str, arguments: Callable[[], Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Each plugin that has ``hook``, and what it gives, or the error as a :class:`PluginFailed`.

    Arguments:
        arguments: makes what the hook is given, once a plugin.
    """
    for name, plugin in loaded_plugins().later:
        manager = new_manager()
        manager.register(plugin, name)
        try:
            results = getattr(manager.hook, hook)(**arguments())
        except (Exception, SystemExit) as error:
            failed = _failed(name, hook, f"failed: {reason(error)}")
            failed.__cause__ = error
            yield name, failed
        else:
            # pluggy leaves None out: a plugin without this hook, or one with nothing to say.
            yield from ((name, result) for result in results)


def _failed(plugin: str, hook: str, what: str) -> PluginFailed:
    return PluginFailed(
        f'plugin "{plugin}": {hook} {what}',
        hint=f"to do without this plugin: ZOO_BLOCK_PLUGINS={plugin}",
        plugin=plugin,
    )


def _first_other(given: object, kind: type[Any]) -> str:
    """What ``given`` is or holds, where it is no list of ``kind``; empty where it is one."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        return f"an object of type {type(given).__name__}"
    return next(
        (f"one with an object of type {shown(type(one).__name__)}" for one in given if not isinstance(one, kind)), ""
    )
