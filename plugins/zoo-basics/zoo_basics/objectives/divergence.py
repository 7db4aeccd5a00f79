"""Divergence: how far codes are from the prior, a term of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, cast

from annotated_types import Ge

from zoo_basics.kl_divergence import has_closed_form, kl_divergence
from zoo_core.game import Step
from zoo_core.interfaces import Need, Objective, Part, Prior, Term


class Divergence(Objective):
    """KL(q(z given x) ‖ p(z)), a mean over the batch, in closed form where posterior and prior have one, else its estimate from the
    drawn z. With ``reconstruction`` it is the objective of a variational autoencoder whose two weights are set apart; ``elbo`` has both in
    nats per dimension of x.

    Arguments:
        per: ``code``, the sum over the code's dimensions; ``dimension``, their mean, so that one weight serves codes of every width
            (IntroVAC, Maggipinto et al. 2020).
        weight: factor of the term.

    Raises:
        IncompatibleError: posterior and prior have no divergence.
    """

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder", frozenset({"posterior.kl|posterior.log_prob"})),
        "prior": Need("prior", frozenset({"prior.kl|prior.log_prob"})),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"per": "dimension", "weight": 3.0}]

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        per: Literal["code", "dimension"] = "code",
        weight: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        super().__init__()
        self.closed_form = has_closed_form(parts["encoder"], parts["prior"])
        self.per, self.weight = per, weight

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``kl``, in nats."""
        prior = cast(Prior, step.part("prior"))
        divergence = kl_divergence(step.posterior(), prior, step.z(), closed_form=self.closed_form).mean()
        dimensions = prior.latent_dim if self.per == "dimension" else 1
        yield Term("kl", divergence * (self.weight / dimensions))
