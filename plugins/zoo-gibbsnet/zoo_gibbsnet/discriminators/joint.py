"""JointDiscriminator: any feature extractor, and a branch for the code beside it."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le, Lt, MaxLen, MinLen
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils.parametrizations import spectral_norm as spectrally_normalised

from zoo_core.building import check_layer
from zoo_core.errors import SettingError
from zoo_core.interfaces import FeatureExtractor, Labels, Nested, Tags

Width = Annotated[int, Ge(1), Le(65_536)]


class JointDiscriminator(FeatureExtractor):
    """D(x, z) (Dumoulin et al. 2017, section 2.2; Lamb et al. 2017, section 3.4.2): a layer of any feature extractor for the image,
    linear layers for the code, then ``features`` and ``score``, linear layers over both side by side. A conditional one is
    D(x, z, y), with linear layers of their own for the class or the attributes y.

    Arguments:
        latent_dim: width of the code.
        net: what looks at the image, by name or as a table with ``name`` and parameters; it trains with the rest.
        layer: of the net; empty is its last before logits and score. Maps are flattened.
        code_hidden: widths of the code's own layers; none of them gives the code itself to the joint layers.
        conditional: it is given the label, too: the one-hot class, or the attributes; nothing where it is not known.
        label_hidden: widths of the label's own layers.
        hidden: widths of the joint layers; the last is the layer ``features``.
        slope: of the leaky ReLU after each of these layers, at negative numbers.
        dropout: fraction of the joint layers' inputs that is set to zero in train mode.
        spectral_norm: every weight, the net's too, is divided by its largest singular value.
        sees_code: false leaves the code out, for the ablation of Figure 3.3 (Lamb 2018): a discriminator of images alone, in
            the place of a joint one.

    Raises:
        IncompatibleError: the net does not give that layer.
        SettingError: ``conditional`` and the data have neither classes nor attributes.
    """

    tags: ClassVar[Tags] = Tags(stochastic=True, batch_statistics=True, conditional=True)
    inputs: ClassVar[tuple[str, ...]] = ("x", "z")

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        net = {"name": "zoo-basics:mlp", "hidden": [12], "layers": ["hidden1"]}
        small = {"latent_dim": 4, "net": net, "code_hidden": [8], "hidden": [16, 8]}
        return [
            small,
            {**small, "code_hidden": [], "dropout": 0.2},
            {**small, "spectral_norm": True},
            {**small, "sees_code": False},
            {**small, "conditional": True, "label_hidden": [6]},
            {**small, "conditional": True, "label_hidden": [], "labels": "attributes"},
        ]

    def __init__(
        self,
        *,
        labels: Labels,
        latent_dim: Width = 128,
        net: Nested[FeatureExtractor] = Nested("zoo-basics:mlp", hidden=[1024], layers=["hidden1"]),
        layer: str = "",
        code_hidden: Annotated[tuple[Width, ...], MaxLen(64)] = (512,),
        conditional: bool = False,
        label_hidden: Annotated[tuple[Width, ...], MaxLen(64)] = (128,),
        hidden: Annotated[tuple[Width, ...], MinLen(1), MaxLen(64)] = (512, 512),
        slope: Annotated[float, Ge(0), Lt(1)] = 0.02,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        spectral_norm: bool = False,
        sees_code: bool = True,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.net = net.build(layers=[layer]) if layer and "layers" not in net.params else net.build()
        self.layer = layer or [name for name in self.net.layers if name not in ("logits", "score")][-1]
        check_layer(self.net, "net", self.layer)
        if conditional and not labels.count:
            raise SettingError(
                "a conditional discriminator needs data with classes or attributes, these have none",
                hint="choose data with labels, or discriminator.conditional=false",
            )
        self.labels = labels
        self.of_code = _layers((latent_dim, *code_hidden), slope) if sees_code else None
        self.of_label = _layers((labels.count, *label_hidden), slope) if conditional else None
        seen = prod(self.net.shapes[self.layer])
        seen += (latent_dim, *code_hidden)[-1] if sees_code else 0
        seen += (labels.count, *label_hidden)[-1] if conditional else 0
        self.of_all = _layers((seen, *hidden), slope, dropout)
        self.head = nn.Linear(hidden[-1], 1)
        self.layers = ("features", "score")
        self.shapes = {"features": (hidden[-1],), "score": (1,)}
        if spectral_norm:
            for module in list(self.modules()):
                if isinstance(module, nn.Conv2d | nn.Linear) and not nn.utils.parametrize.is_parametrized(module):
                    spectrally_normalised(module)

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | (frozenset() if self.of_label is None else frozenset({"labels"}))

    def forward(self, x: Tensor, z: Tensor, y: Tensor | None = None) -> tuple[Tensor, ...]:
        """``features`` and ``score`` for images x (N, C, H, W) in [0, 1], codes z (N, latent_dim) and, where it is conditional, classes y
        (N,) or attributes (N, A), −1 = not known."""
        seen = [self.net.features(x)[self.layer].flatten(1)]
        if self.of_code is not None:
            seen.append(self.of_code(z))
        if self.of_label is not None:
            seen.append(self.of_label(self._signs(y, x)))
        features = self.of_all(torch.cat(seen, dim=1))
        return features, self.head(features)

    def _signs(self, y: Tensor | None, x: Tensor) -> Tensor:
        """The label as numbers (N, K): 1 for the class or an attribute that is there, −1 for an attribute that is not, 0 elsewhere."""
        if y is None:
            return x.new_zeros(len(x), self.labels.count)
        if self.labels.type == "attributes":
            return torch.where(y < 0, 0.0, 2.0 * y - 1.0).to(x.dtype)
        return (one_hot(y.clamp(min=0), self.labels.count) * (y >= 0).unsqueeze(1)).to(x.dtype)


def _layers(widths: tuple[int, ...], slope: float, dropout: float = 0.0) -> nn.Sequential:
    """A linear layer with a leaky ReLU between each two of ``widths``, dropout before each where there is some."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Dropout(dropout)] if dropout else []
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(slope)]
    return nn.Sequential(*layers)
