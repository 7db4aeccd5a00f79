"""ELBOMetric: the evidence lower bound, and its two sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast, final

import torch
from annotated_types import Ge

from zoo_basics.kl_divergence import has_closed_form, kl_divergence
from zoo_basics.metrics.mean import StreamingMean
from zoo_core.float64 import float64
from zoo_core.interfaces import Batch, Decoder, Encoder, Figure, Metric, Need, Prior
from zoo_core.labels import labels_for
from zoo_core.noise import GeneratorNoise

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class ELBOMetric(Metric):
    """E_q[log p(x given z)] − KL(q(z given x) ‖ p(z)), in nats per dimension of x.

    Figures: ``elbo``; ``distortion``, −E_q[log p(x given z)]; ``rate``, the divergence. elbo = −distortion − rate.

    Arguments:
        draws: of z for each example.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"draws": 2}]

    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder", frozenset({"posterior.kl|posterior.log_prob"})),
        "decoder": Need("decoder", frozenset({"likelihood.log_prob"})),
        "prior": Need("prior", frozenset({"prior.kl|prior.log_prob"})),
    }

    def __init__(self, *, draws: Annotated[int, Ge(1)] = 1) -> None:
        self.draws = draws

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[Figure]:
        """The three figures over all of ``batches``."""
        encoder, decoder, prior = (model.parts[name] for name in ("encoder", "decoder", "prior"))
        encoder, decoder, prior = cast(Encoder, encoder), cast(Decoder, decoder), cast(Prior, prior)
        closed_form = has_closed_form(encoder, prior)
        bound, distortion, rate = StreamingMean(), StreamingMean(), StreamingMean()
        for batch in batches:
            x, y, units = batch.x, labels_for(model, batch, "decoder"), batch.x[0].numel()
            noise = GeneratorNoise(generator, device=x.device, dtype=x.dtype)
            posterior = encoder.posterior(x, labels_for(model, batch, "encoder"))
            nll, kl = float64(x.new_zeros(len(x))), float64(x.new_zeros(len(x)))
            for _ in range(self.draws):
                z = posterior.rsample(noise)
                nll -= float64(decoder.likelihood(z, y).log_prob(x)) / (self.draws * units)
                kl += float64(kl_divergence(posterior, prior, z, closed_form=closed_form)) / (self.draws * units)
            bound.add(-nll - kl)
            distortion.add(nll)
            rate.add(kl)
        protocol = {"examples": bound.count, "draws": self.draws}
        return [
            Figure("elbo", bound.value, "nats per dimension", "higher", bound.error, protocol),
            Figure("distortion", distortion.value, "nats per dimension", "report", distortion.error, protocol),
            Figure("rate", rate.value, "nats per dimension", "report", rate.error, protocol),
        ]
