"""LabelInput: the label or the attributes that stand beside what enters a net."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.interfaces import Labels


class LabelInput(nn.Module):
    """The one-hot class y, or the attributes, beside a net's input where the net is conditional. It has no weights. Called
    by its ``forward``: where there is nothing to do it costs nothing.

    Arguments:
        labels: what the data say of each image.
        conditional: whether y is taken.
        part: what takes it, for messages: ``encoder`` or ``decoder``.

    Raises:
        SettingError: ``conditional`` and the data have neither classes nor attributes.
    """

    def __init__(self, labels: Labels, conditional: bool, part: str) -> None:
        super().__init__()
        if conditional and labels.count == 0:
            raise SettingError(
                f"a conditional {part} needs data with classes or attributes, these have labels of type {labels.type}",
                hint=f"choose data with classes or attributes, or {part}.conditional=false",
                labels=labels,
            )
        self.part = part
        self.classes = labels.count if conditional else 0
        self.attributes = labels.type == "attributes"

    @property
    def capabilities(self) -> frozenset[str]:
        """``labels`` where y is taken."""
        return frozenset({"labels"}) if self.classes else frozenset()

    def beside(self, y: Tensor | None, like: Tensor) -> Tensor | None:
        """y as (N, K) of ``like``'s type, or None where no label is taken. Classes are int64 (N,) or one-hot (N, K), and one that is −1
        (not known) becomes zeros. Attributes are (N, K) of 0 and 1, and one that is −1 stands halfway.

        Raises:
            IncompatibleError: a label where none is taken, none where one is, or classes where attributes are.
        """
        if (y is not None) != bool(self.classes):
            if self.classes:
                raise IncompatibleError(f"a conditional {self.part} was given no labels y", hint=self._asked)
            raise IncompatibleError(
                f"labels y were given to {'an' if self.part[0] in 'aeiou' else 'a'} {self.part} that takes none",
                hint=f"set {self.part}.conditional=true",
            )
        if y is None:
            return None
        if self.attributes:
            if y.ndim != 2:
                raise IncompatibleError(
                    f"a conditional {self.part} takes attributes, got labels of shape {tuple(y.shape)}",
                    hint=self._asked,
                )
            known = y.to(like.dtype)
            return torch.where(known < 0, 0.5, known)
        if y.ndim == 1:
            y = one_hot(y.clamp(min=0), self.classes) * (y >= 0).unsqueeze(1)
        return y.to(like.dtype)

    @property
    def _asked(self) -> str:
        if self.attributes:
            return f"give y (N, {self.classes}): 0 or 1 for each attribute, -1 where not known"
        return f"give y (N,), 0 to {self.classes - 1}"

    def forward(self, inputs: Tensor, y: Tensor | None = None) -> Tensor:
        """Inputs (N, D) or (N, C, H, W) with y behind them: K numbers more, or K planes more, each of one number.

        Raises:
            IncompatibleError: as :meth:`beside`.
        """
        known = self.beside(y, inputs)
        if known is None:
            return inputs
        if inputs.ndim == 4:
            known = known[:, :, None, None].expand(-1, -1, *inputs.shape[2:])
        return torch.cat([inputs, known], dim=1)
