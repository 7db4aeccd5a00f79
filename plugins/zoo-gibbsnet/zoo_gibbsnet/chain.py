"""The chain z → x → z of any encoder and decoder (blocked Gibbs sampling)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import torch
from torch import Tensor

from zoo_core.data import in_turn, labels_for
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Batch, Decoder, Encoder, Prior
from zoo_core.noise import GeneratorNoise, Noise

if TYPE_CHECKING:
    from zoo_core.model import Model

Decoding = Literal["mean", "sample"]
"""How a chain goes from z to x: to the likelihood's mean, or to a draw."""


class Pair(NamedTuple):
    """A step of the chain: images x (n, C, H, W), the codes z (n, latent_dim) that they were decoded from and, of a decoder that tells
    attributes, a draw of these (n, A)."""

    x: Tensor
    z: Tensor
    attributes: Tensor | None = None


class Chain:
    """x ~ p(x given z) and z ~ q(z given x) in turn, as a model's encoder and decoder have them. Pairs are made as they are asked for,
    and none is kept: a chain may be of any length. With a decoder that tells attributes a they are drawn along, x, a ~ p(x, a given z),
    and given to an encoder that takes them.

    The caller has set eval mode and switched autograd off, as in a sampler.

    Arguments:
        noise: where draws come from.
        decoding: ``mean`` leaves out the pixels' own noise; what decoders draw in their own forward stays.
        y: labels (n,) or (n, A), for those of the two that take some; they are clamped. Of attributes that the decoder tells, those that
            are −1 are free.
        clamp: images of the chain to those that the encoder sees, where pixels are held.
    """

    def __init__(
        self,
        model: Model,
        noise: Noise,
        *,
        decoding: Decoding = "mean",
        y: Tensor | None = None,
        clamp: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.encoder = cast(Encoder, model.parts["encoder"])
        self.decoder = cast(Decoder, model.parts["decoder"])
        self.noise, self.decoding, self.clamp, self.y = noise, decoding, clamp, y
        self.told = "labels" in self.encoder.capabilities
        self.decoder_y = y if "labels" in self.decoder.capabilities else None

    def pairs(self, z: Tensor) -> Iterator[Pair]:
        """The pairs from codes z (n, latent_dim) on, without an end: (x₁, z), (x₂, z₁), …"""
        while True:
            pair = self.decode(z)
            yield pair
            z = self.infer(pair.x, pair.attributes)

    def after(self, z: Tensor, steps: int) -> Pair:
        """The pair at the end of ``steps`` steps from codes z."""
        return next(islice(self.pairs(z), steps - 1, None))

    def decode(self, z: Tensor) -> Pair:
        """x from z, and attributes where the decoder tells them."""
        likelihood = self.decoder.likelihood(z, self.decoder_y)
        x = likelihood.mean if self.decoding == "mean" else likelihood.sample(self.noise)
        told = likelihood.attributes
        drawn = None if told is None else self._held(told.sample(self.noise))
        return Pair(x if self.clamp is None else self.clamp(x), z, drawn)

    def infer(self, x: Tensor, attributes: Tensor | None = None) -> Tensor:
        """z from x, and from ``attributes`` where they are a part of the chain."""
        y = self.y if attributes is None else attributes
        return self.encoder.posterior(x, y if self.told else None).rsample(self.noise)

    def _held(self, attributes: Tensor) -> Tensor:
        """``attributes`` with those that are clamped in their places."""
        return attributes if self.y is None else torch.where(self.y >= 0, self.y.to(attributes.dtype), attributes)


def noise_of(model: Model, generator: torch.Generator) -> GeneratorNoise:
    """Draws of ``generator``, where the model is and as wide as it is."""
    return GeneratorNoise(generator, device=model.device, dtype=model.dtype)


def prior_codes(model: Model, n: int, noise: Noise) -> Tensor:
    """``n`` codes of the model's prior, (n, latent_dim).

    Raises:
        IncompatibleError: it has none.
    """
    if "prior" not in model.parts:
        raise IncompatibleError(
            "this model has no prior to start a chain from", hint="start from images (x=…, --data NAME)"
        )
    return cast(Prior, model.parts["prior"]).sample(n, noise)


def images_to_start_from(x: Tensor, n: int) -> Tensor:
    """``n`` of the images x: the first ones, or where there are fewer all of them over and over."""
    return x[:n] if len(x) >= n else x[torch.arange(n, device=x.device) % len(x)]


def classes_told(model: Model) -> int:
    """How many labels the model's encoder or decoder is told, 0 where neither is."""
    return model.labels.count if any("labels" in model.capabilities(part) for part in ("encoder", "decoder")) else 0


def labels_in_turn(model: Model, n: int) -> Tensor | None:
    """A model's classes (or its attributes, each by itself) in turn, for one that is told some and tells none itself."""
    if not classes_told(model) or "likelihood.attributes" in model.capabilities("decoder"):
        return None
    return in_turn(model.labels, n, device=model.device)


def labels_to_hold(model: Model, batch: Batch) -> Tensor | None:
    """The batch's labels for chains over its images, where the model is told some; None where its decoder tells them itself."""
    tells = "likelihood.attributes" in model.capabilities("decoder")
    return None if tells else labels_for(model, batch, "encoder", "decoder")


def first_attributes(model: Model, chain: Chain, n: int) -> Tensor | None:
    """Attributes for images whose own are not known, of a model whose decoder tells them: what it says of draws of the prior (or, where
    there is none, nothing: −1), those that are held in their places."""
    if "likelihood.attributes" not in model.capabilities("decoder"):
        return None
    if "prior" in model.parts:
        return chain.decode(prior_codes(model, n, chain.noise)).attributes
    unknown = torch.full((n, model.labels.count), -1, device=model.device)
    return unknown if chain.y is None else chain.y


class Trace:
    """Pictures on the way through ``steps`` steps: at most ``keep`` of them, evenly spread, the first and the last among them.

    Arguments:
        steps: how many there are in all.
        keep: 0 keeps none.
    """

    def __init__(self, steps: int, keep: int) -> None:
        kept = min(steps, keep)
        self.places = {round(i * (steps - 1) / max(kept - 1, 1)) for i in range(kept)} if kept != 1 else {steps - 1}
        self.pictures: list[Tensor] = []

    def see(self, step: int, x: Tensor) -> None:
        """The pictures of step ``step``, from 0."""
        if step in self.places:
            self.pictures.append(x.clamp(0, 1))

    def stacked(self) -> Tensor | None:
        """(kept, n, C, H, W), None where none was kept."""
        return torch.stack(self.pictures) if self.pictures else None
