"""Hooks that are asked after plugins were found: when a training starts, when a card is written. Each plugin answers by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar

from zoo_core.errors import PluginFailed, shown
from zoo_core.registry.guarded import guarded, reason
from zoo_core.registry.loading import loaded_plugins, new_manager

if TYPE_CHECKING:
    from zoo_core.interfaces.callback import Callback
    from zoo_core.training.trainer import Training

Answer = TypeVar("Answer")


def training_callbacks(training: Training) -> list[Callback]:
    """The callbacks that plugins have for a training, in the order of the plugins' names.

    Raises:
        PluginFailed: a plugin raised an error, or gave something else.
    """
    callbacks: list[Callback] = []
    for _, given in answers("training_callbacks", lambda: {"training": training}, _callbacks):
        if isinstance(given, PluginFailed):
            raise given
        callbacks += given
    return callbacks


def card_sections(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str] | PluginFailed]]:
    """Each plugin and what it has to say on the card of a model: titles to texts, or why it has nothing."""
    # Made for each plugin anew: one may not change what the next one sees.
    yield from answers("card_sections", lambda: {"config": deepcopy(dict(config))}, _sections)


def answers(
    hook: str, arguments: Callable[[], Mapping[str, Any]], read: Callable[[object], Answer]
) -> Iterator[tuple[str, Answer | PluginFailed]]:
    """Each plugin that has ``hook``, and what it gives, or what is wrong with that.

    Arguments:
        arguments: makes what the hook is given, once a plugin.
        read: makes of what it gives, which may be an object of any class, something plain; raises :class:`_Unfit`.
    """
    for name, plugin in loaded_plugins().later:
        manager = new_manager()
        given = arguments()
        try:
            with guarded(name, f"in its hook {hook}", in_use=True):
                manager.register(plugin, name)
                # pluggy leaves None out: a plugin without this hook, or one with nothing to say.
                read_answers = [read(result) for result in getattr(manager.hook, hook)(**given)]
        except _Unfit as unfit:
            yield name, _failed(name, hook, str(unfit))
        except Exception as error:
            failed = _failed(name, hook, f"failed: {reason(error)}")
            failed.__cause__ = error
            yield name, failed
        else:
            yield from ((name, answer) for answer in read_answers)


class _Unfit(Exception):
    """A hook gave something else than it should; the text says so."""


def _callbacks(given: object) -> list[Callback]:
    from zoo_core.interfaces.callback import Callback

    if isinstance(given, str) or not isinstance(given, Sequence):
        wrong = f"an object of type {shown(type(given).__name__)}"
    else:
        callbacks = list(given)
        others = (one for one in callbacks if not isinstance(one, Callback))
        wrong = next((f"one with an object of type {shown(type(one).__name__)}" for one in others), "")
        if not wrong:
            return callbacks
    raise _Unfit(f"should give a list of zoo_core.training.Callback, gave {wrong}")


def _sections(given: object) -> Mapping[str, str]:
    if isinstance(given, Mapping):
        sections = dict(given)
        if all(isinstance(one, str) for pair in sections.items() for one in pair):
            return sections
    raise _Unfit("should give a table of titles and texts")


def _failed(plugin: str, hook: str, what: str) -> PluginFailed:
    return PluginFailed(
        f'plugin "{plugin}": {hook} {what}',
        hint=f"to do without this plugin: ZOO_BLOCK_PLUGINS={plugin}",
        plugin=plugin,
    )
