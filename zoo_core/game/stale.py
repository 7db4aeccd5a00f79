"""Stale graphs: autograd refuses to differentiate what weights have stepped under; this finds out which weights they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from zoo_core.errors import SettingError, shown

_MODIFIED = "modified by an inplace operation"
"""In autograd's message when a tensor that a graph has saved was changed since. There is no exception class for it."""


def is_stale(error: RuntimeError) -> bool:
    """True if autograd refused to differentiate because a tensor that the graph has saved was changed since."""
    return _MODIFIED in str(error)


def changed_weights(total: Tensor) -> set[Tensor]:
    """The weights that the graph of ``total`` has saved and that were changed since."""
    return {weight for node in _nodes(total.grad_fn) if _has_changed(node) for weight in _weights_of(node)}


def _nodes(last: Any) -> Iterator[Any]:
    waiting, seen = [last], {last}
    while waiting:
        node = waiting.pop()
        yield node
        new = {before for before, _ in node.next_functions if before is not None} - seen
        seen |= new
        waiting += new


def _saved(node: Any) -> Iterator[Tensor | RuntimeError]:
    """The tensors that ``node`` has saved; where autograd does not hand one out (it was changed, or freed), its error."""
    for name in dir(node):
        if name.startswith("_saved_") or name == "saved_tensors":
            try:
                value = getattr(node, name)
            except RuntimeError as error:
                yield error
            else:
                yield from (one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Tensor))


def _has_changed(node: Any) -> bool:
    return any(isinstance(saved, RuntimeError) and is_stale(saved) for saved in _saved(node))


def _weights_of(node: Any) -> Iterator[Tensor]:
    """The weights that enter ``node``, as they are or as views (a linear layer's is transposed)."""
    for before, _ in node.next_functions:
        if hasattr(before, "variable"):
            yield before.variable
        elif before is not None and len(before.next_functions) == 1 and next(_saved(before), None) is None:
            yield from _weights_of(before)


def refusal(loss: str, parts: Iterable[str], players: Iterable[str]) -> SettingError:
    """What is said where ``loss`` would be differentiated through weights of ``parts`` that ``players`` have changed since."""
    parts, players = list(dict.fromkeys(parts)), list(dict.fromkeys(players))
    who, what = " or ".join(f'"{shown(name)}"' for name in players), shown(", ".join(parts))
    return SettingError(
        f'the loss "{shown(loss)}" goes back through weights of {what} that player {who} has changed since they were used',
        hint=f'let player {who} step in the turn of "{shown(loss)}" or later (training.turns), or let the objective ask for current '
        "values: step.value, and neither step.as_of_loss, step.as_of_turn nor tensors that it keeps itself",
        loss=loss,
        parts=parts,
        players=players,
    )
