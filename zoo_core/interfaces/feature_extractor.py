"""FeatureExtractor: images, images with their codes, or windows of tokens to named activations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, final

from torch import Tensor, nn

from zoo_core.distributions.posterior import to_float32
from zoo_core.errors import SettingError, shown
from zoo_core.interfaces.batch import Labels
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

    attributes: tuple[str, ...] = ()
    """Which of the model's attributes its ``logits`` stand for, in this order; empty where they stand for all of its labels."""

    labels: Labels = Labels()
    """What ``logits`` stand for, in their order, where the net knows it: those of its published weights, or those it is trained with."""

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        """The activations of ``layers`` for ``inputs``, a positional argument each.

        With the capability ``labels`` it takes one more, y int64 (N,), −1 = unlabelled.
        """

    @property
    def capabilities(self) -> frozenset[str]:
        """``logits`` and ``score`` where these layers were asked for."""
        return frozenset({"logits", "score"} & set(self.layers))

    def module_path(self, layer: str) -> str:
        """Where in this extractor the module is whose output is ``layer``; by default it has the layer's name."""
        return layer

    @final
    def layer_module(self, layer: str) -> nn.Module:
        """The module whose output is the activation of ``layer``, as the net itself has it (tokens are not yet a map).

        The forward calls it: a forward hook there sees the activation, and what the hook returns goes on through the net. It need not be
        one of the asked ``layers``, but has to lie before the last of them.

        Raises:
            SettingError: no module of this net gives it.
        """
        try:
            return self.get_submodule(self.module_path(layer))
        except AttributeError:
            raise SettingError(
                f"{type(self).__name__} has no module whose output is the layer {shown(layer)!r}",
                hint="name a module of the net that lies before its last asked layer",
            ) from None

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
        return {layer: to_float32(activation) for layer, activation in zip(self.layers, activations, strict=True)}
