"""Inpaint: the rest of images of which a part is known."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_core.errors import SettingError
from zoo_core.interfaces import Need, Sampler, Samples
from zoo_gibbsnet.chain import (
    Chain,
    Decoding,
    Trace,
    classes_told,
    first_attributes,
    images_to_start_from,
    labels_in_turn,
    noise_of,
    prior_codes,
)
from zoo_gibbsnet.masks import Known, known_pixels

if TYPE_CHECKING:
    from zoo_core.model import Model


class Inpaint(Sampler):
    """Images whose known pixels are put back after each step of the chain (Lamb 2018, section 3.6.3): z ~ q(z given x), x ~ p(x given z),
    known pixels as they were, and again. For every model with an encoder and a decoder, whatever it was trained for.

    At the start the hidden pixels are those of a picture of the prior; of a model that has none, uniform noise.

    Arguments:
        known: what is known: a half, the ``box`` in the middle, half as high and as wide, or the ``frame`` around it.
        steps: how many.
        decoding: as the sampler ``gibbs-chain`` has it.
        keep: at most so many pictures of the way stand in the trace, evenly spread.
    """

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "decoder": Need("decoder")}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"steps": 3}, {"known": "frame", "steps": 2, "decoding": "sample", "keep": 0}]

    def __init__(
        self,
        *,
        known: Known = "right",
        steps: Annotated[int, Ge(1), Le(10_000_000)] = 20,
        decoding: Decoding = "mean",
        keep: Annotated[int, Ge(0), Le(10_000)] = 100,
    ) -> None:
        self.known, self.steps, self.decoding, self.keep = known, steps, decoding, keep
        self.mask: Tensor | None = None
        """Where pixels are known, bool (1, H, W) or (m, 1, H, W), in place of ``known``."""

    def classes(self, model: Model) -> int:
        return classes_told(model)

    def starts_from_images(self, model: Model) -> bool:
        return True

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        """``n`` pictures.

        Arguments:
            conditions: ``x`` (m, C, H, W), the images, over and over where there are fewer; their hidden pixels are not looked at. ``y``
                (n,) as the sampler ``gibbs-chain`` takes it.

        Raises:
            SettingError: no images.
        """
        if conditions.get("x") is None:
            raise SettingError("inpainting starts from images", hint="give some: x=…, --data NAME")
        x, y = images_to_start_from(conditions["x"], n), conditions.get("y")
        known = (known_pixels(self.known, model.image_shape) if self.mask is None else self.mask).to(x.device)
        noise = noise_of(model, generator)

        def clamp(made: Tensor) -> Tensor:
            return torch.where(known, x, made)

        chain = Chain(model, noise, decoding=self.decoding, y=labels_in_turn(model, n) if y is None else y, clamp=clamp)
        start = self._start(model, chain, clamp(noise.uniform("start", x.shape)), n)
        trace = Trace(self.steps, self.keep)
        for step, pair in enumerate(islice(chain.pairs(start), self.steps)):
            trace.see(step, pair.x)
        return Samples(x=pair.x.clamp(0, 1), z=pair.z, trace=trace.stacked())

    def _start(self, model: Model, chain: Chain, noisy: Tensor, n: int) -> Tensor:
        """The first codes: of images whose hidden pixels, and attributes, are the prior's, or of ``noisy`` ones where there is none."""
        if "prior" not in model.parts:
            return chain.infer(noisy, first_attributes(model, chain, n))
        first = chain.decode(prior_codes(model, n, chain.noise))
        return chain.infer(first.x, first.attributes)
