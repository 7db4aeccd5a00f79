"""ChainAttributeError: what a chain over images and attributes says of images, and shows of attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le, Lt
from torch import Tensor

from zoo_core.building import find_judge
from zoo_core.data import refuse_unlike
from zoo_core.devices import float64
from zoo_core.errors import DataError, IncompatibleError, SettingError, did_you_mean, shown
from zoo_core.interfaces import Batch, Metric, MetricResult, Need, Tags
from zoo_gibbsnet.chain import Chain, Decoding, first_attributes, noise_of
from zoo_gibbsnet.metrics.looked_through import Features
from zoo_gibbsnet.samplers.gibbs_chain import GibbsChain

if TYPE_CHECKING:
    from zoo_core.model import Model


class ChainAttributeError(Metric):
    """Both ways through a model of images and attributes (Lamb 2018, section 3.6.3), which was trained for neither.

    ``attribute-error``: images of the split are clamped, and attributes read off ``steps`` steps of the chain, by the majority of
    ``chains`` chains: the balanced error, mean of the error where an attribute is there and where it is not, averaged over those of
    which both make up ``min_share`` of the images. Guessing has 50 %.

    ``attribute-found-NAME``: an attribute is clamped to 1, the others are free, and a ``judge`` finds it in so many of ``samples``
    pictures; ``attribute-found-NAME-free`` in as many of the unclamped chain, ``attribute-found-NAME-data`` of the images that have it.

    Arguments:
        steps: of each chain.
        chains: for each image; an even split counts as 0.
        decoding: as the sampler ``gibbs-chain`` has it.
        images: at most so many.
        min_share: of either value, for an attribute to count.
        judge: a classifier of these attributes, as a rule a saved model's folder; None leaves the second part out.
        clamped: names of the attributes that it looks for.
        samples: pictures a name.
    """

    tags: ClassVar[Tags] = Tags(labels="attributes")
    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder", frozenset({"labels"})),
        "decoder": Need("decoder", frozenset({"likelihood.attributes"})),
        "prior": Need("prior"),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"steps": 2, "chains": 3, "images": 8, "min_share": 0.0}]

    def __init__(
        self,
        *,
        steps: Annotated[int, Ge(1), Le(1_000_000)] = 20,
        chains: Annotated[int, Ge(1), Le(10_000)] = 16,
        decoding: Decoding = "mean",
        images: Annotated[int, Ge(1)] = 1000,
        min_share: Annotated[float, Ge(0), Lt(0.5)] = 0.05,
        judge: Features | None = None,
        clamped: tuple[str, ...] = (),
        samples: Annotated[int, Ge(1)] = 500,
    ) -> None:
        self.steps, self.chains, self.decoding, self.images, self.min_share = steps, chains, decoding, images, min_share
        self.judge, self.clamped, self.samples = judge, clamped, samples

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The figures.

        Raises:
            IncompatibleError, DataError: the data have no attributes, others than the model, or none of both values.
            SettingError: no attribute of that name, or names without a judge.
        """
        for name in self.clamped:
            if name not in model.labels.names:
                raise SettingError(
                    f"the model has no attribute {shown(name)!r}", hint=did_you_mean(name, model.labels.names)
                )
        if self.clamped and self.judge is None:
            raise SettingError(
                "clamped attributes are looked for by a judge",
                hint="name one: --set attribute-error.judge=runs/classifier",
            )
        votes, truth, x = self._read(model, batches, generator)
        protocol = {"steps": self.steps, "chains": self.chains, "decoding": self.decoding, "images": len(truth)}
        errors = balanced_errors(2 * votes > self.chains, truth, self.min_share)
        if not errors:
            raise DataError(
                "no attribute is there in some images and not in others",
                hint="choose another split, or a smaller min_share",
            )
        about = {**protocol, "attributes": len(errors), "min_share": self.min_share}
        figures = [MetricResult("attribute-error", 100 * sum(errors) / len(errors), "%", "lower", None, about)]
        if self.judge is not None:
            figures += self._found(model, x, truth, generator, protocol)
        return figures

    def _read(
        self, model: Model, batches: Iterable[Batch], generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """How many of the chains say yes (N, A), what the data say (N, A), and the images."""
        noise, left = noise_of(model, generator), self.images
        votes, truth, images = [], [], []
        for batch in batches:
            refuse_unlike(batch, model.labels)
            if batch.attributes is None:
                raise IncompatibleError(
                    "attribute-error needs data with attributes", hint="choose the data that the model was trained on"
                )
            cut = batch.rows(0, left)
            left -= len(cut)
            votes.append(self._votes(model, cut.x.to(model.device, model.dtype), noise))
            truth.append(torch.as_tensor(cut.attributes).cpu())
            images.append(cut.x.cpu())
            if left <= 0:
                break
        if not truth:
            raise DataError("there are no images to read attributes off", hint="choose another split")
        return torch.cat(votes), torch.cat(truth), torch.cat(images)

    def _votes(self, model: Model, x: Tensor, noise: Any) -> Tensor:
        votes = torch.zeros(len(x), model.labels.count, dtype=torch.int64)
        for _ in range(self.chains):
            chain = Chain(model, noise, decoding=self.decoding, clamp=lambda made: x)
            pairs = chain.pairs(chain.infer(x, first_attributes(model, chain, len(x))))
            *_, last = islice(pairs, self.steps)
            assert last.attributes is not None
            votes += last.attributes.long().cpu()
        return votes

    def _found(
        self, model: Model, x: Tensor, truth: Tensor, generator: torch.Generator, protocol: Mapping[str, Any]
    ) -> list[MetricResult]:
        assert self.judge is not None
        judge = find_judge(self.judge, model)
        sampler = GibbsChain(steps=self.steps, decoding=self.decoding, keep=0)
        about = {
            **protocol,
            "images": self.samples,
            "judge": judge.extractor.name.rpartition(":")[2],
            "judge_sha256": judge.extractor.sha256[:16],
        }
        free = judge.logits(sampler(model, self.samples, generator).x).cpu() > 0
        figures = []
        for name in self.clamped:
            place = model.labels.names.index(name)
            y = torch.full((self.samples, model.labels.count), -1, device=model.device)
            y[:, place] = 1
            made = judge.logits(sampler(model, self.samples, generator, y=y).x).cpu()[:, place] > 0
            having = x[truth[:, place] == 1]
            shares = {"": made, "-free": free[:, place], "-data": judge.logits(having).cpu()[:, place] > 0}
            figures += [
                MetricResult(
                    f"attribute-found-{name}{kind}",
                    100 * float64(found).mean().item(),
                    "%",
                    "higher" if not kind else "report",
                    None,
                    about,
                )
                for kind, found in shares.items()
            ]
        return figures


def balanced_errors(said: Tensor, truth: Tensor, min_share: float) -> list[float]:
    """Of each attribute with both values, each in ``min_share`` of the examples where it is known: the mean of the error among those
    that have it and among those that do not.

    Arguments:
        said: bool (N, A).
        truth: (N, A), −1 where not known.
    """
    errors = []
    for guess, true in zip(said.T, truth.T, strict=True):
        there, missing = true == 1, true == 0
        fewest = min(int(there.sum()), int(missing.sum()))
        if fewest and fewest >= min_share * int((there | missing).sum()):
            errors.append(0.5 * (float64(~guess[there]).mean() + float64(guess[missing]).mean()).item())
    return errors
