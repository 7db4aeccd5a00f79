"""Encoders whose forward is broken in one way each, and the check that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, dropout

from zoo_core.distributions import GaussianPosterior, Posterior, Standardised
from zoo_core.distributions.posteriors import StandardisedFamily
from zoo_core.interfaces import Tags

from .originals import PlainConditionalEncoder, PlainDecoder, PlainEncoder, PlainNoisyDecoder


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


class DeadParameter(PlainEncoder):
    """A weight that nothing uses."""

    def extend(self) -> None:
        self.unused = nn.Linear(3, 3)


class Float32Only(PlainEncoder):
    """Float64 goes in, float32 comes out."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x, noise).float()


class AlwaysFloat64(PlainEncoder):
    """Wider than the model."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x, noise).double()


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


class _AlwaysByTheBatch(StandardisedFamily):
    def forward(self, statistics: Tensor) -> Posterior:
        return (
            Standardised(GaussianPosterior(*statistics.chunk(2, dim=-1)))
            if len(statistics) > 1
            else super().forward(statistics)
        )


class StandardisesInEval(PlainEncoder):
    """A code depends on the other examples in eval mode."""

    def extend(self) -> None:
        self.family = _AlwaysByTheBatch(self.latent_dim)
        self.head = nn.Linear(16, self.family.width)


class SaysItIsStandardised(PlainEncoder):
    """Plain draws under the name of standardised ones."""

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"posterior.standardised"})


class SaysNothing(PlainEncoder):
    """The same statistics for every picture."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(torch.zeros_like(x) + 0 * x.mean(), noise)


class IgnoresItsLabels(PlainConditionalEncoder):
    """The label changes nothing."""

    def beside(self, hidden: Tensor, y: Tensor | None) -> Tensor:
        return super().beside(hidden, None if y is None else torch.zeros_like(y))


class TakesNoOneHot(PlainConditionalEncoder):
    """A label as one-hot gives another posterior."""

    def beside(self, hidden: Tensor, y: Tensor | None) -> Tensor:
        return super().beside(hidden, y if y is None or y.ndim == 1 else 1 - y)


class UntaggedLabelsOfAnEncoder(PlainConditionalEncoder):
    """Takes labels, without the tag."""

    tags: ClassVar[Tags] = Tags(batch_statistics=True, density=True)


class BranchesOnValues(PlainEncoder):
    """Control flow that no exported program has."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x if float(x.mean()) > 0.5 else 1 - x, noise)


class ChangesWhenCompiled(PlainEncoder):
    """Something else when it is compiled."""

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x, noise) + (1.0 if torch.compiler.is_compiling() else 0.0)


class IgnoresItsOwnNoise(PlainNoisyDecoder):
    """What it draws changes nothing."""

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return PlainDecoder.forward(self, z + 0 * self.noise.normal(z), y)


class DrawsElsewhereToo(PlainNoisyDecoder):
    """Beside its own noise it draws from torch's global generator where that is not silenced."""

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        own = self.noise.normal(z)
        return PlainDecoder.forward(self, z + self.std * (own if own.eq(0).all() else torch.randn_like(z)), y)


FORWARDS: Mapping[type[Any], str] = {
    TooWide: "shapes_in_eval",
    SqueezesOneRow: "shapes_in_eval",
    SquareOnly: "shapes_in_eval",
    ThreeChannelsOnly: "shapes_in_eval",
    DetachedTrunk: "every_parameter_learns",
    DetachedInput: "gradient_reaches_the_input",
    UnseededNoise: "same_result_twice",
    NumPyNoise: "same_result_twice",
    ChangesItsInput: "input_unchanged",
    BatchStatisticsInEval: "same_row_alone",
    CentresTheBatch: "same_row_alone",
    RunningStatisticsInEval: "eval_changes_nothing",
    DropoutInEval: "same_result_twice",
    UntaggedDropout: "train_mode_as_tagged",
    UntaggedBatchNorm: "train_mode_as_tagged",
    DeadParameter: "every_parameter_learns",
    Float32Only: "float64",
    AlwaysFloat64: "float64",
    LosesPrecision: "bfloat16",
    NaNForBlack: "finite_at_the_limits",
    NeedsContiguous: "any_memory_layout",
    GivesAPosterior: "forward_gives_tensors",
    SaysItHasADivergence: "posterior_does_what_it_says",
    IgnoresItsNoise: "draws_differ_as_said",
    IgnoresItsOwnNoise: "own_noise_comes_from_outside",
    DrawsElsewhereToo: "own_noise_comes_from_outside",
    StandardisesInEval: "codes_of_one_example_are_its_own",
    SaysItIsStandardised: "codes_of_one_example_are_its_own",
    SaysNothing: "pictures_depend_on_codes",
    IgnoresItsLabels: "labels_as_said",
    TakesNoOneHot: "labels_as_said",
    UntaggedLabelsOfAnEncoder: "labels_as_said",
    BranchesOnValues: "exports",
    ChangesWhenCompiled: "compiles",
}
"""Each mutant and the check that catches it."""
