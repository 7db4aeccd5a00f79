"""PriorAgreement: aggregated codes of data against draws from the prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_aae.metrics.mmd import median_distance, squared_mmd
from zoo_aae.metrics.prior_draws import prior_codes
from zoo_aae.metrics.two_sample import FEWEST, ClassifierName, two_sample_accuracy
from zoo_core.data import labels_for
from zoo_core.distributions import CodeSide, to_float32
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Encoder, Metric, MetricResult, Need
from zoo_core.noise import GeneratorNoise

if TYPE_CHECKING:
    from zoo_core.model import Model

CLASSIFIERS: tuple[ClassifierName, ...] = ("mlp", "knn")


class PriorAgreement(Metric):
    """How far the aggregated posterior q(z) = E_x[q(z given x)] of data is from the prior p(z) that it should match.

    Codes are draws from the posterior, one for each example, compared with as many draws from the prior; a prior that takes
    labels draws them itself.

    Figures: ``two-sample-mlp`` and ``two-sample-knn``, the held-out accuracy in percent of a classifier that tells codes
    from prior draws: 50 is agreement, 100 is none (:mod:`zoo_aae.metrics.two_sample`); ``two-sample-mlp-control`` and
    ``two-sample-knn-control``, the same for prior draws against prior draws, which shows how far from 50 chance goes;
    ``mmd``, the unbiased estimate of MMD² with a Gaussian kernel whose bandwidth is the median distance, and
    ``mmd-control`` (:mod:`zoo_aae.metrics.mmd`): 0 is agreement.

    Arguments:
        examples: codes, and as many draws, that a classifier is fitted to; as many again test it. With fewer than twice as
            many examples in the data, half of them fit and half test.
        latent: which side of a joint code: ``label`` the categories in front, ``style`` the others, or the whole
            ``code``, the only choice for other codes. Probabilities of categories are never quite one-hot, which draws of a
            categorical prior are: a classifier sees that at once.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"examples": 15}]

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "prior": Need("prior")}

    def __init__(self, *, examples: Annotated[int, Ge(FEWEST // 2)] = 5000, latent: CodeSide = "code") -> None:
        self.fit_examples = examples
        self.latent = latent

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The six figures. Of more examples than are needed a random part is taken.

        Raises:
            IncompatibleError: a side of the code is asked for that the codes do not have.
            DataError: there are fewer than 20 examples.
        """
        columns = cast(Encoder, model.parts["encoder"]).family.columns(self.latent, "prior-agreement.latent")
        codes = _codes(model, batches, generator)[:, columns]
        half = min(self.fit_examples, len(codes) // 2)
        if 2 * half < FEWEST:
            raise DataError(
                f"prior-agreement needs at least {FEWEST} examples, got {len(codes)}",
                hint="choose another split, or a larger --limit",
            )
        codes = codes[torch.randperm(len(codes), generator=generator)[: 2 * half]]
        draws, others = (to_float32(prior_codes(model, 2 * half, generator)[:, columns]).cpu() for _ in range(2))
        seed = int(torch.randint(2**31, (), generator=generator))
        protocol = {"fitted": 2 * half, "tested": 2 * half, "latent": self.latent}
        figures = []
        for name in CLASSIFIERS:
            accuracy = two_sample_accuracy(name, codes, draws, seed)
            control = two_sample_accuracy(name, others, draws, seed)
            figures += [
                MetricResult(f"two-sample-{name}", accuracy.percent, "%", "lower", accuracy.standard_error, protocol),
                MetricResult(
                    f"two-sample-{name}-control", control.percent, "%", "report", control.standard_error, protocol
                ),
            ]
        bandwidth = median_distance(codes, draws)
        about = {"codes": 2 * half, "draws": 2 * half, "bandwidth": bandwidth, "latent": self.latent}
        return [
            *figures,
            MetricResult("mmd", squared_mmd(codes, draws, bandwidth), "squared", "lower", None, about),
            MetricResult("mmd-control", squared_mmd(others, draws, bandwidth), "squared", "report", None, about),
        ]


def _codes(model: Model, batches: Iterable[Batch], generator: torch.Generator) -> Tensor:
    """A draw from the posterior of each example, (N, latent_dim), on the CPU, where the classifiers work."""
    encoder = cast(Encoder, model.parts["encoder"])
    noise = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
    codes = [
        encoder.posterior(batch.x, labels_for(model, batch, "encoder")).rsample(noise).cpu()
        for batch in batches
        if len(batch)
    ]
    return torch.cat(codes) if codes else torch.empty(0, encoder.latent_dim)
