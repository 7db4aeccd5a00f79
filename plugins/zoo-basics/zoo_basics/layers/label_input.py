"""LabelInput: the label that stands beside what enters a net."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_core.errors import SeamError, SettingError
from zoo_core.interfaces import Labels


class LabelInput:
    """The one-hot label y beside a net's input where the net is conditional. It has no weights, and is no module: a call costs nothing.

    Arguments:
        labels: what the data say of each image.
        conditional: whether y is taken.
        part: what takes it, for messages: ``encoder`` or ``decoder``.

    Raises:
        SettingError: ``conditional`` and the data have no classes.
    """

    def __init__(self, labels: Labels, conditional: bool, part: str) -> None:
        if conditional and (labels.type != "classes" or labels.count == 0):
            raise SettingError(
                f"a conditional {part} needs data with classes, these have labels of type {labels.type}",
                hint=f"choose data with classes, or {part}.conditional=false",
                labels=labels,
            )
        self.part = part
        self.classes = labels.count if conditional else 0

    @property
    def capabilities(self) -> frozenset[str]:
        """``labels`` where y is taken."""
        return frozenset({"labels"}) if self.classes else frozenset()

    def one_hot(self, y: Tensor | None, like: Tensor) -> Tensor | None:
        """y, int64 (N,) or one-hot (N, K), as (N, K) of ``like``'s type, or None where no label is taken. A label of −1 (not known)
        becomes zeros.

        Raises:
            SeamError: a label where none is taken, or none where one is.
        """
        if (y is not None) != bool(self.classes):
            if self.classes:
                hint = f"give y (N,), 0 to {self.classes - 1}"
                raise SeamError(f"a conditional {self.part} was given no labels y", hint=hint)
            raise SeamError(
                f"labels y were given to {'an' if self.part[0] in 'aeiou' else 'a'} {self.part} that takes none",
                hint=f"set {self.part}.conditional=true",
            )
        if y is not None and y.ndim == 1:
            y = one_hot(y.clamp(min=0), self.classes) * (y >= 0).unsqueeze(1)
        return None if y is None else y.to(like.dtype)

    def __call__(self, inputs: Tensor, y: Tensor | None = None) -> Tensor:
        """Inputs (N, D) or (N, C, H, W) with y behind them: K numbers more, or K planes more, each of one number.

        Raises:
            SeamError: as :meth:`one_hot`.
        """
        known = self.one_hot(y, inputs)
        if known is None:
            return inputs
        if inputs.ndim == 4:
            known = known[:, :, None, None].expand(-1, -1, *inputs.shape[2:])
        return torch.cat([inputs, known], dim=1)
