"""Decoders, feature extractors and priors, each broken in one way, and the check that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from zoo_core.data.labels import chosen
from zoo_core.distributions import Likelihood, LikelihoodFamily, LogSigma
from zoo_core.distributions.likelihoods import BernoulliFamily, Gaussian, GaussianFamily, ImplicitFamily
from zoo_core.interfaces import AttackedLoss, ImageShape, Labels, Tags, ascent
from zoo_core.noise import Noise

from .originals import PlainAttack, PlainDecoder, PlainExtractor, PlainHead, PlainPrior, PlainTellingDecoder, Width


class _NoSigmoid(LikelihoodFamily):
    def forward(self, output: Tensor) -> Likelihood:
        return Gaussian(3 * output, output.new_zeros(()))


class MeansAnything(PlainDecoder):
    """Mean outside [0, 1]."""

    def __init__(
        self, *, image_shape: ImageShape, labels: Any, latent_dim: Width = 6, conditional: bool = False
    ) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.family = _NoSigmoid()


class _SaysItHasAGradient(BernoulliFamily):
    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | {"likelihood.rsample"}


class _Detached(Gaussian):
    def rsample(self, noise: Noise | None = None, name: str = "x") -> Tensor:
        return super().rsample(noise, name).detach()


class _DetachedFamily(GaussianFamily):
    def forward(self, output: Tensor) -> Gaussian:
        return _Detached(torch.sigmoid(output), self.log_sigma())


class DrawsWithoutAGradient(PlainDecoder):
    """Bernoulli units that say their draws have a gradient."""

    def __init__(
        self, *, image_shape: ImageShape, labels: Any, latent_dim: Width = 6, conditional: bool = False
    ) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.family = _SaysItHasAGradient()


class DetachedDraws(PlainDecoder):
    """Draws that are cut off from the decoder."""

    def __init__(
        self, *, image_shape: ImageShape, labels: Any, latent_dim: Width = 6, conditional: bool = False
    ) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.family = _DetachedFamily(LogSigma())


class SaysItTellsAttributes(PlainDecoder):
    """A picture alone, under the name of one with attributes."""

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | {"likelihood.attributes"}


class TellsDetached(PlainTellingDecoder):
    """Logits of attributes that no gradient reaches."""

    def forward(self, z: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        picture, logits = super().forward(z, y)
        return picture, logits.detach()


class TellsTooFew(PlainTellingDecoder):
    """One attribute less than there are."""

    def forward(self, z: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        picture, logits = super().forward(z, y)
        return picture, logits[:, 1:]


class OneDrawForAll(PlainDecoder):
    """An implicit likelihood whose draws do not differ."""

    def __init__(
        self, *, image_shape: ImageShape, labels: Any, latent_dim: Width = 6, conditional: bool = False
    ) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.family = ImplicitFamily()


class IgnoresLabels(PlainDecoder):
    """The label changes nothing."""

    def joined(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().joined(z, None if y is None else torch.zeros_like(y))


class NoOneHot(PlainDecoder):
    """A label as one-hot gives another picture."""

    def joined(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().joined(z, y if y is None or y.ndim == 1 else 1 - y)


class IgnoresAttributes(PlainDecoder):
    """Attributes change nothing."""

    def joined(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().joined(z, torch.zeros_like(y) if y is not None and y.dtype == torch.int8 else y)


class OnlyClasses(PlainDecoder):
    """Built for attributes, and takes classes alone."""

    def joined(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().joined(z, y if y is None or y.shape[-1] != 4 or y.ndim == 1 else y[:, :3])


class UntaggedLabels(PlainDecoder):
    """Takes labels, without the tag."""

    tags: ClassVar[Tags] = Tags()


class TaggedConditionalForNothing(PlainDecoder):
    """Tagged conditional, and no example takes labels."""

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}]


class TiesByMemory(PlainDecoder):
    """Tied weights that come apart."""

    def __init__(
        self, *, image_shape: ImageShape, labels: Any, latent_dim: Width = 6, conditional: bool = False
    ) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.third.weight = nn.Parameter(self.second.weight.data)


class AnotherLatentDim(PlainDecoder):
    """``latent_dim`` is not what forward takes."""

    def __init__(
        self, *, image_shape: ImageShape, labels: Any, latent_dim: Width = 6, conditional: bool = False
    ) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.latent_dim = latent_dim + 1


class LayersInAnotherOrder(PlainExtractor):
    """Layer order wrong."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        given = super().forward(x)
        return (given[1], given[0], *given[2:]) if len(given) > 1 else given


class OverwritesALayer(PlainExtractor):
    """What was asked for is changed in place by what follows."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        low = self.low(x.flatten(1))
        if self.layers[-1] == "low":
            return (low,)
        seen = {"low": low, "high": self.high(low.relu_())}
        if self.layers[-1] == "logits":
            seen["logits"] = self.logits(seen["high"])
        return tuple(seen[name] for name in self.layers)


class ShapesLie(PlainExtractor):
    """Promises maps and gives vectors."""

    def __init__(
        self, *, image_shape: ImageShape, layers: tuple[Literal["low", "high", "logits"], ...] = ("low", "high")
    ) -> None:
        super().__init__(image_shape=image_shape, layers=layers)
        self.shapes = {**self.shapes, "low": (3, 2, 2)}


class ForgetsALayer(PlainExtractor):
    """A layer without a shape."""

    def __init__(
        self, *, image_shape: ImageShape, layers: tuple[Literal["low", "high", "logits"], ...] = ("low", "high")
    ) -> None:
        super().__init__(image_shape=image_shape, layers=layers)
        self.shapes = {name: shape for name, shape in self.shapes.items() if name != "high"}


class NoGradientToPictures(PlainExtractor):
    """A perceptual loss through it moves nothing."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            rounded = (x * 255).round() / 255
        return super().forward(rounded)


class DrawsOfItsOwn(PlainPrior):
    """Draws from the global generator."""

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return torch.randn(n, self.latent_dim)


class OneDraw(PlainPrior):
    """The same row n times over, whatever the noise."""

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return torch.linspace(-1, 1, self.latent_dim).expand(n, -1)


class WithoutConstant(PlainPrior):
    """A density that does not integrate to 1."""

    def log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * z.square().sum(-1)


class OtherDirection(PlainPrior):
    """KL(p ‖ q) in the place of KL(q ‖ p)."""

    def kl_from_gaussian(self, mean: Tensor, log_sigma: Tensor) -> Tensor:
        return (0.5 * ((mean.square() + 1) * (-2 * log_sigma).exp() - 1) + log_sigma).sum(-1)


class DensityOfTheBatch(PlainPrior):
    """One number for all rows."""

    def log_prob(self, z: Tensor) -> Tensor:
        return super().log_prob(z).sum()


class OneLogitTooMany(PlainHead):
    """An extra logit that nothing says."""

    def __init__(self, *, labels: Labels, latent_dim: Width = 6) -> None:
        super().__init__(labels=labels, latent_dim=latent_dim)
        self.outputs = labels.count + 1
        self.linear = nn.Linear(latent_dim, self.outputs)


class ForgetsItsAttributes(PlainHead):
    """Built for some attributes, and does not say so."""

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"attributes": ["wide"]}]

    def __init__(self, *, labels: Labels, latent_dim: Width = 6, attributes: tuple[str, ...] = ()) -> None:
        super().__init__(labels=chosen(labels, attributes, "head.attributes"), latent_dim=latent_dim)


class OtherDirections(PlainHead):
    """Directions with the sign turned."""

    def directions(self) -> Tensor:
        return -self.linear.weight


class NotLinear(PlainHead):
    """Linear, it says."""

    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z.square())


class LeavesTheBall(PlainAttack):
    """Further than it says."""

    epsilon = 0.05


class LeavesTheRange(PlainAttack):
    """Darker than black."""

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        return x + 0.1 * ascent(loss, x).sign()


class AttacksNothing(PlainAttack):
    """The images as they are."""

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        return x.clone()


class StartsAnywhere(PlainAttack):
    """A start from the global generator."""

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        return (x + 0.1 * torch.rand_like(x)).clamp(0, 1)


class StepOfTheBatch(PlainAttack):
    """The slope over the batch's largest."""

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        slope = ascent(loss, x)
        return (x + 0.2 * slope / slope.abs().max()).clamp(0, 1)


class GradientsInTheWeights(PlainAttack):
    """backward() fills the weights' gradients too."""

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        with torch.enable_grad():
            at = x.clone().requires_grad_()
            loss(at).sum().backward()
        assert at.grad is not None
        return (x + 0.1 * at.grad.sign()).clamp(0, 1)


class KeepsTheGraph(PlainAttack):
    """The images hang on the loss."""

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        return (super().perturb(loss, x, noise, name) + 0 * loss(x).view(-1, 1, 1, 1)).clamp(0, 1)


class ChangesTheImages(PlainAttack):
    """In place."""

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        return x.add_(0.1 * ascent(loss, x).sign()).clamp_(0, 1).clone()


PARTS: Mapping[type[Any], str] = {
    MeansAnything: "likelihood_does_what_it_says",
    DrawsWithoutAGradient: "likelihood_does_what_it_says",
    DetachedDraws: "likelihood_does_what_it_says",
    IgnoresLabels: "labels_as_said",
    NoOneHot: "labels_as_said",
    SaysItTellsAttributes: "likelihood_does_what_it_says",
    TellsDetached: "likelihood_does_what_it_says",
    TellsTooFew: "shapes_in_eval",
    OneDrawForAll: "likelihood_does_what_it_says",
    IgnoresAttributes: "attributes_as_said",
    OnlyClasses: "attributes_as_said",
    UntaggedLabels: "labels_as_said",
    TaggedConditionalForNothing: "conditional_as_tagged",
    TiesByMemory: "tied_weights_stay_tied",
    AnotherLatentDim: "shapes_in_eval",
    LayersInAnotherOrder: "layers_have_their_names",
    OverwritesALayer: "layers_have_their_names",
    ShapesLie: "shapes_in_eval",
    ForgetsALayer: "layers_have_their_names",
    NoGradientToPictures: "gradient_reaches_the_input",
    DrawsOfItsOwn: "prior_draws",
    OneDraw: "prior_draws",
    WithoutConstant: "prior_density",
    OtherDirection: "prior_divergence",
    DensityOfTheBatch: "prior_density",
    ForgetsItsAttributes: "declares_what_it_is",
    OneLogitTooMany: "head_does_what_it_says",
    OtherDirections: "head_does_what_it_says",
    NotLinear: "head_does_what_it_says",
    LeavesTheBall: "attack_stays_close",
    LeavesTheRange: "attack_stays_close",
    AttacksNothing: "attack_stays_close",
    StartsAnywhere: "attack_is_seeded",
    StepOfTheBatch: "attack_keeps_rows_apart",
    GradientsInTheWeights: "attack_leaves_no_trace",
    KeepsTheGraph: "attack_leaves_no_trace",
    ChangesTheImages: "attack_leaves_no_trace",
}
"""Each mutant and the check that catches it."""
