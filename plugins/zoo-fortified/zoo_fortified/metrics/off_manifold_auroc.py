"""OffManifoldAUROC: how well the autoencoders' errors tell inputs that are not of the data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_core.data import open_dataset
from zoo_core.interfaces import Batch, FeatureExtractor, Metric, MetricResult, Need, Tags
from zoo_core.noise import GeneratorNoise
from zoo_fortified.fortification import CLASSIFIER
from zoo_fortified.scores import auroc, off_manifold
from zoo_fortified.under_attack import attacked_images, labelled_examples, loss_of, named_attack

if TYPE_CHECKING:
    from zoo_core.model import Model

AT_ONCE = 500


class OffManifoldAUROC(Metric):
    """The chance that :func:`zoo_fortified.off_manifold` is larger for an input that is not of the data than for one that is, by
    fortified layer: ``off-manifold-KIND/LAYER``. KIND is

    - ``attack``: the attacked image; ``adaptive``: attacked by one that knows the score and keeps it small while the net is wrong;
    - ``noise``: the image with as much Gaussian noise as ``noise`` says;
    - ``other``: images of the data set ``other``, in the model's size.

    ``off-manifold-ratio/LAYER`` is the mean score of attacked images over that of clean ones (Figure 2.4).

    Arguments:
        attack: ``fgsm:EPSILON``, ``pgd:EPSILON`` or ``pgd:EPSILON:STEPS``.
        adaptive_weight: of log(score) in what the adaptive attack lowers, beside the loss that it raises.
        noise: standard deviation.
        other: a data set's name; empty leaves it out.
        relative: scores over each example's mean square activation.
        examples: how many of the split's images.
        data_root: where data sets lie.

    Raises:
        SettingError: the attack is none.
    """

    tags: ClassVar[Tags] = Tags(labels="classes")
    needs: ClassVar[Mapping[str, Need]] = {"classifier": CLASSIFIER}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"attack": "pgd:0.1:3", "examples": 20}]

    def __init__(
        self,
        *,
        attack: str = "pgd:0.1",
        adaptive_weight: Annotated[float, Ge(0), Le(1e6)] = 1.0,
        noise: Annotated[float, Ge(0), Le(1)] = 0.3,
        other: str = "",
        relative: bool = False,
        examples: Annotated[int, Ge(2), Le(10_000_000)] = 1000,
        data_root: str | None = None,
    ) -> None:
        self.attack_name, self.attack = attack, named_attack(attack, "off-manifold.attack")
        self.weight, self.std, self.other = adaptive_weight, noise, other
        self.relative, self.count, self.data_root = relative, examples, data_root

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The figures over the first labelled examples of ``batches``.

        Raises:
            IncompatibleError: the data have no classes.
            DataError: there are no labelled examples.
        """
        classifier = cast(FeatureExtractor, model.parts["classifier"])
        noise = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
        found: dict[str, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))

        def scores(x: Tensor) -> dict[str, Tensor]:
            return off_manifold(classifier, x, relative=self.relative)

        def keep(kind: str, x: Tensor) -> None:
            with torch.no_grad():
                for layer, values in scores(x).items():
                    found[layer][kind].append(values.cpu())

        attack = self.attack.made()
        for x, y in labelled_examples(model, batches, self.count, "off-manifold"):
            keep("clean", x)
            keep("attack", attacked_images(attack, self._logits(classifier), x, y, noise))
            keep("adaptive", attack.perturb(self._adaptive(classifier, y, scores), x, noise))
            keep("noise", (x + self.std * noise.normal("noise", x.shape)).clamp(0, 1))
        for x in self._others(model):
            keep("other", x)
        return self._figures({layer: {k: torch.cat(v) for k, v in kinds.items()} for layer, kinds in found.items()})

    @staticmethod
    def _logits(classifier: FeatureExtractor) -> Callable[[Tensor], Tensor]:
        return lambda x: classifier.features(x)["logits"]

    def _adaptive(
        self, classifier: FeatureExtractor, y: Tensor, scores: Callable[[Tensor], dict[str, Tensor]]
    ) -> Callable[[Tensor], Tensor]:
        """The loss, less the logarithm of the scores, for an attack that is not to be noticed."""
        wrong = loss_of(self._logits(classifier), y)

        def loss(x: Tensor) -> Tensor:
            noticed = torch.stack([values.clamp(min=1e-12).log() for values in scores(x).values()]).sum(0)
            return wrong(x) - self.weight * noticed

        return loss

    def _others(self, model: Model) -> Iterable[Tensor]:
        if not self.other:
            return
        channels, height, width = model.image_shape
        images = open_dataset(self.other, root=self.data_root, image_size=(height, width)).split("test").x
        for rows in torch.arange(min(len(images), self.count)).split(AT_ONCE):
            piece = images[rows] if isinstance(images, Tensor) else torch.stack([images[int(i)] for i in rows])
            x = piece.to(model.device, model.dtype) / 255
            yield x if x.shape[1] == channels else x.mean(1, keepdim=True).expand(-1, channels, -1, -1)

    def _figures(self, found: Mapping[str, Mapping[str, Tensor]]) -> list[MetricResult]:
        figures = []
        for layer, kinds in found.items():
            clean = kinds["clean"]
            for kind, values in kinds.items():
                protocol: dict[str, Any] = {"examples": len(values), "clean": len(clean), "attack": self.attack_name}
                if kind != "clean":
                    name = f"off-manifold-{kind}/{layer}"
                    figures.append(MetricResult(name, auroc(clean, values), "AUROC", "higher", None, protocol))
            ratio = float(kinds["attack"].mean() / clean.mean().clamp(min=1e-30))
            figures.append(MetricResult(f"off-manifold-ratio/{layer}", ratio, "", "report", None, protocol))
        return figures
