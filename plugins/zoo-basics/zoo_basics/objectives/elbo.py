"""ELBO: the variational autoencoder's objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Annotated, Any, ClassVar, cast

from annotated_types import Ge
from torch import Tensor

from zoo_basics.attribute_nll import attribute_nll
from zoo_basics.kl_divergence import has_closed_form, kl_divergence
from zoo_core.distributions import GaussianPosterior
from zoo_core.errors import IncompatibleError
from zoo_core.game import Step
from zoo_core.interfaces import Need, Objective, Part, Prior, Term


class ELBO(Objective):
    """−log p(x given z) + β KL(q(z given x) ‖ p(z)), the negative evidence lower bound (Kingma and Welling 2013).

    Both terms are means over the batch in **nats per dimension of x** (divided by C·H·W), so that one learning rate
    serves images of every size. The divergence is in closed form where posterior and prior have one, else its estimate
    from the drawn z. A decoder that tells attributes a adds −log p(a given z): the bound is that of log p(x, a).

    Arguments:
        beta: weight of the divergence (Higgins et al. 2017).
        free_bits: λ, in nats per latent dimension: a dimension whose divergence, averaged over the batch, is below λ
            counts as λ and is not pushed lower, Σ_j max(λ, E[KL_j]) (Kingma et al. 2016, each dimension a
            group). Needs a Gaussian posterior and an isotropic prior.

    Raises:
        IncompatibleError: posterior and prior have no divergence, or none for each dimension where free bits are asked for.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"beta": 4.0, "free_bits": 0.05}]

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder", frozenset({"posterior.kl|posterior.log_prob"})),
        "decoder": Need("decoder", frozenset({"likelihood.log_prob"})),
        "prior": Need("prior", frozenset({"prior.kl|prior.log_prob"})),
    }

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        beta: Annotated[float, Ge(0)] = 1.0,
        free_bits: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        super().__init__()
        self.beta = beta
        self.free_bits = free_bits
        self.attributes = "likelihood.attributes" in parts["decoder"].capabilities
        self.closed_form = has_closed_form(parts["encoder"], parts["prior"])
        if free_bits and not (self.closed_form and "prior.isotropic" in parts["prior"].capabilities):
            raise IncompatibleError(
                "free bits need the divergence of each latent dimension, and here there is none",
                hint='set encoder.posterior=gaussian and prior="gaussian", or free_bits=0',
            )

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``nll``, ``attributes`` where the decoder tells them, and ``kl``, in nats per dimension of x."""
        units = prod(step.x.shape[1:])
        yield Term("nll", step.likelihood().log_prob(step.x).mean() * (-1 / units))
        if self.attributes and step.batch.attributes is not None:
            yield Term("attributes", attribute_nll(step) / units)
        yield Term("kl", self._divergence(step) * (self.beta / units))

    def _divergence(self, step: Step) -> Tensor:
        """The batch's mean divergence in nats, a scalar."""
        posterior, prior = step.posterior(), cast(Prior, step.part("prior"))
        if self.free_bits:
            q = cast(GaussianPosterior, posterior)
            # An isotropic prior takes each coordinate as a code of width 1.
            each = prior.kl_from_gaussian(q.mean.reshape(-1, 1), q.log_sigma.reshape(-1, 1)).view_as(q.mean)
            return each.mean(0).clamp(min=self.free_bits).sum()
        return kl_divergence(posterior, prior, step.z(), closed_form=self.closed_form).mean()
