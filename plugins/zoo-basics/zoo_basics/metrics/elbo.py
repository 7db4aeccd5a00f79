"""ELBOMetric: the evidence lower bound, and its two sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast, final

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_basics.kl_divergence import has_closed_form, kl_divergence
from zoo_basics.metrics.mean import StreamingMean
from zoo_core.data import labels_for
from zoo_core.devices import float64
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Decoder, Encoder, Metric, MetricResult, Need, Prior
from zoo_core.noise import GeneratorNoise

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class ELBOMetric(Metric):
    """E_q[log p(x given z)] − KL(q(z given x) ‖ p(z)), in nats per dimension of x.

    Figures: ``elbo``; ``distortion``, −E_q[log p(x given z)]; ``rate``, the divergence. elbo = −distortion − rate. A decoder that tells
    attributes a adds ``attribute-distortion``, −E_q[log p(a given z)]: the bound is that of log p(x, a).

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

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The three figures over all of ``batches``."""
        encoder, decoder, prior = (model.parts[name] for name in ("encoder", "decoder", "prior"))
        encoder, decoder, prior = cast(Encoder, encoder), cast(Decoder, decoder), cast(Prior, prior)
        closed_form = has_closed_form(encoder, prior)
        bound, distortion, rate, told = StreamingMean(), StreamingMean(), StreamingMean(), StreamingMean()
        tells = "likelihood.attributes" in decoder.capabilities
        for batch in batches:
            x, y, units = batch.x, labels_for(model, batch, "decoder"), batch.x[0].numel()
            noise = GeneratorNoise(generator, device=x.device, dtype=x.dtype)
            posterior = encoder.posterior(x, labels_for(model, batch, "encoder"))
            nll, kl, attributes = (float64(x.new_zeros(len(x))) for _ in range(3))
            for _ in range(self.draws):
                z = posterior.rsample(noise)
                likelihood = decoder.likelihood(z, y)
                nll -= float64(likelihood.log_prob(x)) / (self.draws * units)
                if likelihood.attributes is not None:
                    attributes -= float64(likelihood.attributes.log_prob(_attributes(batch))) / (self.draws * units)
                kl += float64(kl_divergence(posterior, prior, z, closed_form=closed_form)) / (self.draws * units)
            bound.add(-nll - attributes - kl)
            distortion.add(nll)
            told.add(attributes)
            rate.add(kl)
        protocol = {"examples": bound.count, "draws": self.draws}
        unit = "nats per dimension"
        of_attributes = (
            [MetricResult("attribute-distortion", told.value, unit, "report", told.error, protocol)] if tells else []
        )
        return [
            MetricResult("elbo", bound.value, unit, "higher", bound.error, protocol),
            MetricResult("distortion", distortion.value, unit, "report", distortion.error, protocol),
            *of_attributes,
            MetricResult("rate", rate.value, unit, "report", rate.error, protocol),
        ]


def _attributes(batch: Batch) -> Tensor:
    """The batch's attributes.

    Raises:
        DataError: there are none.
    """
    if batch.attributes is None:
        raise DataError(
            "elbo: the decoder tells attributes, and the data have none", hint="choose data with attributes"
        )
    return batch.attributes
