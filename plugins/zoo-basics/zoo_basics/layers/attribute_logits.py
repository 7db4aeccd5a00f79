"""AttributeLogits: what a decoder says of attributes beside the picture."""

from __future__ import annotations

from torch import Tensor, nn

from zoo_core.errors import SettingError
from zoo_core.interfaces import Labels


class AttributeLogits(nn.Module):
    """A logit for each of the data's attributes, linear in features that the picture is made of, where they are ``wanted``; else no
    weights at all. Called by its ``forward``: where there is nothing to do it costs nothing.

    Arguments:
        features: numbers of an example's features.
        labels: what the data say of each image.
        wanted: whether the decoder gives attributes.
        conditional: whether it is given the labels.

    Raises:
        SettingError: they are wanted, and the data have none, or the decoder is given them.
    """

    def __init__(self, features: int, labels: Labels, wanted: bool, conditional: bool) -> None:
        super().__init__()
        if wanted and (labels.type != "attributes" or not labels.count):
            raise SettingError(
                f"a decoder of pixels and attributes needs data with attributes, these have labels of type {labels.type}",
                hint="choose data with attributes, or decoder.attributes=false",
                labels=labels,
            )
        if wanted and conditional:
            raise SettingError(
                "a conditional decoder is given the attributes that decoder.attributes=true has it tell",
                hint="choose one of decoder.conditional and decoder.attributes",
            )
        self.linear = nn.Linear(features, labels.count) if wanted else None

    @property
    def capabilities(self) -> frozenset[str]:
        """``likelihood.attributes`` where it has logits."""
        return frozenset() if self.linear is None else frozenset({"likelihood.attributes"})

    def forward(self, picture: Tensor, features: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """``picture`` as it is, or with the logits (N, K) of ``features`` (N, …)."""
        return picture if self.linear is None else (picture, self.linear(features.flatten(1)))
