"""OffManifoldPlot: the scores of images as they are and otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Le

from zoo_core.interfaces import Batch, FeatureExtractor, Need, Plot, Tags
from zoo_core.noise import GeneratorNoise
from zoo_fortified.extractor import fortified_layers
from zoo_fortified.fortification import CLASSIFIER
from zoo_fortified.scores import off_manifold
from zoo_fortified.under_attack import attacked_images, labelled_examples, named_attack

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model


class OffManifoldPlot(Plot):
    """Histograms of :func:`zoo_fortified.off_manifold`, a panel for each fortified layer: of images as they are, attacked, and with noise.

    Arguments:
        attack: ``fgsm:EPSILON``, ``pgd:EPSILON`` or ``pgd:EPSILON:STEPS``.
        noise: standard deviation of the noise.
        examples: images, at most.
    """

    tags: ClassVar[Tags] = Tags(labels="classes")
    needs: ClassVar[Mapping[str, Need]] = {"classifier": CLASSIFIER}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"attack": "fgsm:0.1", "examples": 20}]

    def __init__(
        self,
        *,
        attack: str = "pgd:0.1",
        noise: Annotated[float, Ge(0), Le(1)] = 0.3,
        examples: Annotated[int, Ge(1), Le(10_000_000)] = 1000,
    ) -> None:
        self.name, self.attack = attack, named_attack(attack, "off-manifold.attack").made()
        self.std, self.count = noise, examples

    def size(self, model: Model) -> tuple[float, float]:
        panels = len(fortified_layers(cast(FeatureExtractor, model.parts["classifier"]).layers))
        return 3.2 * panels, 2.6

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """The panels.

        Raises:
            DataError: there are no labelled examples.
        """
        classifier = cast(FeatureExtractor, model.parts["classifier"])
        source = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
        found: dict[str, dict[str, list[torch.Tensor]]] = defaultdict(lambda: defaultdict(list))
        for x, y in labelled_examples(model, batches, self.count, "off-manifold"):
            moved = attacked_images(self.attack, lambda x: classifier.features(x)["logits"], x, y, source)
            noisy = (x + self.std * source.normal("noise", x.shape)).clamp(0, 1)
            for what, images in (("as they are", x), (self.name, moved), (f"noise {self.std:g}", noisy)):
                with torch.no_grad():
                    for layer, scores in off_manifold(classifier, images).items():
                        found[layer][what].append(scores.cpu())
        for number, (layer, kinds) in enumerate(found.items()):
            axes = figure.add_subplot(1, len(found), number + 1)
            logs = {what: torch.cat(values).clamp(min=1e-12).log10().numpy() for what, values in kinds.items()}
            for what, values in logs.items():
                axes.hist(values, bins=40, alpha=0.5, label=what, density=True)
            axes.set_title(layer)
            axes.set_xlabel("log₁₀ of the score")
            axes.set_yticks([])
            if not number:
                axes.legend()
