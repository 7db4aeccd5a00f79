"""Encoders whose parameters, weights or state are broken in one way each, and the check that says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from zoo_core.interfaces import Encoder, ImageShape, Nested

from .originals import PlainEncoder, Width


class NumPyWeights(PlainEncoder):
    """First weights that no seed of torch decides."""

    def extend(self) -> None:
        nn.init.constant_(self.head.bias, float(np.random.rand()))


class SeedsItself(PlainEncoder):
    """The global generator is seeded in ``__init__``."""

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Width = 6,
        width: Width = 8,
        posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian",
    ) -> None:
        torch.manual_seed(0)
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


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


class NoExamples(PlainEncoder):
    """Nothing that could be checked."""

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return []


class NoBounds(PlainEncoder):
    """A width that may be anything."""

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Width = 6,
        width: int = 8,
        posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian",
    ) -> None:
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class AllocatesAnything(PlainEncoder):
    """A width bounded below only, that NumPy is asked for memory for."""

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Width = 6,
        width: Annotated[int, Ge(1)] = 8,
        posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian",
    ) -> None:
        np.ones(width * 64)
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class DefaultThatNoJSONHolds(PlainEncoder):
    """A default that is an object."""

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Width = 6,
        width: Width = 8,
        dtype: Any = torch.float32,
        posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian",
    ) -> None:
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class DefaultOutOfBounds(PlainEncoder):
    """A default that nobody could set."""

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Width = 6,
        width: Annotated[int, Ge(16), Le(64)] = 8,
        posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian",
    ) -> None:
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=width, posterior=posterior)


class PositionalArguments(PlainEncoder):
    """Arguments that no config can name."""

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: Width = 6,
        *,
        width: Width = 8,
        posterior: Literal["gaussian", "deterministic", "implicit"] = "gaussian",
    ) -> None:
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


class KeptElsewhere(PlainEncoder):
    """A component inside that its weights do not tell by its setting."""

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Width = 6,
        net: Nested[Encoder] = Nested("zoo-basics:mlp", hidden=[8]),
    ) -> None:
        super().__init__(image_shape=image_shape, latent_dim=latent_dim)
        self.inner = net.build(latent_dim=16)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}]

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return super().forward(x, noise) + self.inner(x).mean()


CONSTRUCTORS: Mapping[type[Any], str] = {
    NumPyWeights: "same_seed_same_weights",
    SeedsItself: "seed_decides_weights",
    LayersInAList: "only_registered_weights_learn",
    TensorThatLearns: "only_registered_weights_learn",
    HiddenMean: "nothing_is_hidden",
    HiddenCount: "nothing_is_hidden",
    ConstantLeftBehind: "moves_whole",
    UnsavedRandomConstant: "weights_survive_saving",
    ExtraState: "state_is_tensors",
    NoExamples: "tags_and_examples",
    NoBounds: "numbers_are_bounded",
    AllocatesAnything: "huge_values_are_refused",
    DefaultThatNoJSONHolds: "config_builds_it_again",
    DefaultOutOfBounds: "defaults_are_allowed",
    PositionalArguments: "arguments_are_keywords",
    WithoutDocstring: "is_documented",
    ExamplesOfNothing: "tags_and_examples",
    KeptElsewhere: "components_inside_are_settings",
    ForgetsItsShape: "declares_what_it_is",
}
"""Each mutant and the check that catches it."""
