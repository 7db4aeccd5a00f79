"""Player: an optimizer, and the gradients that wait for its step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version

from zoo_core.errors import SettingError
from zoo_core.game.rules import PlayerRules

AllReduce = Callable[[Tensor], Tensor]
Kind = tuple[tuple[int, ...], torch.dtype]
"""A tensor's shape and dtype."""


class Averages:
    """Moving averages of weights: one for each weight, however many players average it."""

    def __init__(self) -> None:
        self._averages: dict[Tensor, Tensor] = {}

    def of(self, weights: Sequence[Tensor]) -> list[Tensor]:
        """The averages of ``weights``, in their order; a new one starts at its weight."""
        for weight in weights:
            if weight not in self._averages:
                self._averages[weight] = weight.detach().clone()
        return [self._averages[weight] for weight in weights]

    def swap(self) -> None:
        """Exchange every averaged weight with its average; a second call puts them back."""
        for weight, average in self._averages.items():
            weight.data, average.data = average.data, weight.data

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """Inside, the model has its averaged weights; after it the trained ones, also when the block fails."""
        self.swap()
        try:
            yield
        finally:
            self.swap()


class Player:
    """Moves the weights of some parts.

    Gradients are added by the game and live until :meth:`step`; they never stand in ``.grad`` outside of it.

    Arguments:
        name: for messages and checkpoints.
        rules: what it trains and how.
        modules: every part and objective by name.
        averages: the moving averages of all players' weights.

    Raises:
        SettingError: nothing that it trains has weights.
    """

    def __init__(self, name: str, rules: PlayerRules, modules: Mapping[str, nn.Module], averages: Averages) -> None:
        self.name = name
        self.rules = rules
        self.parameters: list[Tensor] = list(
            dict.fromkeys(
                parameter
                for part in rules.trains
                for parameter in modules[part].parameters()
                if parameter.requires_grad
            )
        )
        if not self.parameters:
            raise SettingError(
                f"player {name!r} trains {', '.join(rules.trains) or 'nothing'}, which has no trainable weights",
                hint="drop the player, or name a part with weights in its trains",
            )
        self.gradients: list[Tensor | None] = [None] * len(self.parameters)
        self._empty = True
        self._layouts = [p.stride() for p in self.parameters]
        self.optimizer = _optimizer(rules, self.parameters)
        self.average = averages.of(self.parameters) if rules.ema is not None else None

    def add(self, gradients: Sequence[Tensor | None]) -> None:
        """Add gradients, one for each of ``parameters``; None adds nothing.

        Never in place: what autograd returns may be shared between players or expanded.
        """
        if self._empty:
            self.gradients, self._empty = list(gradients), False
            return
        self.gradients = [
            new if old is None else old if new is None else old + new
            for old, new in zip(self.gradients, gradients, strict=True)
        ]

    def step(self, lr_factor: float = 1.0, all_reduce: AllReduce | None = None) -> None:
        """Use up the gradients: reduce over processes, clip, step, constrain, average.

        Arguments:
            lr_factor: the schedule's factor.
            all_reduce: mean over processes of a flat buffer; None with one process.
        """
        if all_reduce is not None:
            self._reduce(all_reduce)
        if self.rules.clip is not None:
            self._clip(self.rules.clip)
        if not self.rules.schedule.constant:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rules.lr * lr_factor
        stepping: list[Tensor] = []
        for parameter, layout, gradient in zip(self.parameters, self._layouts, self.gradients, strict=True):
            if gradient is not None:
                stepping.append(parameter)
                if gradient.stride() != layout:
                    # The optimizers' fused loops want the weight's layout.
                    gradient = torch.empty_like(parameter).copy_(gradient)
            parameter.grad = gradient
        self.optimizer.step()
        # The fused loops do not tell autograd, which would differentiate graphs that have saved the weights at the new ones.
        increment_version(stepping)
        for parameter in self.parameters:
            parameter.grad = None
        self.gradients, self._empty = [None] * len(self.parameters), True
        if self.rules.constraint is not None or self.average is not None:
            self._constrain_and_average()

    @torch.no_grad()
    def _constrain_and_average(self) -> None:
        if self.rules.constraint is not None:
            for parameter in self.parameters:
                parameter.clamp_(-self.rules.constraint, self.rules.constraint)
        if self.average is not None and self.rules.ema is not None:
            torch._foreach_lerp_(self.average, self.parameters, 1.0 - self.rules.ema)

    def _reduce(self, all_reduce: AllReduce) -> None:
        # One flat buffer: one message a player. Every process has gradients for the same parameters, as all run the
        # same code.
        present = [g for g in self.gradients if g is not None]
        if not present:
            return
        flat = all_reduce(torch.cat([g.reshape(-1) for g in present]))
        pieces = iter(flat.split([g.numel() for g in present]))
        self.gradients = [None if g is None else next(pieces).view(g.shape) for g in self.gradients]

    def _clip(self, largest: float) -> None:
        present = [g for g in self.gradients if g is not None]
        if not present:
            return
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(present)))
        scale = torch.clamp(largest / (norm + 1e-6), max=1.0)
        scaled = iter(torch._foreach_mul(present, scale))
        self.gradients = [None if g is None else next(scaled) for g in self.gradients]

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything a resumed run needs beside the weights: tensors by name (not copies), and JSON."""
        tensors: dict[str, Tensor] = {}
        scalars: dict[str, dict[str, Any]] = {}
        for index, own in self.optimizer.state_dict()["state"].items():
            for key, value in own.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer.{index}.{key}"] = value
                elif value is not None:
                    scalars.setdefault(str(index), {})[key] = value
        tensors |= {f"gradient.{i}": g for i, g in enumerate(self.gradients) if g is not None}
        tensors |= {f"average.{i}": a for i, a in enumerate(self.average or [])}
        return tensors, {"optimizer": scalars}

    def misfits(self, tensors: Mapping[str, Tensor], scalars: Mapping[str, Any]) -> list[str]:
        """What keeps ``tensors`` and ``scalars`` from being a state of this player, in words; empty where nothing does.

        The optimizers' fused loops go over memory by the weights' sizes: a state of other shapes would be read out of bounds.
        """
        kinds, moments = self._kinds()
        wrong = [f"unexpected {name}" for name in tensors if name not in kinds]
        for name, tensor in tensors.items():
            if name in kinds and (tuple(tensor.shape), tensor.dtype) != kinds[name]:
                shape, dtype = kinds[name]
                wrong.append(f"{name} is {tensor.dtype} {tuple(tensor.shape)}, expected {dtype} {shape}")
        for group in moments:
            missing = [name for name in group if name not in tensors]
            if len(missing) < len(group):  # a weight that never had a gradient has no state
                wrong += [f"missing {name}" for name in missing]
        if self.average is not None:
            wrong += [f"missing average.{i}" for i in range(len(self.average)) if f"average.{i}" not in tensors]
        if dict(scalars) != {"optimizer": {}}:
            wrong.append("unexpected numbers beside the optimizer's tensors")
        return wrong

    def _kinds(self) -> tuple[dict[str, Kind], list[list[str]]]:
        """The kind of every tensor that a state may hold, and the names that belong together, weight by weight."""
        moments = {(p.dtype, p.device): _moments(self.rules, p.dtype, p.device) for p in self.parameters}
        kinds: dict[str, Kind] = {}
        groups: list[list[str]] = []
        for i, parameter in enumerate(self.parameters):
            own: Kind = (tuple(parameter.shape), parameter.dtype)
            state = {
                f"optimizer.{i}.{key}": own if kind is None else kind
                for key, kind in moments[parameter.dtype, parameter.device].items()
            }
            groups.append(list(state))
            kinds |= state
            kinds[f"gradient.{i}"] = own
            if self.average is not None:
                kinds[f"average.{i}"] = own
        return kinds, groups

    def restore(self, tensors: Mapping[str, Tensor], scalars: Mapping[str, Any]) -> None:
        """Take over a copy of what :meth:`state` gave.

        Raises:
            ValueError: it is no state of this player; nothing was taken over.
        """
        wrong = self.misfits(tensors, scalars)
        if wrong:
            raise ValueError(f"player {self.name}: {'; '.join(wrong[:8])}")
        state: dict[int, dict[str, Any]] = {}
        self.gradients, self._empty = [None] * len(self.parameters), True
        for name, tensor in tensors.items():
            what, _, rest = name.partition(".")
            if what == "optimizer":
                index, _, key = rest.partition(".")
                state.setdefault(int(index), {})[key] = tensor.clone()
            elif what == "gradient":
                self.gradients[int(rest)] = tensor.to(self.parameters[int(rest)], copy=True)
                self._empty = False
            elif self.average is not None:
                self.average[int(rest)].copy_(tensor)
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})


def _moments(rules: PlayerRules, dtype: torch.dtype, device: torch.device) -> dict[str, Kind | None]:
    """The tensors that the optimizer keeps of a weight, by name: None for one like the weight itself, else its kind."""
    shape = (2, 3)  # of no number of the optimizer's own
    weight = torch.zeros(shape, dtype=dtype, device=device)
    weight.grad = torch.zeros_like(weight)
    optimizer = _optimizer(rules, [weight])
    optimizer.step()
    kept = {key: value for key, value in optimizer.state[weight].items() if isinstance(value, Tensor)}
    return {
        key: None if value.shape == shape and value.dtype == dtype else (tuple(value.shape), value.dtype)
        for key, value in kept.items()
    }


def _optimizer(rules: PlayerRules, parameters: list[Tensor]) -> torch.optim.Optimizer:
    # torch's fused loops, on every device that has them: one pass over memory a step.
    common: dict[str, Any] = {"lr": rules.lr, "weight_decay": rules.weight_decay}
    match rules.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, betas=rules.betas, eps=rules.eps, fused=True, **common)
        case "adamw":
            return torch.optim.AdamW(parameters, betas=rules.betas, eps=rules.eps, fused=True, **common)
        case "sgd":
            return torch.optim.SGD(parameters, momentum=rules.momentum, nesterov=rules.nesterov, fused=True, **common)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, alpha=rules.alpha, eps=rules.eps, momentum=rules.momentum, **common)
