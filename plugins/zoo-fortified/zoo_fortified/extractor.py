"""FortifiedExtractor: any classifier with denoising autoencoders at named layers."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le, MinLen
from torch import Tensor, nn

from zoo_core.errors import SettingError, shown
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels, Nested, Tags
from zoo_fortified.denoiser import Activation, DenoisingAutoencoder, Scale
from zoo_fortified.insertion import DenoisingHook, Insertion, Watched

INPUT = "input"
"""The layer that is the image itself."""
DENOISED = ".denoised"
"""What a fortified layer's name ends in where its denoised activation is meant."""


class FortifiedExtractor(FeatureExtractor):
    """A classifier whose layers ``fortified`` go through denoising autoencoders, h ↦ D(E(h + n)) (Lamb 2018, equation 2.5), before the rest
    of it sees them. The noise n stays on at test time.

    Layers: for each fortified one ``NAME``, as the net gives it, and ``NAME.denoised``; then ``logits``.

    Arguments:
        net: the classifier, by name or as a table with ``name`` and parameters; it trains with the rest.
        fortified: names of its layers; ``input`` is the image itself, for comparison (Figure 2.4).
        width: of the autoencoders' codes; 0 is half of each layer's channels or units.
        activation: of the codes.
        noise: standard deviation of n.
        scale: ``absolute``: that is it (the thesis); ``relative``: times the root mean square of each example's activation, so
            that the net cannot escape the noise by larger activations.
        classes: how many logits, for a net that takes it.

    Raises:
        SettingError: the net has no such layer, or one is named twice.
    """

    tags: ClassVar[Tags] = Tags(stochastic=True, batch_statistics=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        mlp = {"name": "zoo-fortified:mlp-classifier", "hidden": [12, 8]}
        cnn = {"name": "zoo-features:small-cnn", "width": 4, "hidden": 16}
        return [
            {"net": mlp, "fortified": ["hidden1", "hidden2"], "width": 5},
            {"net": cnn, "fortified": ["conv2", "conv3"], "width": 0, "activation": "tanh", "scale": "relative"},
            {"net": mlp, "fortified": ["input"], "width": 5},
        ]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        net: Nested[FeatureExtractor] = Nested("zoo-fortified:conv-classifier"),
        fortified: Annotated[tuple[str, ...], MinLen(1)] = ("flat",),
        width: Annotated[int, Ge(0), Le(65_536)] = 256,
        activation: Activation = "leaky-relu",
        noise: Annotated[float, Ge(0), Le(1000)] = 0.1,
        scale: Scale = "absolute",
        classes: Annotated[int, Ge(1), Le(65_536)] | None = None,
    ) -> None:
        super().__init__()
        if len(set(fortified)) < len(fortified) or "logits" in fortified:
            raise SettingError(
                f"fortified={shown(list(fortified))}: name each layer once, and not the logits", key="fortified"
            )
        decided: dict[str, Any] = (
            {"classes": classes} if net.takes("classes") and "classes" not in net.params and classes else {}
        )
        inside = [layer for layer in fortified if layer != INPUT]
        self.net = net.build(layers=[*inside, "logits"], **decided)
        self.labels, self.attributes = self.net.labels, self.net.attributes
        self.input = nn.Identity()
        modules = {layer: self.net.layer_module(layer) for layer in inside}
        shapes, last = _shapes(self.net, modules, image_shape)
        modules[INPUT], shapes[INPUT] = self.input, image_shape
        self.denoisers = nn.ModuleList(
            DenoisingAutoencoder(shapes[layer], width=width, activation=activation, noise=noise, scale=scale)
            for layer in fortified
        )
        hooks = {
            layer: DenoisingHook(denoiser, channels_last=layer in last)
            for layer, denoiser in zip(fortified, self.denoisers)
        }
        self._insertion = Insertion(modules, hooks)
        self.fortified = fortified
        self.layers = (*(name for layer in fortified for name in (layer, layer + DENOISED)), "logits")
        self.shapes = {
            **{name: shapes[layer] for layer in fortified for name in (layer, layer + DENOISED)},
            "logits": self.net.shapes["logits"],
        }

    @property
    def capabilities(self) -> frozenset[str]:
        """``fortified``, for objectives that train the autoencoders, beside the others."""
        return super().capabilities | {"fortified"}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Each fortified layer's activation and the denoised one, and the logits, for x (N, C, H, W) in [0, 1]."""
        self._insertion.watch(True)
        try:
            logits = self.net(self.input(x))[-1]
            seen = self._insertion.seen()
        finally:
            self._insertion.watch(False)
        return (*(value for layer in self.fortified for value in seen[layer]), logits)


def fortified_layers(layers: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a feature extractor's ``layers`` that it gives denoised, too."""
    return tuple(layer for layer in layers if layer + DENOISED in layers)


def _shapes(
    net: FeatureExtractor, modules: dict[str, nn.Module], image_shape: ImageShape
) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """Layer to the shape of its activation inside the net (tokens are not yet a map there), and those whose maps are (H, W, C) there."""
    hooks = {layer: DenoisingHook(nn.Identity()) for layer in modules}
    insertion = Insertion(modules, hooks)
    modes = {module: module.training for module in net.modules()}
    device = next(net.parameters()).device
    try:
        insertion.watch(True)
        with torch.no_grad():
            net.eval()(torch.zeros(1, *image_shape, device=device))
        seen: dict[str, Watched] = insertion.seen()
    finally:
        insertion.remove()
        for module, mode in modes.items():
            module.training = mode
    shapes, last = {}, []
    for layer in modules:
        shape = tuple(seen[layer].hidden.shape[1:])
        if len(shape) == 3 and (shape[2], *shape[:2]) == tuple(net.shapes[layer]) != shape:
            last.append(layer)
            shape = (shape[2], *shape[:2])
        shapes[layer] = shape
    return shapes, last
