"""CodeInput: what enters a decoder."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_basics.layers.label_input import LabelInput
from zoo_core.distributions import LikelihoodName
from zoo_core.errors import SettingError
from zoo_core.interfaces import Labels, PartNoise


class CodeInput(LabelInput):
    """The code z (N, latent_dim), with the one-hot class or the attributes y beside it where the decoder is conditional, and standard
    normal noise where it is implicit: (N, width).

    Arguments:
        latent_dim: width of z.
        labels: what the data say of each image.
        conditional: whether y stands beside z.
        likelihood: form of p(x given z).
        noise_dim: numbers of noise beside z where it is ``implicit``; None is as many as z has.

    Raises:
        SettingError: ``conditional`` and the data have neither classes nor attributes; ``noise_dim`` for a decoder with a density.
    """

    def __init__(
        self,
        latent_dim: int,
        labels: Labels,
        conditional: bool,
        likelihood: LikelihoodName = "gaussian",
        noise_dim: int | None = None,
    ) -> None:
        super().__init__(labels, conditional, "decoder")
        if noise_dim is not None and likelihood != "implicit":
            raise SettingError(
                f"decoder.noise_dim: noise stands beside z in an implicit decoder, this one is {likelihood} and has a density without it",
                hint="set decoder.likelihood=implicit, or leave noise_dim out",
            )
        self.noise_dim = (noise_dim or latent_dim) if likelihood == "implicit" else 0
        self.width = latent_dim + self.classes + self.noise_dim
        if self.noise_dim:
            self.noise = PartNoise()

    def forward(self, inputs: Tensor, y: Tensor | None = None) -> Tensor:
        joined = super().forward(inputs, y)
        if not self.noise_dim:
            return joined
        return torch.cat([joined, self.noise.normal(joined.new_empty(len(joined), self.noise_dim))], dim=1)
