"""KL(q(z given x) ‖ p(z)), in closed form where the two have one, else estimated from the draw."""

from __future__ import annotations

from torch import Tensor

from zoo_core.distributions import Posterior
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Part, Prior


def has_closed_form(encoder: Part, prior: Part) -> bool:
    """Whether posterior and prior have a closed-form KL divergence.

    Raises:
        IncompatibleError: they have not, and no densities to estimate it with either.
    """
    if "posterior.kl" in encoder.capabilities and "prior.kl" in prior.capabilities:
        return True
    if "posterior.log_prob" in encoder.capabilities and "prior.log_prob" in prior.capabilities:
        return False
    raise IncompatibleError(
        "this encoder's posterior and this prior have no KL divergence: neither a closed form, nor a density each",
        hint='set encoder.posterior=gaussian and prior="gaussian"',
    )


def kl_divergence(posterior: Posterior, prior: Prior, z: Tensor, *, closed_form: bool) -> Tensor:
    """The divergence of each example in nats, (N,).

    Arguments:
        z: draws from ``posterior``, (N, latent_dim).
        closed_form: what :func:`has_closed_form` says; without one it is log q(z given x) − log p(z) at ``z``, whose
            mean over draws is the divergence.
    """
    return posterior.kl(prior) if closed_form else posterior.log_prob(z) - prior.log_prob(z)
