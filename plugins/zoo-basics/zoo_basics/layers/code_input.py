"""CodeInput: what enters a decoder."""

from __future__ import annotations

from zoo_basics.layers.label_input import LabelInput
from zoo_core.interfaces import Labels


class CodeInput(LabelInput):
    """The code z (N, latent_dim), with the one-hot class or the attributes y beside it where the decoder is conditional: (N, width).

    Arguments:
        latent_dim: width of z.
        labels: what the data say of each image.
        conditional: whether y stands beside z.

    Raises:
        SettingError: ``conditional`` and the data have neither classes nor attributes.
    """

    def __init__(self, latent_dim: int, labels: Labels, conditional: bool) -> None:
        super().__init__(labels, conditional, "decoder")
        self.width = latent_dim + self.classes
