"""RobustnessPlot: accuracy against the radius of the attack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Gt, Le, MinLen

from zoo_core.interfaces import Batch, FeatureExtractor, Need, Plot, Tags
from zoo_core.noise import GeneratorNoise
from zoo_fortified.under_attack import STEPS, NamedAttack, attacked_images, is_noisy, labelled_examples, right

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from zoo_core.model import Model


class RobustnessPlot(Plot):
    """Accuracy of the part ``classifier`` against the radius ε of white-box FGSM and PGD, up to 1 (Lamb 2018, Figure 2.5), and chance.
    Where an attack of any size cannot bring it down to chance, its slope is of no use to the attacker, and nor are figures at small ε.

    Arguments:
        epsilons: radii.
        eot: draws of the net's noise at each step, where it has some.
        steps: of PGD.
        examples: images, at most.
    """

    tags: ClassVar[Tags] = Tags(labels="classes")
    needs: ClassVar[Mapping[str, Need]] = {"classifier": Need("feature-extractor", frozenset({"logits"}))}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"epsilons": [0.1, 1.0], "steps": 2, "eot": 1, "examples": 20}]

    def __init__(
        self,
        *,
        epsilons: Annotated[tuple[Annotated[float, Gt(0), Le(1)], ...], MinLen(1)] = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
        eot: Annotated[int, Ge(1), Le(10_000)] = 1,
        steps: Annotated[int, Ge(1), Le(100_000)] = STEPS,
        examples: Annotated[int, Ge(1), Le(10_000_000)] = 500,
    ) -> None:
        self.epsilons, self.eot, self.steps, self.count = sorted(set(epsilons)), eot, steps, examples

    def size(self, model: Model) -> tuple[float, float]:
        return 4.0, 3.0

    def draw(self, figure: FigureBase, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        """A line for each attack.

        Raises:
            DataError: there are no labelled examples.
        """
        classifier = cast(FeatureExtractor, model.parts["classifier"])
        draws = self.eot if is_noisy(classifier) else 1
        noise = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
        found: dict[tuple[str, float], list[torch.Tensor]] = defaultdict(list)
        classes: list[torch.Tensor] = []

        def logits(x: torch.Tensor) -> torch.Tensor:
            return classifier.features(x)["logits"]

        for x, y in labelled_examples(model, batches, self.count, "robustness"):
            classes.append(y.cpu())
            for kind in ("fgsm", "pgd"):
                found[kind, 0.0].append(right(logits, x, y))
                for epsilon in self.epsilons:
                    attack = NamedAttack(kind, epsilon, self.steps).made()
                    moved = attacked_images(attack, logits, x, y, noise, draws)
                    found[kind, epsilon].append(right(logits, moved, y))
        axes = figure.add_subplot()
        for kind in ("fgsm", "pgd"):
            places = [0.0, *self.epsilons]
            axes.plot(places, [float(torch.cat(found[kind, e]).mean()) for e in places], marker="o", label=kind.upper())
        y = torch.cat(classes)
        axes.axhline(float(y.bincount().max()) / len(y), color="grey", linestyle=":", label="chance")
        axes.set_xlabel("ε")
        axes.set_ylabel("accuracy")
        axes.set_ylim(-0.02, 1.02)
        axes.legend()
