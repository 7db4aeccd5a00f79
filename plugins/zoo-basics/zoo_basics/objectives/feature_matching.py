"""FeatureMatching: generated images are to have the data's mean features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le

from zoo_basics.objectives.adversarial_game import DISCRIMINATOR, AdversarialGame
from zoo_core.adversarial import AdversarialLoss
from zoo_core.building import check_layer
from zoo_core.game import Step
from zoo_core.interfaces import Part, Term


class FeatureMatching(AdversarialGame):
    """The discriminator plays as in ``gan``; the generator minimises ‖E Φ(x) − E Φ(G(z))‖² over a layer Φ of the discriminator
    (Salimans et al. 2016, section 3.1; Warde-Farley and Bengio 2017, Eq. 10).

    Beside another game (``objective=["gan", "feature-matching"]``, ``objective.feature-matching.discriminate=false``) it leaves the
    discriminator to that one.

    Arguments:
        layer: of the discriminator; the square is divided by how many units it has, so that the weight means the same for any.
        discriminate: whether it trains the discriminator.

    Raises:
        IncompatibleError: the discriminator does not give that layer.
    """

    kind: ClassVar[AdversarialLoss] = "gan"

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"instance_noise": 0.1, "weight": 0.5}]

    def __init__(
        self,
        *,
        parts: dict[str, Part],
        layer: str = "features",
        discriminate: bool = True,
        instance_noise: Annotated[float, Ge(0)] = 0.0,
        noise_until: Annotated[float, Gt(0), Le(1)] = 1.0,
        weight: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        super().__init__(instance_noise=instance_noise, noise_until=noise_until, weight=weight)
        check_layer(parts[DISCRIMINATOR], DISCRIMINATOR, layer)
        self.layer, self.discriminate = layer, discriminate

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``discriminator`` or ``features``."""
        if loss == "discriminate":
            if self.discriminate:
                yield from super().terms(loss, step)
            return
        real, fake = (
            step.features(DISCRIMINATOR, of=self.instance_noise.seen(step, of))[self.layer].mean(0)
            for of in ("x", "generated")
        )
        yield Term("features", self.weight * (real.detach() - fake).square().mean())
