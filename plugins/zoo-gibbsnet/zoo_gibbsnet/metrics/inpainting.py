"""Inpainting: how near completions come to what was hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_core.building import find_judge
from zoo_core.data import refuse_unlike, squared_distances
from zoo_core.devices import float64
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, Metric, MetricResult, Need, SplitName
from zoo_gibbsnet.chain import Decoding, labels_to_hold
from zoo_gibbsnet.masks import Known, known_pixels
from zoo_gibbsnet.metrics.looked_through import Features, look_through
from zoo_gibbsnet.samplers.inpaint import Inpaint

if TYPE_CHECKING:
    from zoo_core.model import Model


class Inpainting(Metric):
    """Completions of images of the split of which a part is known (Lamb 2018, section 3.6.3), against what was hidden, with two
    baselines: the ``mean`` training image, and the ``nearest`` training image by the known pixels.

    Figures:

    - ``inpainting-error`` of the mean of ``chains`` completions, ``inpainting-error-single`` of one, ``inpainting-error-mean`` and
      ``inpainting-error-nearest`` of the baselines: mean squared error of the hidden pixels.
    - where a ``judge`` is named, ``inpainting-accuracy`` of one completion, ``inpainting-accuracy-nearest`` and, of the images
      themselves, ``inpainting-accuracy-data``: how often it finds the image's class, in percent.
    - where ``features`` are named, ``inpainting-features``, ``inpainting-features-mean`` and ``inpainting-features-nearest``: mean squared
      distance between the features of an image and of its completion.

    Arguments:
        known: as the sampler ``inpaint`` has it.
        steps: of each chain.
        decoding: as the sampler ``gibbs-chain`` has it.
        images: at most so many.
        chains: completions of each image.
        judge: a classifier: its name, a saved model's folder, or a table.
        features: a feature extractor, the same ways.
    """

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "decoder": Need("decoder")}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        few = {"images": 8, "chains": 2}
        return [{**few, "steps": 2}, {**few, "known": "frame", "steps": 1, "features": "digit-classifier"}]

    def __init__(
        self,
        *,
        known: Known = "right",
        steps: Annotated[int, Ge(1), Le(1_000_000)] = 20,
        decoding: Decoding = "mean",
        images: Annotated[int, Ge(1)] = 1000,
        chains: Annotated[int, Ge(1), Le(10_000)] = 8,
        judge: Features | None = None,
        features: Features | None = None,
    ) -> None:
        self.known, self.steps, self.decoding, self.images, self.chains = known, steps, decoding, images, chains
        self.judge, self.features = judge, features
        self._split: Callable[[SplitName], Iterable[Batch]] | None = None

    def prepare(self, model: Model, split: Callable[[SplitName], Iterable[Batch]], generator: torch.Generator) -> None:
        """Keep the way to the training images."""
        self._split = split

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The figures.

        Raises:
            IncompatibleError: not prepared; a judge is asked for, and the data have no classes.
            DataError: there are no images, or none has a class.
            UnknownName, SettingError, WeightsError: judge or features.
        """
        if self._split is None:
            raise self.unprepared()
        batch = _first(batches, self.images)
        refuse_unlike(batch, model.labels)
        known = known_pixels(self.known, model.image_shape).to(batch.x.device)
        made = self._completions(model, batch, generator)
        single = made[0]
        baselines = {"mean": self._mean(batch.x, known), "nearest": self._nearest(batch.x, known)}
        protocol = {
            "images": len(batch),
            "known": self.known,
            "steps": self.steps,
            "chains": self.chains,
            "decoding": self.decoding,
        }
        found = {"": made.mean(0), "-single": single, "-mean": baselines["mean"], "-nearest": baselines["nearest"]}
        figures = [
            _figure(f"inpainting-error{name}", _error(batch.x, x, known), "squared grey level", "lower", protocol)
            for name, x in found.items()
        ]
        if self.judge is not None:
            figures += self._judged(
                model, batch, {"": single, "-nearest": baselines["nearest"], "-data": batch.x}, protocol
            )
        if self.features is not None:
            figures += self._felt(
                model, batch.x, {"": single, "-mean": baselines["mean"], "-nearest": baselines["nearest"]}, protocol
            )
        return figures

    def _completions(self, model: Model, batch: Batch, generator: torch.Generator) -> Tensor:
        """(chains, N, C, H, W)."""
        sampler = Inpaint(known=self.known, steps=self.steps, decoding=self.decoding, keep=0)
        y = labels_to_hold(model, batch)
        given: dict[str, Tensor] = {"x": batch.x.to(model.device, model.dtype), **({} if y is None else {"y": y})}
        return torch.stack([sampler(model, len(batch), generator, **given).x.to(batch.x) for _ in range(self.chains)])

    def _mean(self, x: Tensor, known: Tensor) -> Tensor:
        """Each image with the mean training image where it is hidden."""
        assert self._split is not None
        total, count = torch.zeros(x.shape[1:], dtype=torch.float64), 0
        for batch in self._split("train"):
            total += batch.x.cpu().double().sum(0)
            count += len(batch)
        return torch.where(known, x, (total / max(count, 1)).to(x))

    def _nearest(self, x: Tensor, known: Tensor) -> Tensor:
        """Each image with that training image where it is hidden whose known pixels are nearest."""
        assert self._split is not None
        return torch.where(known, x, nearest_by_known(x, known, self._split("train")))

    def _judged(
        self, model: Model, batch: Batch, found: Mapping[str, Tensor], protocol: Mapping[str, Any]
    ) -> list[MetricResult]:
        assert self.judge is not None
        if batch.y is None:
            raise IncompatibleError(
                "a judge of completions needs data with classes", hint="leave judge out, or choose other data"
            )
        classified = batch.y >= 0
        if not classified.any():
            raise DataError("no image has a class to find again", hint="leave judge out, or choose other data")
        judge = find_judge(self.judge, model)
        y = batch.y[classified].cpu()
        about = {
            **protocol,
            "judge": judge.extractor.name.rpartition(":")[2],
            "judge_sha256": judge.extractor.sha256[:16],
        }
        return [
            _figure(
                f"inpainting-accuracy{name}",
                100.0 * (judge.logits(x[classified]).argmax(1).cpu() == y),
                "%",
                "higher",
                about,
            )
            for name, x in found.items()
        ]

    def _felt(
        self, model: Model, x: Tensor, found: Mapping[str, Tensor], protocol: Mapping[str, Any]
    ) -> list[MetricResult]:
        assert self.features is not None
        eye = look_through(self.features, model)
        real, about = eye(x), {**protocol, **eye.protocol}
        return [
            _figure(f"inpainting-features{name}", (eye(one) - real).square().sum(1), "", "lower", about)
            for name, one in found.items()
        ]


def nearest_by_known(x: Tensor, known: Tensor, batches: Iterable[Batch]) -> Tensor:
    """Of each image (N, C, H, W) the one in ``batches`` whose known pixels are nearest to its own; of equally near ones the first."""
    best, images = x.new_full((len(x),), torch.inf), torch.zeros_like(x)
    for batch in batches:
        others = batch.x.to(x)
        squares, index = squared_distances((x * known).flatten(1), (others * known).flatten(1)).min(1)
        nearer = squares < best
        best[nearer], images[nearer] = squares[nearer], others[index[nearer]]
    return images


def _first(batches: Iterable[Batch], limit: int) -> Batch:
    """The first ``limit`` examples as one batch.

    Raises:
        DataError: there are none.
    """
    cut: list[Batch] = []
    left = limit
    for batch in batches:
        cut.append(batch.rows(0, left))
        left -= len(cut[-1])
        if left <= 0:
            break
    if not sum(map(len, cut)):
        raise DataError("there are no images to complete", hint="choose another split")
    labelled = [one.y for one in cut if one.y is not None]
    attributes = [one.attributes for one in cut if one.attributes is not None]
    return Batch(
        torch.cat([one.x for one in cut]),
        torch.cat(labelled) if labelled else None,
        attributes=torch.cat(attributes) if attributes else None,
        labels=cut[0].labels,
    )


def _error(x: Tensor, made: Tensor, known: Tensor) -> Tensor:
    """The mean squared error of each image's hidden pixels, (N,)."""
    hidden = (~known).expand(x.shape[1:])
    return float64((made - x)[:, hidden]).square().mean(1)


def _figure(name: str, values: Tensor, unit: str, better: str, protocol: Mapping[str, Any]) -> MetricResult:
    values = float64(values)
    error = (values.std() / len(values) ** 0.5).item() if len(values) > 1 else None
    return MetricResult(name, values.mean().item(), unit, better, error, protocol)
