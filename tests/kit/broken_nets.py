"""Encoders, decoders, extractors and priors, each broken in one way, and the check that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor, nn
from torch.nn.functional import batch_norm, dropout

from zoo_core.distributions import Likelihood, LikelihoodFamily
from zoo_core.distributions.likelihoods import Gaussian
from zoo_core.interfaces import ImageShape, Tags
from zoo_core.noise import Noise

from .originals import PlainDecoder, PlainEncoder, PlainExtractor, PlainPrior, Width


class TooWide(PlainEncoder):
    """Wrong shape."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        out = super().forward(x, noise)
        return torch.cat([out, out[:, :1]], dim=1)


class SqueezesOneRow(PlainEncoder):
    """A batch of one loses its first axis."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x, noise).squeeze(0)


class SquareOnly(PlainEncoder):
    """Takes height for width."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x.reshape(x.shape[0], -1, x.shape[2], x.shape[2]), noise)


class ThreeChannelsOnly(PlainEncoder):
    """Grey pictures are refused, and no tag says so."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x[:, :3] * x.new_tensor([0.3, 0.6, 0.1]).view(1, 3, 1, 1), noise)


class DetachedTrunk(PlainEncoder):
    """Detached gradient."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        joined = x if noise is None else torch.cat([x, noise], dim=1)
        return self.head(self.trunk(joined).detach()) + 0 * joined.mean()


class DetachedInput(PlainEncoder):
    """No gradient to what stands before it."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x.detach(), noise)


class UnseededNoise(PlainEncoder):
    """Noise of its own, in eval mode too."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x + 0.01 * torch.randn_like(x), noise)


class NumPyNoise(PlainEncoder):
    """Moves NumPy's global generator."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x, noise) + 0.0 * float(np.random.rand())


class NumPyWeights(PlainEncoder):
    """First weights that no seed of torch decides."""

    def extend(self) -> None:
        nn.init.constant_(self.head.bias, float(np.random.rand()))


class SeedsItself(PlainEncoder):
    """The global generator is seeded in ``__init__``."""

    def __init__(self, *, image_shape: ImageShape, latent_dim: Width = 6, width: Width = 8,
                 posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian") -> None:
        torch.manual_seed(0)
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class ChangesItsInput(PlainEncoder):
    """In-place change of the input."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x.mul_(2).sub_(1), noise)


class BatchStatisticsInEval(PlainEncoder):
    """Batch-norm leak."""

    def trunk(self, x: Tensor) -> Tensor:
        normal = batch_norm(self.conv(x), None, None, self.norm.weight, self.norm.bias, training=True)
        return torch.tanh(self.hidden(torch.tanh(normal).flatten(1)))


class CentresTheBatch(PlainEncoder):
    """Rows depend on one another."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        out = super().forward(x, noise)
        return out - out.mean(0, keepdim=True)


class RunningStatisticsInEval(PlainEncoder):
    """Running statistics move in eval mode."""

    def trunk(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.norm.running_mean.lerp_(self.conv(x).mean((0, 2, 3)), 0.1)
        return super().trunk(x)


class DropoutInEval(PlainEncoder):
    """Dropout that eval mode does not switch off."""

    def trunk(self, x: Tensor) -> Tensor:
        return dropout(super().trunk(x), 0.5, training=True)


class UntaggedDropout(PlainEncoder):
    """Random in train mode, without the tag."""

    def trunk(self, x: Tensor) -> Tensor:
        return dropout(super().trunk(x), 0.5, training=self.training)


class UntaggedBatchNorm(PlainEncoder):
    """Batch norm without the tag."""

    tags: ClassVar[Tags] = Tags()


class LayersInAList(PlainEncoder):
    """Parameters not registered."""

    def extend(self) -> None:
        self.more = [nn.Linear(16, 16)]

    def trunk(self, x: Tensor) -> Tensor:
        out: Tensor = self.more[0](super().trunk(x))
        return out


class TensorThatLearns(PlainEncoder):
    """A weight that is a plain tensor."""

    def extend(self) -> None:
        self.scale = torch.ones((), requires_grad=True)

    def trunk(self, x: Tensor) -> Tensor:
        return self.scale * super().trunk(x)


class DeadParameter(PlainEncoder):
    """A weight that nothing uses."""

    def extend(self) -> None:
        self.unused = nn.Linear(3, 3)


class HiddenMean(PlainEncoder):
    """A running mean in a plain attribute."""

    seen: Tensor | float = 0.0

    def trunk(self, x: Tensor) -> Tensor:
        out = super().trunk(x)
        if self.training:
            self.seen = 0.9 * self.seen + 0.1 * out.detach().mean()
        return out - self.seen


class HiddenCount(PlainEncoder):
    """A count of steps that the result depends on."""

    steps = 0

    def trunk(self, x: Tensor) -> Tensor:
        self.steps += self.training
        return super().trunk(x) / (1 + self.steps)


class ConstantLeftBehind(PlainEncoder):
    """A tensor that does not move with the part."""

    def extend(self) -> None:
        self.centre = torch.full((1, 1, 2, 2), 0.5)

    def trunk(self, x: Tensor) -> Tensor:
        return super().trunk(x - self.centre.mean((2, 3), keepdim=True))


class UnsavedRandomConstant(PlainEncoder):
    """Drawn at the start, needed for ever, not saved."""

    def extend(self) -> None:
        self.register_buffer("mask", torch.rand(16), persistent=False)

    def trunk(self, x: Tensor) -> Tensor:
        return super().trunk(x) * self.mask


class ExtraState(PlainEncoder):
    """Non-tensor in the state."""

    def get_extra_state(self) -> Any:
        return {"note": "mine"}

    def set_extra_state(self, state: Any) -> None:
        pass


class Float32Only(PlainEncoder):
    """Float64 goes in, float32 comes out."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x, noise).float()


class LosesPrecision(PlainEncoder):
    """A small difference of large products, which bfloat16 cannot hold."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        trunk = self.trunk(x if noise is None else torch.cat([x, noise], dim=1))
        out: Tensor = self.head(trunk + 300.0) - self.head(torch.full_like(trunk, 300.0))
        return out


class NaNForBlack(PlainEncoder):
    """Divides by the brightness."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x / x.flatten(1).amax(1).view(-1, 1, 1, 1), noise)


class NeedsContiguous(PlainEncoder):
    """A view of memory that may lie otherwise."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x.view(x.shape[0], -1).view(x.shape), noise)


class NoBounds(PlainEncoder):
    """A width that may be anything."""

    def __init__(self, *, image_shape: ImageShape, latent_dim: Width = 6, width: int = 8,
                 posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian") -> None:
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class AllocatesAnything(PlainEncoder):
    """A width bounded below only, that NumPy is asked for memory for."""

    def __init__(self, *, image_shape: ImageShape, latent_dim: Width = 6, width: Annotated[int, Ge(1)] = 8,
                 posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian") -> None:
        np.ones(width * 64)
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class DefaultThatNoJSONHolds(PlainEncoder):
    """A default that is an object."""

    def __init__(self, *, image_shape: ImageShape, latent_dim: Width = 6, width: Width = 8, dtype: Any = torch.float32,
                 posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian") -> None:
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class DefaultOutOfBounds(PlainEncoder):
    """A default that nobody could set."""

    def __init__(self, *, image_shape: ImageShape, latent_dim: Width = 6, width: Annotated[int, Ge(16), Le(64)] = 8,
                 posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian") -> None:
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class PositionalArguments(PlainEncoder):
    """Arguments that no config can name."""

    def __init__(self, image_shape: ImageShape, latent_dim: Width = 6, *, width: Width = 8,
                 posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian") -> None:
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class WithoutDocstring(PlainEncoder):
    pass


class ExamplesOfNothing(PlainEncoder):
    """Examples with a parameter that is none."""

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"depth": 3}]


class ForgetsItsShape(PlainEncoder):
    """``image_shape`` is not what it was built for."""

    def extend(self) -> None:
        self.image_shape = (1, 28, 28)


class GivesAPosterior(PlainEncoder):
    """A distribution where tensors are asked for."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Any:
        return self.family(super().forward(x, noise))


class SaysItHasADivergence(PlainEncoder):
    """Capability lie."""

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"posterior.kl", "posterior.log_prob"})


class IgnoresItsNoise(PlainEncoder):
    """An implicit posterior without draws."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x, None if noise is None else torch.zeros_like(noise))


class SaysNothing(PlainEncoder):
    """The same statistics for every picture."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(torch.zeros_like(x) + 0 * x.mean(), noise)


class BranchesOnValues(PlainEncoder):
    """Control flow that no exported program has."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x if float(x.mean()) > 0.5 else 1 - x, noise)


class ChangesWhenCompiled(PlainEncoder):
    """Something else when it is compiled."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x, noise) + (1.0 if torch.compiler.is_compiling() else 0.0)


class _NoSigmoid(LikelihoodFamily):
    def forward(self, output: Tensor) -> Likelihood:
        return Gaussian(3 * output, output.new_zeros(()))


class MeansAnything(PlainDecoder):
    """Mean outside [0, 1]."""

    def __init__(self, *, image_shape: ImageShape, labels: Any, latent_dim: Width = 6, conditional: bool = False) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.family = _NoSigmoid()


class IgnoresLabels(PlainDecoder):
    """The label changes nothing."""

    def joined(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().joined(z, None if y is None else torch.zeros_like(y))


class NoOneHot(PlainDecoder):
    """A label as one-hot gives another picture."""

    def joined(self, z: Tensor, y: Tensor | None) -> Tensor:
        return super().joined(z, y if y is None or y.ndim == 1 else 1 - y)


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

    def __init__(self, *, image_shape: ImageShape, labels: Any, latent_dim: Width = 6, conditional: bool = False) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.third.weight = nn.Parameter(self.second.weight.data)


class AnotherLatentDim(PlainDecoder):
    """``latent_dim`` is not what forward takes."""

    def __init__(self, *, image_shape: ImageShape, labels: Any, latent_dim: Width = 6, conditional: bool = False) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.latent_dim = latent_dim + 1


class LayersInAnotherOrder(PlainExtractor):
    """Layer order wrong."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        given = super().forward(x)
        return (given[1], given[0], *given[2:]) if len(given) > 1 else given


class ShapesLie(PlainExtractor):
    """Promises maps and gives vectors."""

    def __init__(self, *, image_shape: ImageShape, layers: tuple[Literal["low", "high", "logits"], ...] = ("low", "high")) -> None:
        super().__init__(image_shape=image_shape, layers=layers)
        self.shapes = {**self.shapes, "low": (3, 2, 2)}


class ForgetsALayer(PlainExtractor):
    """A layer without a shape."""

    def __init__(self, *, image_shape: ImageShape, layers: tuple[Literal["low", "high", "logits"], ...] = ("low", "high")) -> None:
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


NETS: Mapping[type[Any], str] = {
    TooWide: "shapes_in_eval",
    SqueezesOneRow: "shapes_in_eval",
    SquareOnly: "shapes_in_eval",
    ThreeChannelsOnly: "shapes_in_eval",
    DetachedTrunk: "every_parameter_learns",
    DetachedInput: "gradient_reaches_the_input",
    UnseededNoise: "same_result_twice",
    NumPyNoise: "same_result_twice",
    NumPyWeights: "same_seed_same_weights",
    SeedsItself: "seed_decides_weights",
    ChangesItsInput: "input_unchanged",
    BatchStatisticsInEval: "same_row_alone",
    CentresTheBatch: "same_row_alone",
    RunningStatisticsInEval: "eval_changes_nothing",
    DropoutInEval: "same_result_twice",
    UntaggedDropout: "train_mode_as_tagged",
    UntaggedBatchNorm: "train_mode_as_tagged",
    LayersInAList: "only_registered_weights_learn",
    TensorThatLearns: "only_registered_weights_learn",
    DeadParameter: "every_parameter_learns",
    HiddenMean: "nothing_is_hidden",
    HiddenCount: "nothing_is_hidden",
    ConstantLeftBehind: "moves_whole",
    UnsavedRandomConstant: "weights_survive_saving",
    ExtraState: "state_is_tensors",
    Float32Only: "float64",
    LosesPrecision: "bfloat16",
    NaNForBlack: "finite_at_the_limits",
    NeedsContiguous: "any_memory_layout",
    NoBounds: "numbers_are_bounded",
    AllocatesAnything: "huge_values_are_refused",
    DefaultThatNoJSONHolds: "config_builds_it_again",
    DefaultOutOfBounds: "defaults_are_allowed",
    PositionalArguments: "arguments_are_keywords",
    WithoutDocstring: "is_documented",
    ExamplesOfNothing: "tags_and_examples",
    ForgetsItsShape: "declares_what_it_is",
    GivesAPosterior: "forward_gives_tensors",
    SaysItHasADivergence: "posterior_does_what_it_says",
    IgnoresItsNoise: "draws_differ_as_said",
    SaysNothing: "pictures_depend_on_codes",
    BranchesOnValues: "exports",
    ChangesWhenCompiled: "compiles",
    MeansAnything: "likelihood_does_what_it_says",
    IgnoresLabels: "labels_as_said",
    NoOneHot: "labels_as_said",
    UntaggedLabels: "labels_as_said",
    TaggedConditionalForNothing: "conditional_as_tagged",
    TiesByMemory: "tied_weights_stay_tied",
    AnotherLatentDim: "shapes_in_eval",
    LayersInAnotherOrder: "layers_have_their_names",
    ShapesLie: "shapes_in_eval",
    ForgetsALayer: "layers_have_their_names",
    NoGradientToPictures: "gradient_reaches_the_input",
    DrawsOfItsOwn: "prior_draws",
    OneDraw: "prior_draws",
    WithoutConstant: "prior_density",
    OtherDirection: "prior_divergence",
    DensityOfTheBatch: "prior_density",
}
"""Each mutant and the check that catches it."""
