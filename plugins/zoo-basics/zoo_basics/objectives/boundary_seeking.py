"""BoundarySeekingGAN: the generator goes to where the discriminator cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor

from zoo_basics.objectives.adversarial_game import DISCRIMINATOR, AdversarialGame
from zoo_core.adversarial import AdversarialLoss, critic_loss
from zoo_core.errors import SettingError
from zoo_core.game import Step
from zoo_core.interfaces import Need, Term


class BoundarySeekingGAN(AdversarialGame):
    """Boundary-seeking GAN (Hjelm et al. 2018).

    ``continuous``: the generator minimises ½ (log D − log(1 − D))² at its mean images (section 3). ``discrete``: pixels are drawn from
    the decoder's likelihood, through which no gradient goes; of ``draws`` images for each code, each is made likelier by its share of
    the importance weights D / (1 − D), normalised over the draws (Algorithm 1 and Eq. 10). The discriminator then sees drawn pixels
    on both sides: data count as probabilities. The generator's term is in nats per dimension.

    Arguments:
        pixels: which of the two.
        draws: images a code, for ``discrete``.
        instance_noise: as every game has it; only for ``continuous``.

    Raises:
        SettingError: instance noise on discrete pixels.
    """

    kind: ClassVar[AdversarialLoss] = "bgan"

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"pixels": "discrete", "draws": 3}]

    @classmethod
    def needs_for(cls, params: Mapping[str, Any]) -> Mapping[str, Need]:
        """The needs; for discrete pixels, a decoder that draws some."""
        if params.get("pixels") != "discrete":
            return cls.needs
        return {**cls.needs, "decoder": Need("decoder", frozenset({"likelihood.discrete"}))}

    def __init__(
        self,
        *,
        pixels: Literal["continuous", "discrete"] = "continuous",
        draws: Annotated[int, Ge(2), Le(1024)] = 20,
        instance_noise: Annotated[float, Ge(0)] = 0.0,
        noise_until: Annotated[float, Gt(0), Le(1)] = 1.0,
        weight: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        super().__init__(instance_noise=instance_noise, noise_until=noise_until, weight=weight)
        if pixels == "discrete" and instance_noise:
            raise SettingError(
                "bgan: instance noise would make discrete pixels continuous", hint="set objective.bgan.instance_noise=0"
            )
        self.pixels, self.draws = pixels, draws

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``discriminator`` or ``generator``."""
        if self.pixels == "continuous":
            yield from super().terms(loss, step)
        elif loss == "discriminate":
            real = (step.noise.uniform("pixels", step.x.shape) < step.x).to(step.x.dtype)
            scores = [step.score(DISCRIMINATOR, images) for images in (real, self._drawn(step)[0])]
            yield Term("discriminator", critic_loss(self.kind, *scores), frozenset({DISCRIMINATOR}))
        else:
            yield Term("generator", self.weight * self._policy_loss(step))

    def _policy_loss(self, step: Step) -> Tensor:
        """−Σ_m w̃_m log p(x_m given z) per dimension, the batch's mean."""
        drawn = self._drawn(step)
        with torch.no_grad():
            # D / (1 − D) is the exponential of the score.
            shares = torch.stack([step.score(DISCRIMINATOR, x) for x in drawn]).softmax(0)
        likelihood = step.generated_likelihood()
        logs = torch.stack([likelihood.log_prob(x) for x in drawn])
        return -(shares * logs).sum(0).mean() / step.x[0].numel()

    def _drawn(self, step: Step) -> list[Tensor]:
        """``draws`` times (N, C, H, W), without a gradient."""

        def draw() -> list[Tensor]:
            likelihood = step.generated_likelihood()
            return [likelihood.sample(step.noise, f"pixels:{m}") for m in range(self.draws)]

        return step.value("drawn:generated", draw)
