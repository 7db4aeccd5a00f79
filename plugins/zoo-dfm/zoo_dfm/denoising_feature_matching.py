"""DenoisingFeatureMatching: a denoiser of the data's features pulls generated features towards them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, cast

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from zoo_core.building import check_layer
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import FeatureExtractor, Need, Nested, Objective, Part, Tags, Term


class DenoisingFeatureMatching(Objective):
    """Beside an adversarial game: a denoiser r learns to undo noise on the data's features Φ(x) (``denoise``, Eq. 5), and the generator's
    features are drawn to what r makes of them, r(Φ(G(z))) being a constant (``fool``, first term of Eq. 4).

    Φ is a layer of the discriminator, or of any other extractor: a frozen classifier, say. Data and generated images go through Φ and
    r in batches of their own (section 5). The denoiser is not published.

    Arguments:
        weight: 0.03, the paper's λ_denoise n_h; the square is divided by the number n_h of features (section 5).
        extractor: the part that Φ is a layer of.
        layer: which one.
        denoiser: r, a network by name (``zoo list --kind network``), or a table with ``name`` and parameters.
        noise: standard deviation σ of the corruption.
        final_noise: σ at the end of the training, which it nears along a line; None keeps it (the paper found no annealing that
            helped).
        target: what r is trained towards: the ``clean`` features (the paper's Eq. 5), or the ``corrupted`` ones, which one line of its
            first version says.

    Raises:
        IncompatibleError: the extractor is none or does not give that layer; the denoiser is none or does not fit the layer.
    """

    tags: ClassVar[Tags] = Tags(adversarial=True)
    format: ClassVar[int] = 2
    """Since 2 the denoiser has an entry of its own."""
    losses: ClassVar[tuple[str, ...]] = ("denoise", "fool")
    needs: ClassVar[Mapping[str, Need]] = {
        "decoder": Need("decoder"),
        "prior": Need("prior"),
        "discriminator": Need("feature-extractor"),
    }
    training_only: ClassVar[frozenset[str]] = frozenset({"denoiser"})
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "denoiser": {"trains": ["self"], "losses": ["denoise"], "lr": 1e-4, "betas": [0.5, 0.999]},
        "generator": {"trains": ["decoder"], "losses": ["fool"], "lr": 1e-4, "betas": [0.5, 0.999]},
    }

    @classmethod
    def needs_for(cls, params: Mapping[str, Any]) -> Mapping[str, Need]:
        """The needs, with the part that ``extractor`` names in the discriminator's place."""
        name = str(params.get("extractor", "discriminator"))
        return {
            **{slot: need for slot, need in cls.needs.items() if slot != "discriminator"},
            name: cls.needs["discriminator"],
        }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"denoiser": {"name": "zoo-dfm:mlp-denoiser", "depth": 1}}
        return [{**small}, {**small, "final_noise": 0.1, "target": "corrupted", "weight": 0.5}]

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        weight: Annotated[float, Ge(0)] = 0.03,
        extractor: str = "discriminator",
        layer: str = "features",
        denoiser: Nested[Part] = Nested("zoo-dfm:mlp-denoiser"),
        noise: Annotated[float, Gt(0)] = 1.0,
        final_noise: Annotated[float, Ge(0), Le(1000)] | None = None,
        target: Literal["clean", "corrupted"] = "clean",
    ) -> None:
        super().__init__()
        check_layer(parts[extractor], extractor, layer)
        self.weight, self.extractor, self.layer, self.target = weight, extractor, layer, target
        self.noise, self.final_noise = noise, noise if final_noise is None else final_noise
        shape = cast(FeatureExtractor, parts[extractor]).shapes[layer]
        self.denoiser = _denoiser(denoiser, shape)

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``denoise`` (the mean over features, which Adam does not tell from the sum), or ``features``."""
        if loss == "denoise":
            clean = self._features(step, "x").detach()
            std = self.noise + step.progress * (self.final_noise - self.noise)
            corrupted = torch.add(clean, step.noise.normal("corruption", clean.shape), alpha=std)
            target = clean if self.target == "clean" else corrupted
            yield Term("denoise", (self.denoiser(corrupted) - target).square().mean())
        else:
            made = self._features(step, "generated")
            with torch.no_grad():
                better = self.denoiser(made)
            yield Term("features", self.weight * (made - better).square().mean())

    def _features(self, step: Step, of: str) -> Tensor:
        return step.features(self.extractor, of=of)[self.layer]


def _denoiser(nested: Nested[Part], shape: tuple[int, ...]) -> Part:
    """The network, for features of ``shape``."""
    channels, height, width = shape if len(shape) == 3 else (*shape, 1, 1)
    denoiser = nested.build(image_shape=(channels, height, width))
    try:
        with torch.no_grad():
            fits = denoiser.eval()(torch.zeros(2, *shape)).shape[1:] == shape
    except RuntimeError:
        fits = False
    denoiser.train()
    if not fits:
        raise IncompatibleError(
            f"the denoiser {nested.spec!r} does not give features of shape {shape} back",
            hint="choose mlp-denoiser for a vector, conv-denoiser for maps",
        )
    return denoiser
