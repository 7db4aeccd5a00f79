"""StyleGrid: every class in one style, row after row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_aae.class_names import categories
from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.interfaces import Need, Prior, Sampler, Samples, Tags
from zoo_core.noise import GeneratorNoise

if TYPE_CHECKING:
    from zoo_core.model import Model


class StyleGrid(Sampler):
    """Rows of pictures in one style each, a draw of z from the prior, with a column for each class (Figure 7).

    The class goes to a decoder that takes labels, or into the label at the front of a joint code.
    """

    tags: ClassVar[Tags] = Tags(conditional=True)
    needs: ClassVar[Mapping[str, Need]] = {"prior": Need("prior"), "decoder": Need("decoder")}

    conditions: ClassVar[frozenset[str]] = frozenset({"y"})

    def classes(self, model: Model) -> int:
        """The categories of a joint code, else the classes of a decoder that takes labels.

        Raises:
            IncompatibleError: the model's pictures have no class.
        """
        return classes_of(model)

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        """``n`` pictures; the last row is cut where ``n`` is not a multiple of the number of classes.

        Arguments:
            conditions: ``y`` (n,), classes in the place of the columns' own.

        Raises:
            IncompatibleError: the model's pictures have no class.
            SettingError: a class that is not there.
        """
        columns = classes_of(model)
        drawn = styles(model, -(-n // columns), generator)
        y = conditions.get("y")
        y = torch.arange(n, device=model.device) % columns if y is None else y.to(model.device)
        if y.min() < 0 or y.max() >= columns:
            raise SettingError(
                f"the classes of this model are 0 to {columns - 1}, got {int(y.min())} to {int(y.max())}"
            )
        styled = in_classes(model, drawn[torch.arange(n, device=model.device) // columns], y)
        return Samples(x=model.decode(styled.z, styled.y), z=styled.z, columns=columns)


class Styled(NamedTuple):
    """What a decoder is given: codes z (N, latent_dim), and classes y (N,) where it takes labels, else None."""

    z: Tensor
    y: Tensor | None


def classes_of(model: Model) -> int:
    """How many classes the model can be asked for a picture of.

    Raises:
        IncompatibleError: its pictures have no class.
    """
    if categories(model):
        return categories(model)
    if "labels" in model.capabilities("decoder"):
        if model.labels.type == "attributes":
            raise IncompatibleError(
                f"the pictures of this {model.recipe} have attributes, and a style grid shows classes",
                hint="zoo sample --attribute NAME=1 draws pictures with an attribute",
            )
        return model.labels.count
    joint = ", or with encoder.posterior=joint" if "encoder" in model.parts else ""
    raise IncompatibleError(
        f"the pictures of this {model.recipe} have no class to choose",
        hint=f"train with decoder.conditional=true{joint}",
    )


def styles(model: Model, n: int, generator: torch.Generator) -> Tensor:
    """``n`` draws of the model's prior, (n, latent_dim); the label at the front of a joint code is still any."""
    noise = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
    return cast(Prior, model.parts["prior"]).sample(n, noise)


def in_classes(model: Model, z: Tensor, y: Tensor) -> Styled:
    """The styles of codes z (N, latent_dim) with the classes y (N,)."""
    width = categories(model)
    if width:
        z = torch.cat([one_hot(y, width).to(z.dtype), z[:, width:]], dim=1)
    return Styled(z, y if "labels" in model.capabilities("decoder") else None)
