"""GibbsNet: data with their codes against the last pair of a chain from the prior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, cast

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor
from zoo_basics.objectives.instance_noise import InstanceNoise

from zoo_core.adversarial import AdversarialLoss, JointGame, critic_loss, joint_generator_loss
from zoo_core.distributions import Attributes
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Encoder, FeatureExtractor, Need, Objective, Part, Tags, Term

DISCRIMINATOR = "discriminator"

LossName = Literal["gan", "lsgan", "bgan", "bgan-squared"]

Decoding = Literal["mean", "sample"]
"""How a chain goes from z to x: to the likelihood's mean, or to a draw."""


class Loss(NamedTuple):
    """The discriminator's loss, and what encoder and decoder seek."""

    critic: AdversarialLoss
    game: JointGame


LOSSES: Mapping[LossName, Loss] = {
    "gan": Loss("gan", "swapped"),
    "lsgan": Loss("lsgan", "swapped"),
    "bgan": Loss("gan", "boundary"),
    "bgan-squared": Loss("lsgan", "boundary"),
}


class _State(NamedTuple):
    """A step of the unclamped chain: images x, the codes z that they were decoded from and, of a decoder that tells attributes, what it
    says of them, and a draw (N, A)."""

    x: Tensor
    z: Tensor
    told: Attributes | None
    drawn: Tensor | None


class GibbsNet(Objective):
    """A discriminator tells pairs (x, z) of the clamped chain, data x with codes z ~ q(z given x), from the last pair of the unclamped one;
    encoder and decoder learn that it cannot (Lamb 2018, section 3.4).

    The unclamped chain starts with z₀ from the prior and takes N ``steps``: x_k ~ p(x given z_{k−1}), z_k ~ q(z given x_k). Its last pair
    is (x_N, z_{N−1}). With N = 1 that is (x₁, z₀), and the game is that of adversarially learned inference (Dumoulin et al. 2017): the
    decoder learns from the pair of the prior, the encoder from that of the data. With N > 1 the encoder stands in both.

    With a decoder that tells attributes a beside the picture (``decoder.attributes``), an encoder and a discriminator that are given
    them (``conditional``), the chains are of images and attributes (section 3.6.3): x_k, a_k ~ p(x, a given z_{k−1}), z_k ~ q(z given
    x_k, a_k). Attributes are drawn, and have no gradient; what the decoder says of them learns by discrete boundary seeking (Hjelm et
    al. 2018, Eq. 10): log p(a given z) of several draws a, each weighted by the ratio of densities D / (1 − D) that the
    discriminator gives it.

    Arguments:
        steps: N.
        gradient: through what of the unclamped chain. ``last-step``: x_{N−1} is a constant, and the draw of z_{N−1} from it and x_N from
            that are not, so that the encoder learns from the unclamped chain too. ``decoder``: z_{N−1} is a constant. ``all``: through
            every step.
        decoding: how the chain goes from z to x. A ``mean`` is for decoders that draw in their own forward, or for none that
            do; a ``sample`` adds the pixels' own noise, which the discriminator sees.
        loss: ``gan``, cross-entropy, and either side seeks to be taken for the other (Dumoulin et al. 2017, Algorithm 1); ``bgan``, the
            same discriminator, and either side seeks its decision boundary, ½ (log D − log(1 − D))² (Hjelm et al. 2018, section 3);
            ``lsgan`` and ``bgan-squared``, the same two with squared distances to 1 and 0, and to ½.
        instance_noise: standard deviation of Gaussian noise on all images that the discriminator sees, at the start.
        noise_until: the part of the training, from 0 to 1, over which that noise falls to 0 along a line.
        weight: factor of the term of encoder and decoder.
        attribute_draws: how many draws of the attributes are weighed against each other.
        attribute_weight: factor of their term.

    Raises:
        IncompatibleError: the decoder tells attributes, and encoder or discriminator is not given them.
    """

    tags: ClassVar[Tags] = Tags(adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("discriminate", "fool")
    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder"),
        "prior": Need("prior"),
        DISCRIMINATOR: Need("feature-extractor", frozenset({"score"}), trained=True, inputs=("x", "z")),
    }
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "discriminator": {"trains": [DISCRIMINATOR], "losses": ["discriminate"], "lr": 1e-4, "betas": [0.5, 0.999]},
        "generator": {"trains": ["encoder", "decoder"], "losses": ["fool"], "lr": 1e-4, "betas": [0.5, 0.999]},
    }

    @classmethod
    def needs_for(cls, params: Mapping[str, Any]) -> Mapping[str, Need]:
        """The needs; a draw of x has to have a gradient."""
        if params.get("decoding") == "sample":
            return {**cls.needs, "decoder": Need("decoder", frozenset({"likelihood.rsample"}))}
        return cls.needs

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"steps": 1, "loss": "gan"},
            {"steps": 2, "gradient": "decoder", "loss": "lsgan", "decoding": "sample"},
            {"gradient": "all", "loss": "bgan-squared", "instance_noise": 0.1, "noise_until": 0.5},
        ]

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        steps: Annotated[int, Ge(1), Le(1000)] = 3,
        gradient: Literal["last-step", "decoder", "all"] = "last-step",
        decoding: Decoding = "mean",
        loss: LossName = "bgan",
        instance_noise: Annotated[float, Ge(0)] = 0.0,
        noise_until: Annotated[float, Gt(0), Le(1)] = 1.0,
        weight: Annotated[float, Ge(0)] = 1.0,
        attribute_draws: Annotated[int, Ge(2), Le(1000)] = 10,
        attribute_weight: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        super().__init__()
        self.attributes = "likelihood.attributes" in parts["decoder"].capabilities
        if self.attributes:
            _refuse_untold(parts)
        self.attribute_draws, self.attribute_weight = attribute_draws, attribute_weight
        self.steps, self.gradient, self.decoding = steps, gradient, decoding
        self.loss = LOSSES[loss]
        self.instance_noise, self.weight = InstanceNoise(instance_noise, noise_until), weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``discriminator``, or ``generator`` and, where the decoder tells attributes, ``attributes``."""
        # Both pairs keep their graphs, also for the discriminator: its gradient is taken in its own weights alone, and where both
        # losses are played at once, encoder and decoder find the scores where they are.
        clamped = step.features(DISCRIMINATOR, of=(self.instance_noise.seen(step, "x"), "z"))["score"][:, 0]
        unclamped = self._unclamped_score(step)
        if loss == "discriminate":
            yield Term("discriminator", critic_loss(self.loss.critic, clamped, unclamped), frozenset({DISCRIMINATOR}))
            return
        sought = joint_generator_loss(self.loss.critic, clamped, unclamped, self.loss.game)
        yield Term("generator", self.weight * sought)
        if self.attributes:
            yield Term("attributes", self.attribute_weight * self._attribute_loss(step))

    # ------------------------------------------------------------------------------------------------ the unclamped chain

    def _last(self, step: Step) -> _State:
        """z_{N−1}, and x_N with its attributes."""
        return step.value("unclamped", lambda: self._decoded(step, self._last_code(step), self.steps))

    def _last_code(self, step: Step) -> Tensor:
        """z_{N−1}."""
        if self.steps == 1:
            return step.prior_draw()
        if self.gradient == "all":
            return self._inferred(step, self._walked(step), self.steps - 1)
        before = step.value("unclamped:constant", lambda: self._constant(step))
        with torch.set_grad_enabled(self.gradient == "last-step" and torch.is_grad_enabled()):
            return self._inferred(step, before, self.steps - 1)

    def _constant(self, step: Step) -> _State:
        """x_{N−1} without a graph; the steps to it leave no trace in running statistics."""
        step.prior_draw()

        def walked() -> _State:
            with torch.no_grad():
                return self._walked(step)

        return step.isolated(walked)

    def _walked(self, step: Step) -> _State:
        """x_{N−1} with its attributes."""
        state = self._decoded(step, step.prior_draw(), 1)
        for k in range(1, self.steps - 1):
            state = self._decoded(step, self._inferred(step, state, k), k + 1)
        return state

    def _inferred(self, step: Step, state: _State, k: int) -> Tensor:
        """z_k from x_k."""
        told = state.drawn is not None
        posterior = cast(Encoder, step.part("encoder")).posterior(state.x, state.drawn) if told else step.infer(state.x)
        return posterior.rsample(step.noise, f"unclamped:z{k}")

    def _decoded(self, step: Step, z: Tensor, k: int) -> _State:
        """x_k from z_{k−1}, with its attributes."""
        likelihood = step.decode(z)
        x = likelihood.mean if self.decoding == "mean" else likelihood.rsample(step.noise, f"unclamped:x{k}")
        told = likelihood.attributes if self.attributes else None
        return _State(x, z, told, None if told is None else told.sample(step.noise, f"unclamped:a{k}"))

    # ------------------------------------------------------------------------------------------------ attributes

    def _attribute_loss(self, step: Step) -> Tensor:
        """−Σ_m w_m log p(a_m given z), the batch's mean, with w_m ∝ D / (1 − D) at (x, z, a_m), constants whose sum over m is 1."""
        state = self._last(step)
        assert state.told is not None
        x, z = step.image(self.instance_noise.seen(step, "unclamped:x")), state.z
        draws = [state.told.sample(step.noise, f"attributes:{m}") for m in range(self.attribute_draws)]
        discriminator = cast(FeatureExtractor, step.part(DISCRIMINATOR))
        with torch.no_grad(), step.drawing("attributes"):
            odds = step.isolated(
                lambda: torch.stack([self._log_odds(discriminator.features(x, z, y=a)["score"][:, 0]) for a in draws])
            )
        weights = torch.softmax(odds, dim=0)
        return -(weights * torch.stack([state.told.log_prob(a) for a in draws])).sum(0).mean()

    def _log_odds(self, score: Tensor) -> Tensor:
        """log D − log(1 − D)."""
        return score if self.loss.critic == "gan" else torch.logit(score, eps=1e-3)

    # ------------------------------------------------------------------------------------------------ what the discriminator sees

    def _unclamped_score(self, step: Step) -> Tensor:
        """The score of the last pair, (N,)."""
        if self.steps == 1 and self.decoding == "mean" and not self.attributes:  # ALI's pair has names that others know
            return step.features(DISCRIMINATOR, of=(self.instance_noise.seen(step, "generated"), "prior_draw"))[
                "score"
            ][:, 0]
        step.value("unclamped:x", lambda: self._last(step).x)
        step.value("unclamped:z", lambda: self._last(step).z)
        seen = self.instance_noise.seen(step, "unclamped:x")
        if not self.attributes:
            return step.features(DISCRIMINATOR, of=(seen, "unclamped:z"))["score"][:, 0]

        def look() -> Tensor:
            state, extractor = self._last(step), cast(FeatureExtractor, step.part(DISCRIMINATOR))
            return extractor.features(step.image(seen), state.z, y=state.drawn)["score"][:, 0]

        return step.value("unclamped:score", look)


def _refuse_untold(parts: Mapping[str, Part]) -> None:
    """Refuse an encoder or a discriminator that is not given the attributes that the decoder tells."""
    for name in ("encoder", DISCRIMINATOR):
        if "labels" not in parts[name].capabilities:
            raise IncompatibleError(
                f"the decoder tells attributes, and the {name} is not given them",
                hint=f"set {name}.conditional=true, or decoder.attributes=false",
                part=name,
            )
