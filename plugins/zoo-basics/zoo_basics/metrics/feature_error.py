"""FeatureError: reconstructions against images, in the layers of a classifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast, final

import torch
from torch import Tensor

from zoo_core.building import check_inputs, find_extractor
from zoo_core.data import labels_for
from zoo_core.devices import float64
from zoo_core.errors import DataError, IncompatibleError
from zoo_core.interfaces import Batch, FeatureExtractor, Metric, MetricResult, Need

if TYPE_CHECKING:
    from zoo_core.model import Model


@final
class FeatureError(Metric):
    """Σ (d_l(x) − d_l(x̂))² / Σ (d_l(x) − d̄_l)² for each layer l, and its mean over the layers.

    x̂ = ``model.reconstruct(x)``. The sums run over examples and units; d̄_l is each unit's mean over the examples. 0
    is a reconstruction that the layer cannot tell from the image, 1 is as bad as the layer's mean activation.

    Figures: ``feature-error``, and ``feature-error/LAYER`` for each layer.

    Arguments:
        extractor: a feature extractor, by name, as a table with ``name`` and its parameters, or a saved model's folder; None is the
            model's ``classifier``.
    """

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "decoder": Need("decoder")}

    def __init__(self, *, extractor: str | dict[str, Any] | None = None) -> None:
        self.extractor = extractor

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The figures over all of ``batches``.

        Raises:
            IncompatibleError: no extractor is given and the model has no classifier.
            DataError: there are no examples.
        """
        extractor = self._extractor(model)
        sums: dict[str, _LayerSums] = {layer: _LayerSums() for layer in extractor.layers}
        for batch in batches:
            real = extractor.features(batch.x)
            # A forward of its own: a normalising layer sees one source at a time.
            made = extractor.features(model.reconstruct(batch.x, labels_for(model, batch, "encoder", "decoder")))
            for layer, layer_sums in sums.items():
                layer_sums.add(real[layer], made[layer])
        if not sums[extractor.layers[0]].count:
            raise DataError("there are no examples to measure", hint="choose another split")
        errors = {layer: layer_sums.error for layer, layer_sums in sums.items()}
        protocol = {
            "examples": sums[extractor.layers[0]].count,
            "extractor": self.extractor or "classifier",
            "layers": list(extractor.layers),
        }
        mean = sum(errors.values()) / len(errors)
        return [MetricResult("feature-error", mean, "of the layer's variance", "lower", None, protocol)] + [
            MetricResult(f"feature-error/{layer}", error, "of the layer's variance", "lower", None, protocol)
            for layer, error in errors.items()
        ]

    def _extractor(self, model: Model) -> FeatureExtractor:
        if self.extractor is None:
            if "classifier" not in model.parts:
                raise IncompatibleError(
                    'feature-error needs a feature extractor, and the model has no part "classifier"',
                    hint="--set feature-error.extractor=NAME, see zoo list --kind feature-extractor",
                )
            return cast(FeatureExtractor, model.parts["classifier"])
        found = find_extractor(self.extractor, image_shape=model.image_shape, labels=model.labels, wanted=None)
        check_inputs(
            "feature-error", found.part, "the one chosen", Need("feature-extractor"), "feature-error.extractor"
        )
        return found.part.to(device=model.device, dtype=model.dtype)


@final
class _LayerSums:
    """One layer's sums over the examples, in float64, kept for each unit so that one pass over the data is enough."""

    def __init__(self) -> None:
        self.count = 0
        self._residual = 0.0
        self._sum: Tensor | float = 0.0
        self._squares: Tensor | float = 0.0

    def add(self, real: Tensor, made: Tensor) -> None:
        """Activations of images and of their reconstructions, (N, …) each."""
        real, made = float64(real), float64(made)
        self.count += len(real)
        self._residual += (real - made).square().sum().item()
        self._sum = self._sum + real.sum(0)
        self._squares = self._squares + real.square().sum(0)

    @property
    def error(self) -> float:
        """Squared error over squared deviation from the units' means."""
        deviation = torch.as_tensor(self._squares - self._sum * self._sum / self.count).sum().item()
        # A layer that says the same of every image has no scale of its own: any error at all is then very large.
        return self._residual / max(deviation, 1e-12)
