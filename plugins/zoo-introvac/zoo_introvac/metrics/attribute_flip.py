"""AttributeFlip: whether edited pictures show what was asked for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

import torch
from annotated_types import Ge, Gt, Le, MinLen
from torch import Tensor
from torch.nn.functional import one_hot

from zoo_core.building import find_judge
from zoo_core.data import refuse_unlike
from zoo_core.devices import float64
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Metric, MetricResult, Need
from zoo_introvac.directions import linear_head, place_of, told_by
from zoo_introvac.editing import moved

if TYPE_CHECKING:
    from zoo_core.model import Model

Judging: TypeAlias = Callable[[Tensor], Tensor]
"""Images to what is seen in them, bool (N, A)."""

CORRELATED = 0.2
"""Attributes whose correlation with the edited one is this or more are expected to change with it."""


class AttributeFlip(Metric):
    """A judge looks at pictures whose codes were moved by δ along the direction of an attribute (Maggipinto, Terzi and Susto 2020,
    section 4.2). For each attribute NAME that the head tells, and each δ:

    ``attribute-added-NAME-δ``: of the images without it, in so many it is seen after +δ. ``attribute-removed-NAME-δ``: of the
    reconstructions in which it is seen where it should be, in so many it is not seen after −δ.

    What these can be held against: ``attribute-recall-NAME`` and ``attribute-specificity-NAME``, how often the judge is right about the
    images themselves, and ``attribute-kept-NAME``, in how many reconstructions of images that have it it is still seen.

    ``attribute-others-NAME-δ``: how often what the judge says of an attribute that has little to do with NAME (a correlation below 0.2 in
    these data) is another after +δ than of the reconstruction; ``attribute-others-NAME-swap``, than of the reconstruction of another image.

    Arguments:
        judge: a classifier of these labels, as a rule the folder of one that was trained on other people; None asks the model's own
            encoder and head, which is fooled by what they were trained with.
        attributes: names; none means all that the head tells.
        deltas: how far, in units of z.
        images: at most so many.
    """

    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder"),
        "head": Need("head", frozenset({"head.linear"})),
    }

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"deltas": [2.0]}, {"deltas": [1.0, 3.0], "images": 20, "labels": "attributes"}]

    def __init__(
        self,
        *,
        judge: str | dict[str, Any] | None = None,
        attributes: tuple[str, ...] = (),
        deltas: Annotated[tuple[Annotated[float, Gt(0), Le(1000)], ...], MinLen(1)] = (2.0, 4.0, 6.0),
        images: Annotated[int, Ge(1)] = 1000,
    ) -> None:
        self.judge, self.attributes, self.deltas, self.images = judge, attributes, sorted(set(deltas)), images

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The figures; those that no image bears on are left out.

        Raises:
            SettingError: an attribute that the head does not know.
            DataError: there are no images, or none whose labels bear on any of these attributes.
        """
        names = self.attributes or told_by(model).names
        for name in names:
            place_of(model, name)
        judging, about = self._judging(model)
        seen = self._seen(model, batches, names, judging)
        about = {**about, "images": len(seen["truth"])}
        figures = [figure for name in names for figure in self._figures(model, name, seen, about)]
        if not figures:
            raise DataError("no image is known to have or lack any of these attributes", hint="choose another split")
        return figures

    def _judging(self, model: Model) -> tuple[Judging, dict[str, Any]]:
        """What judges, and what is said of it."""
        classes = model.labels.type == "classes"

        def verdict(logits: Tensor) -> Tensor:
            return (one_hot(logits.argmax(1), logits.shape[1]) > 0 if classes else logits > 0).cpu()

        if self.judge is None:
            told = told_by(model)
            places = [told.names.index(name) if name in told.names else -1 for name in model.labels.names]

            def own(x: Tensor) -> Tensor:
                logits = linear_head(model).logits(model.encode(x))[:, : told.count]
                return verdict(torch.cat([logits, logits.new_full((len(x), 1), -torch.inf)], 1)[:, places])

            return own, {"judge": "the model's own head"}
        judge = find_judge(self.judge, model)
        name = judge.extractor.name.rpartition(":")[2]
        return lambda x: verdict(judge.logits(x)), {"judge": name, "judge_sha256": judge.extractor.sha256[:16]}

    def _seen(
        self, model: Model, batches: Iterable[Batch], names: tuple[str, ...], judging: Judging
    ) -> dict[Any, Tensor]:
        """The truth, int8 (N, A), and what is seen, bool (N, A): in the images, their reconstructions, and after each move (name, δ)."""
        found: dict[Any, list[Tensor]] = {}
        left = self.images
        for batch in batches:
            refuse_unlike(batch, model.labels)
            cut = batch.rows(0, left)
            left -= len(cut)
            x = cut.x.to(model.device, model.dtype)
            z = model.encode(x)
            found.setdefault("truth", []).append(_truth(cut, model))
            found.setdefault("images", []).append(judging(x))
            found.setdefault("reconstructions", []).append(judging(model.decode(z).clamp(0, 1)))
            for name in names:
                for delta in (sign * size for size in self.deltas for sign in (1, -1)):
                    edited = model.decode(moved(model, z, {name: delta})).clamp(0, 1)
                    found.setdefault((name, delta), []).append(judging(edited))
            if left <= 0:
                break
        if not found:
            raise DataError("there are no images to edit", hint="choose another split")
        return {key: torch.cat(tensors) for key, tensors in found.items()}

    def _figures(
        self, model: Model, name: str, seen: Mapping[Any, Tensor], about: Mapping[str, Any]
    ) -> Iterator[MetricResult]:
        place = model.labels.names.index(name)
        has, lacks = seen["truth"][:, place] == 1, seen["truth"][:, place] == 0
        kept = has & seen["reconstructions"][:, place]
        others = _unrelated(seen["truth"], place)

        def share(kind: str, flags: Tensor, better: str) -> Iterator[MetricResult]:
            if flags.numel():
                yield MetricResult(f"attribute-{kind}", 100 * float64(flags).mean().item(), "%", better, None, about)

        yield from share(f"recall-{name}", seen["images"][has, place], "report")
        yield from share(f"specificity-{name}", ~seen["images"][lacks, place], "report")
        yield from share(f"kept-{name}", seen["reconstructions"][has, place], "higher")
        for delta in self.deltas:
            yield from share(f"added-{name}-{delta:g}", seen[name, delta][lacks, place], "higher")
            yield from share(f"removed-{name}-{delta:g}", ~seen[name, -delta][kept, place], "higher")
        before = seen["reconstructions"][:, others]
        for delta in self.deltas:
            yield from share(f"others-{name}-{delta:g}", before != seen[name, delta][:, others], "lower")
        if len(before) > 1:
            yield from share(f"others-{name}-swap", before != before.roll(1, 0), "report")


def _truth(batch: Batch, model: Model) -> Tensor:
    """1 has it, 0 has it not, −1 not known, int8 (N, A)."""
    if model.labels.type == "attributes" and batch.attributes is not None:
        return batch.attributes.cpu()
    if batch.y is None:
        return torch.full((len(batch), model.labels.count), -1, dtype=torch.int8)
    y = batch.y.cpu()
    return torch.where(y[:, None] < 0, -1, one_hot(y.clamp(min=0), model.labels.count)).to(torch.int8)


def _unrelated(truth: Tensor, place: int) -> list[int]:
    """The labels whose correlation with that at ``place`` is below 0.2, where both are known and vary."""
    found = []
    for other in range(truth.shape[1]):
        known = (truth[:, place] >= 0) & (truth[:, other] >= 0)
        pair = float64(truth[known][:, [place, other]]).T
        if other == place or pair.shape[1] < 2 or (pair.std(1) == 0).any():
            continue
        if abs(float(torch.corrcoef(pair)[0, 1])) < CORRELATED:
            found.append(other)
    return found
