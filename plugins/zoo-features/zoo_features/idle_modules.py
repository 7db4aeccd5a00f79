"""Modules that a forward does not reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn


def drop_idle(net: nn.Module, skeleton: nn.Module, run: Callable[[], object]) -> tuple[str, ...]:
    """Put ``nn.Identity`` in the place of modules of ``net`` that a forward does not call.

    Arguments:
        skeleton: a copy of ``net`` to find out with; it is spoilt.
        run: a forward of ``skeleton``.

    Returns:
        The names of the weights that went.
    """
    called: set[int] = set()
    for module in skeleton.modules():
        module.register_forward_hook(lambda module, _args, _out: called.add(id(module)))
    run()
    every, sure = _idle(skeleton, called, "", inside=True), _idle(skeleton, called, "", inside=False)
    _drop(skeleton, every)
    try:
        run()
    except Exception:  # a module uses its child's weights without calling it, as nn.MultiheadAttention does
        return _drop(net, sure)
    return _drop(net, every)


def _idle(parent: nn.Module, called: set[int], path: str, *, inside: bool) -> list[str]:
    """The outermost modules with weights that are not called; ``inside`` says whether those in a called module count."""
    names: list[str] = []
    for name, child in parent.named_children():
        # A list stays a list: forwards go through it, and take only some of its modules.
        container = isinstance(child, nn.Sequential | nn.ModuleList | nn.ModuleDict)
        if container or any(id(module) in called for module in child.modules()):
            names += _idle(child, called, f"{path}{name}.", inside=inside)
        elif child.state_dict() and (inside or id(parent) not in called):
            names.append(path + name)
    return names


def _drop(net: nn.Module, names: Sequence[str]) -> tuple[str, ...]:
    before = list(net.state_dict())
    for name in names:
        parent, _, child = name.rpartition(".")
        net.get_submodule(parent)._modules[child] = nn.Identity()
    kept = set(net.state_dict())
    return tuple(name for name in before if name not in kept)
