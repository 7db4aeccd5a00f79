"""FeatureExtractor: images, images with their codes, or windows of tokens to named activations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, final

from torch import Tensor

from zoo_core.distributions.posteriors import promote
from zoo_core.interfaces.component import Part


class FeatureExtractor(Part):
    """Maps images (N, C, H, W) in [0, 1] to activations of named layers, maps as NCHW and vectors as (N, D).

    It owns its normalisation and resizing: whoever uses it gives x in [0, 1]. Modules after the last asked layer are
    dropped. A subclass sets ``layers`` and ``shapes`` in ``__init__`` and writes ``forward``. A classifier's head is
    the layer ``logits``, a discriminator's the layer ``score``: one raw number (N, 1), large for what it takes for real.

    A joint discriminator looks at an image and its code: it sets ``inputs = ("x", "z")`` and ``latent_dim``.

    One for tokens (``tags.modalities``) gets ids int64 (N, T) as x; activations at each of them are (N, T, D).
    """

    inputs: ClassVar[tuple[str, ...]] = ("x",)
    """What ``forward`` takes, in order: ``x`` images (N, C, H, W) or token ids (N, T), ``z`` codes (N, latent_dim)."""

    latent_dim: int
    """Width of the codes, where it takes some."""

    layers: tuple[str, ...]
    """The asked layers, in the order in which ``forward`` returns them."""

    shapes: Mapping[str, tuple[int, ...]]
    """Layer to the shape of its activation for one example: (C, H, W), (D,) or, one for each token, (T, D)."""

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """The activations of ``layers`` for ``inputs``, a positional argument each.

        With the capability ``labels`` it takes one more, y int64 (N,), −1 = unlabelled.
        """

    @property
    def capabilities(self) -> frozenset[str]:
        """``logits`` and ``score`` where these layers were asked for."""
        return frozenset({"logits", "score"} & set(self.layers))

    @final
    def features(self, *inputs: Tensor, y: Tensor | None = None) -> dict[str, Tensor]:
        """Layer to activation, in full precision, for ``inputs`` (x (N, C, H, W) in [0, 1] for most) and, with the capability ``labels``,
        y (N,).

        Raises:
            TypeError: it takes more inputs than these, or fewer.
        """
        if len(inputs) != len(self.inputs):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.inputs)}, and not {len(inputs)} inputs")
        activations = self(*inputs) if y is None else self(*inputs, y)
        return {layer: promote(activation) for layer, activation in zip(self.layers, activations, strict=True)}
