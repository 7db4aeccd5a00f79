"""Checks of gradients: they reach every weight and the input, and only registered weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject, each, outputs

SEEDS = (0, 1, 2)


def check_every_parameter_learns(subject: Subject) -> None:
    """Every parameter that requires a gradient gets one that is not zero, in one of three seeds."""
    left: set[str] | None = None
    for seed in SEEDS:
        part = subject.part(seed=seed).train()
        if seed:
            shaken(part)
        given = outputs(part, subject.inputs(part, 7, start=10 * seed))
        named = {name: p for name, p in part.named_parameters() if p.requires_grad and not _of_the_family(name)}
        dead = set(_without_gradient(_scalar(given), named))
        left = dead if left is None else left & dead
        if not left:
            return
    if left:
        raise CheckFailed(
            "a gradient other than zero for every parameter",
            found=f"none for {', '.join(sorted(left)[:4])}",
            do="use the parameter in forward without detach, remove it, or set requires_grad_(False)",
        )


def shaken(part: nn.Module) -> None:
    """Weights a little off where they start: branches that start at zero on purpose learn from the first step on."""
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))


def _of_the_family(name: str) -> bool:
    """A learned σ of a likelihood: forward does not use it, the likelihood does."""
    return name.startswith("family.")


def _scalar(given: Iterable[Tensor]) -> Tensor:
    """A sum in which every output has a weight of its own, so that symmetric ones do not cancel."""
    total = torch.zeros(())
    for t in given:
        weights = torch.linspace(0.5, 1.5, t.numel(), dtype=t.dtype).view(t.shape).cos()
        total = total + (t * weights).sum() + t.square().mean()
    return total


def _without_gradient(total: Tensor, named: dict[str, nn.Parameter]) -> list[str]:
    if not named:
        return []
    if not total.requires_grad:
        return list(named)
    gradients = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    return [name for name, g in zip(named, gradients) if g is None or not torch.any(g != 0)]


def check_gradient_reaches_the_input(subject: Subject) -> None:
    """The output's gradient reaches the input (pictures or codes) and is finite: other parts train through this one. Ids of tokens have
    none."""
    part = subject.part().train()
    inputs = each(subject.inputs(part, 5), lambda t: t.requires_grad_() if t.is_floating_point() else t)
    reached = next((t for t in inputs if t is not None and t.is_floating_point()), None)
    if reached is None:
        return
    total = _scalar(outputs(part, inputs))
    given = torch.autograd.grad(total, reached, allow_unused=True)[0] if total.requires_grad else None
    if given is None or not torch.any(given != 0):
        raise CheckFailed(
            "a gradient at the input", found="none", do="no detach, no torch.no_grad and no rounding on the way through"
        )
    if not torch.isfinite(given).all():
        raise CheckFailed("a finite gradient at the input", found="NaN or infinity")


def check_only_registered_weights_learn(subject: Subject) -> None:
    """Every weight that the output depends on is a registered parameter, which optimizers, saving and devices see."""
    part = subject.part().train()
    known = {id(p) for p in part.parameters()}
    stray = [leaf for leaf in graph_leaves(outputs(part, subject.inputs(part, 4))) if id(leaf) not in known]
    if stray:
        raise _unregistered(stray[0])
    refuse_unregistered_modules(part)


def refuse_unregistered_modules(module: nn.Module) -> None:
    """Refuse networks and parameters in plain lists, tuples and dictionaries of ``module``, unless they are registered as well (as the
    weights are that torch's recurrent layers keep in a list).

    Raises:
        CheckFailed: names the attribute.
    """
    registered = {id(one) for one in (*module.modules(), *module.parameters())}
    for path, inner in module.named_modules():
        for name, value in vars(inner).items():
            if name.startswith("_") and name in ("_modules", "_parameters", "_buffers"):
                continue
            for held in (one for one in _within(value, 3) if id(one) not in registered):
                if isinstance(held, nn.Parameter) or (
                    isinstance(held, nn.Module) and any(True for _ in held.parameters())
                ):
                    where = ".".join(filter(None, [path, name]))
                    raise CheckFailed(
                        "networks and parameters to be registered",
                        found=f"a {type(held).__name__} in the plain attribute {where}",
                        do="hold it in an nn.ModuleList, nn.ModuleDict or nn.ParameterList, or as an attribute of its own",
                    )


def graph_leaves(given: Iterable[Tensor]) -> list[Tensor]:
    """The leaves with gradients that tensors depend on."""
    leaves: list[Tensor] = []
    todo: list[Any] = [t.grad_fn for t in given if t.grad_fn is not None]
    seen: set[Any] = set()
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if isinstance(variable, Tensor):
            leaves.append(variable)
        todo += [following for following, _ in node.next_functions if following is not None]
    return leaves


def _unregistered(leaf: Tensor) -> CheckFailed:
    return CheckFailed(
        "outputs that depend on registered parameters only",
        found=f"a weight of shape {tuple(leaf.shape)} that is none",
        do="hold networks in nn.ModuleList or nn.ModuleDict, and weights in nn.Parameter attributes",
    )


def _within(value: Any, depth: int) -> Iterator[Any]:
    if isinstance(value, nn.Module | Tensor):
        yield value
    elif depth and isinstance(value, list | tuple | set):
        for inner in value:
            yield from _within(inner, depth - 1)
    elif depth and isinstance(value, dict):
        for inner in value.values():
            yield from _within(inner, depth - 1)
