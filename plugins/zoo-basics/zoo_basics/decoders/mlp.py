"""MLPDecoder: fully connected layers."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Lt, MaxLen, MinLen
from torch import Tensor

from zoo_basics.layers.activation import ActivationName
from zoo_basics.layers.attribute_logits import AttributeLogits
from zoo_basics.layers.bounds import Width
from zoo_basics.layers.code_input import CodeInput
from zoo_basics.layers.fully_connected import fully_connected, fully_connected_head
from zoo_basics.layers.normal_init import init_normal
from zoo_core.distributions import LikelihoodName, SigmaSharing, likelihood_family
from zoo_core.interfaces import Decoder, ImageShape, Labels, Tags


class MLPDecoder(Decoder):
    """Linear layers with an activation after each, then a linear layer to the pixels.

    Arguments:
        latent_dim: width of z.
        likelihood: form of p(x given z); ``implicit`` has draws, made with noise beside z, and no density.
        noise_dim: numbers of noise of an implicit one; null is as many as z has (GibbsNet, Lamb et al. 2017).
        attributes: it tells the data's attributes, too, p(x, a given z): logits beside the picture.
        sigma: what shares a Gaussian's σ.
        initial_log_sigma: log σ at the start.
        conditional: the one-hot class, or the attributes, stand beside z.
        hidden: widths of the hidden layers, from z to x.
        activation: after each hidden layer.
        batch_norm: before each activation.
        batch_norm_head: on the picture before its squashing.
        init_std: weights from N(0, init_std²), biases 0; with 0, torch's own initialisation.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"hidden": [32], "sigma": "unit"},
            {"hidden": [32], "likelihood": "bernoulli", "batch_norm": True},
            {"hidden": [32], "conditional": True, "batch_norm_head": True, "init_std": 0.05},
            {"hidden": [32], "likelihood": "implicit", "noise_dim": 3},
            {"hidden": [32], "attributes": True, "labels": "attributes"},
        ]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        latent_dim: Width = 64,
        likelihood: LikelihoodName = "gaussian",
        noise_dim: Width | None = None,
        attributes: bool = False,
        sigma: SigmaSharing = "shared",
        initial_log_sigma: Annotated[float, Gt(-6), Lt(6)] = 0.0,
        conditional: bool = False,
        hidden: Annotated[tuple[Width, ...], MinLen(1), MaxLen(64)] = (1000, 1000),
        activation: ActivationName = "relu",
        batch_norm: bool = False,
        batch_norm_head: bool = False,
        init_std: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.family = likelihood_family(likelihood, image_shape, sigma=sigma, initial_log_sigma=initial_log_sigma)
        self.code = CodeInput(latent_dim, labels, conditional, likelihood, noise_dim)
        self.hidden = fully_connected((self.code.width, *hidden), activation, batch_norm)
        self.head = fully_connected_head(hidden[-1], prod(image_shape), batch_norm_head)
        self.attribute_logits = AttributeLogits(hidden[-1], labels, attributes, conditional)
        if init_std:
            init_normal(self, init_std)

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities | self.code.capabilities | self.attribute_logits.capabilities

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """(N, latent_dim) to the picture before its squashing, (N, C, H, W), with logits (N, K) where it tells attributes."""
        features = self.hidden(self.code.forward(z, y))
        told: Tensor | tuple[Tensor, Tensor] = self.attribute_logits.forward(
            self.head(features).view(-1, *self.image_shape), features
        )
        return told
