"""NLL: the negative log-likelihood by importance sampling."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast, final

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_basics.metrics.mean import StreamingMean
from zoo_core.data import labels_for
from zoo_core.devices import float64
from zoo_core.interfaces import Batch, Decoder, Encoder, Metric, MetricResult, Need, Prior
from zoo_core.noise import GeneratorNoise

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class NLL(Metric):
    """−log p(x) ≈ −log (1/K) Σ_k p(x given z_k) p(z_k) / q(z_k given x), in nats per dimension of x.

    z_k are draws from q(z given x). The estimate that Lamb et al. 2016 report (section 5.2: 100 draws per example,
    per-unit averages); an upper bound in expectation that tightens with K (Burda et al. 2016, Theorem 1).

    Arguments:
        draws: K, for each example.
        chunk: how many (example, draw) pairs are decoded at once; memory grows with it, the estimate does not depend on
            it but for the order of the draws.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"draws": 5, "chunk": 16}]

    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder", frozenset({"posterior.log_prob"})),
        "decoder": Need("decoder", frozenset({"likelihood.log_prob"})),
        "prior": Need("prior", frozenset({"prior.log_prob"})),
    }

    def __init__(self, *, draws: Annotated[int, Ge(1)] = 100, chunk: Annotated[int, Ge(1)] = 1000) -> None:
        self.draws = draws
        self.chunk = chunk

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """One figure, ``nll``, over all of ``batches``."""
        nll = StreamingMean()
        for batch in batches:
            for start in range(0, len(batch), self.chunk):
                rows = batch.rows(start, start + self.chunk)
                nll.add(-self._log_likelihood(model, rows, generator) / rows.x[0].numel())
        protocol = {"examples": nll.count, "draws": self.draws}
        return [MetricResult("nll", nll.value, "nats per dimension", "lower", nll.error, protocol)]

    def _log_likelihood(self, model: Model, batch: Batch, generator: torch.Generator) -> Tensor:
        """The estimate of log p(x), float64 (N,), in nats, for at most ``chunk`` examples."""
        encoder, decoder = cast(Encoder, model.parts["encoder"]), cast(Decoder, model.parts["decoder"])
        prior = cast(Prior, model.parts["prior"])
        x, y, n = batch.x, labels_for(model, batch, "decoder"), len(batch)
        noise = GeneratorNoise(generator, device=x.device, dtype=x.dtype)
        posterior = encoder.posterior(x, labels_for(model, batch, "encoder"))
        log_weights: list[Tensor] = []
        at_once = max(1, self.chunk // n)
        for start in range(0, self.draws, at_once):
            draws = [posterior.rsample(noise) for _ in range(min(at_once, self.draws - start))]
            k, z = len(draws), torch.cat(draws)
            log_q = torch.cat([posterior.log_prob(draw) for draw in draws])
            log_x = decoder.likelihood(z, None if y is None else torch.cat([y] * k)).log_prob(x.repeat(k, 1, 1, 1))
            log_weights.append((float64(log_x) + float64(prior.log_prob(z)) - float64(log_q)).view(k, n))
        return torch.logsumexp(torch.cat(log_weights), dim=0) - math.log(self.draws)
