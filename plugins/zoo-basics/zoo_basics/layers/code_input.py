"""CodeInput: what enters a decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from zoo_core.errors import SeamError, SettingError
from zoo_core.interfaces import Labels


class CodeInput(nn.Module):
    """The code z, with the one-hot label y beside it where the decoder is conditional. It has no weights.

    Arguments:
        latent_dim: width of z.
        labels: what the data say of each image.
        conditional: whether y stands beside z.

    Raises:
        SettingError: ``conditional`` and the data have no classes.
    """

    def __init__(self, latent_dim: int, labels: Labels, conditional: bool) -> None:
        super().__init__()
        if conditional and (labels.type != "classes" or labels.count == 0):
            raise SettingError(
                f"a conditional decoder needs data with classes, these have labels of type {labels.type}",
                hint="choose data with classes, or decoder.conditional=false",
                labels=labels,
            )
        self.classes = labels.count if conditional else 0
        self.width = latent_dim + self.classes

    @property
    def capabilities(self) -> frozenset[str]:
        """``labels`` where y is taken."""
        return frozenset({"labels"}) if self.classes else frozenset()

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """(N, latent_dim) and y, int64 (N,) or one-hot (N, K), to (N, width). A label of −1 (not known) becomes zeros.

        Raises:
            SeamError: a label where none is taken, or none where one is.
        """
        if (y is not None) != bool(self.classes):
            if self.classes:
                last = self.classes - 1
                raise SeamError("a conditional decoder was given no labels y", hint=f"give y (N,), 0 to {last}")
            raise SeamError("labels y were given to a decoder that takes none", hint="set decoder.conditional=true")
        if y is None:
            return z
        if y.ndim == 1:
            y = one_hot(y.clamp(min=0), self.classes) * (y >= 0).unsqueeze(1)
        return torch.cat([z, y.to(z.dtype)], dim=1)
