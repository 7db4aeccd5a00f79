"""Robustness: accuracy under attack, and whether the figures are to be trusted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

import torch
from annotated_types import Ge, Le, MinLen
from torch import Tensor

from zoo_core.building import find_judge
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, FeatureExtractor, Metric, MetricResult, Need, Tags
from zoo_core.noise import GeneratorNoise
from zoo_fortified.under_attack import (
    Logits,
    attacked_images,
    half_width,
    is_noisy,
    labelled_examples,
    loss_of,
    named_attack,
    right,
)

if TYPE_CHECKING:
    from zoo_core.model import Model

NEAR = 0.01
"""Length of the step that the loss surface is looked at with, in each pixel."""


class Robustness(Metric):
    """Accuracy of the part ``classifier`` under attacks, with section 2.6.2's checks for masked gradients (Lamb 2018).

    For each attack: ``robustness-A`` white box; ``-eot`` with the gradient averaged over the net's noise, where it has some;
    ``-black-box`` with images made on each of the ``black_box`` models, the strongest for each image. With ``against``, ``-gain``: how much
    more often this model is right than that one, each under white-box attacks on itself.

    Each check gives a margin: how far the figure is on the good side of its limit, the half width of a 95 % interval over the same
    examples included; 0 or more passes. All but the first are at the largest ε of ``attacks``, over the net's noise where it has some.

    - ``masking-black-box-A``: the black-box attacks find no more errors than the white-box ones.
    - ``masking-unbounded``: with steps up to ε = 1 the accuracy is at or below chance (the share of the largest class).
    - ``masking-iterative``: many steps find at least as many errors as one.
    - ``masking-steps``: twice the steps find at least as many.
    - ``masking-restarts``: two random starts find as many as each other.
    - ``masking-surface``: a small step along the slope's sign raises the loss more than one in a random direction does, for more than
      half of the images, beyond the interval.

    ``masking-failed`` counts those that fail. To fail says that the white-box figures are too good; to pass proves nothing.

    Arguments:
        attacks: ``fgsm:EPSILON``, ``pgd:EPSILON`` or ``pgd:EPSILON:STEPS``; steps of ``pgd`` are 2.5 ε / steps long, from a random start.
        eot: draws of the net's noise at each step of ``-eot``; 1 leaves it out.
        black_box: folders of trained classifiers that attacks are made on: an undefended one of another seed, say.
        against: folder of a trained classifier to compare with.
        examples: how many of the split's labelled images.
        checks: false leaves the checks for masking out.

    Raises:
        SettingError: an attack that is none.
    """

    tags: ClassVar[Tags] = Tags(labels="classes")
    needs: ClassVar[Mapping[str, Need]] = {"classifier": Need("feature-extractor", frozenset({"logits"}))}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"attacks": ["fgsm:0.1", "pgd:0.1:3"], "examples": 20, "eot": 2}, {"examples": 10, "checks": False}]

    def __init__(
        self,
        *,
        attacks: Annotated[tuple[str, ...], MinLen(1)] = ("fgsm:0.1", "pgd:0.1"),
        eot: Annotated[int, Ge(1), Le(10_000)] = 10,
        black_box: tuple[str, ...] = (),
        against: str = "",
        examples: Annotated[int, Ge(2), Le(10_000_000)] = 1000,
        checks: bool = True,
    ) -> None:
        self.attacks = {text: named_attack(text, "robustness.attacks") for text in attacks}
        self.eot, self.black_box, self.against, self.count, self.checks = eot, black_box, against, examples, checks

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        """The figures over the first labelled examples of ``batches``.

        Raises:
            IncompatibleError: the data have no classes.
            DataError: there are not two labelled examples.
        """
        report = _Report(self, model, generator)
        for x, y in labelled_examples(model, batches, self.count, "robustness"):
            report.add(x, y)
        if report.examples < 2:
            raise DataError("there are not two labelled examples to attack", hint="choose another split or other data")
        return report.figures()


class _Report:
    """Who was right about which example, by what was done to it."""

    def __init__(self, asked: Robustness, model: Model, generator: torch.Generator) -> None:
        self.asked, self.model = asked, model
        classifier = cast(FeatureExtractor, model.parts["classifier"])
        self.noise = GeneratorNoise(generator, device=model.device, dtype=model.dtype)
        self.own: Logits = lambda x: classifier.features(x)["logits"]
        self.noisy = is_noisy(classifier) and asked.eot > 1
        self.others = {name: _other(name, model) for name in asked.black_box}
        self.against = _other(asked.against, model) if asked.against else None
        self.rows: dict[str, list[Tensor]] = defaultdict(list)
        self.classes: list[Tensor] = []
        self.examples = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        """Attacks the images x with the classes y."""
        self.examples += len(x)
        self.classes.append(y.cpu())
        self._keep("clean", right(self.own, x, y))
        for name, attack in self.asked.attacks.items():
            made = attack.made()
            self._keep(name, right(self.own, attacked_images(made, self.own, x, y, self.noise), y))
            if self.noisy:
                moved = attacked_images(made, self.own, x, y, self.noise, self.asked.eot)
                self._keep(f"{name}-eot", right(self.own, moved, y))
            seen = [
                right(self.own, attacked_images(made, other, x, y, self.noise), y) for other in self.others.values()
            ]
            if seen:
                self._keep(f"{name}-black-box", torch.stack(seen).amin(0))
            if self.against is not None:
                moved = attacked_images(made, self.against, x, y, self.noise)
                self._keep(f"{name}-against", right(self.against, moved, y))
        if self.asked.checks:
            self._look_for_masking(x, y)

    def _look_for_masking(self, x: Tensor, y: Tensor) -> None:
        draws = self.asked.eot if self.noisy else 1
        largest = max(self.asked.attacks.values(), key=lambda attack: attack.epsilon)
        # Checks attack as strongly as was asked: with noise, over its draws.
        variants = {"one-step": ("fgsm", 1), "many": ("pgd", largest.steps), "twice": ("pgd", 2 * largest.steps)}
        if largest.kind == "fgsm":
            variants = {"one-step": ("fgsm", 1), "many": ("pgd", 20), "twice": ("pgd", 40)}
        for name, (kind, steps) in variants.items():
            made = largest._replace(kind=kind).made(steps=steps)
            self._keep(name, right(self.own, attacked_images(made, self.own, x, y, self.noise, draws), y))
        again = largest._replace(kind="pgd").made(steps=variants["many"][1])
        self._keep("again", right(self.own, attacked_images(again, self.own, x, y, self.noise, draws), y))
        unbounded = largest._replace(kind="pgd").made(epsilon=1.0, steps=variants["twice"][1])
        self._keep("unbounded", right(self.own, attacked_images(unbounded, self.own, x, y, self.noise, draws), y))
        loss = loss_of(self.own, y, draws)
        along = largest._replace(kind="fgsm").made(epsilon=NEAR).perturb(loss, x, self.noise)
        signs = (self.noise.uniform("signs", x.shape) < 0.5).to(x.dtype) * 2 - 1
        with torch.no_grad():
            steeper = loss(along) > loss((x + NEAR * signs).clamp(0, 1))
        self._keep("surface", steeper.cpu().double())

    def _keep(self, name: str, values: Tensor) -> None:
        self.rows[name].append(values)

    def figures(self) -> list[MetricResult]:
        """Accuracies, then the checks."""
        rows = {name: torch.cat(values) for name, values in self.rows.items()}
        protocol = {"examples": self.examples}
        asked = {"clean", *self.asked.attacks}
        shares = [
            MetricResult(
                f"robustness-{name}", float(row.mean()), "fraction", "higher", half_width(row) / 1.96, protocol
            )
            for name, row in rows.items()
            if name in asked or name.endswith(("-eot", "-black-box"))
        ]
        gains = []
        for name in self.asked.attacks:
            if self.against is not None:
                gain = rows[name] - rows[f"{name}-against"]
                told = {**protocol, "against": self.asked.against, "interval": half_width(gain)}
                value = float(gain.mean())
                gains.append(
                    MetricResult(f"robustness-{name}-gain", value, "fraction", "higher", half_width(gain) / 1.96, told)
                )
        return shares + gains + (self._checks(rows, protocol) if self.asked.checks else [])

    def _checks(self, rows: Mapping[str, Tensor], protocol: Mapping[str, Any]) -> list[MetricResult]:
        margins: dict[str, float] = {}
        for name in self.asked.attacks:
            if self.others:
                white = torch.minimum(rows[name], rows.get(f"{name}-eot", rows[name]))
                margins[f"masking-black-box-{name}"] = _margin(rows[f"{name}-black-box"] - white)
        counts = torch.cat(self.classes).bincount()
        chance = float(counts.max()) / self.examples
        unbounded = rows["unbounded"]
        margins["masking-unbounded"] = chance - float(unbounded.mean()) + half_width(unbounded)
        margins["masking-iterative"] = _margin(rows["one-step"] - rows["many"])
        margins["masking-steps"] = _margin(rows["many"] - rows["twice"])
        difference = rows["many"] - rows["again"]
        margins["masking-restarts"] = half_width(difference) - abs(float(difference.mean()))
        margins["masking-surface"] = float(rows["surface"].mean()) - 0.5 - half_width(rows["surface"])
        figures = [
            MetricResult(name, margin, "margin", "higher", None, {**protocol, "passed": margin >= 0})
            for name, margin in margins.items()
        ]
        failed = [name for name, margin in margins.items() if margin < 0]
        unchecked = {} if self.others else {"not_checked": ["masking-black-box: give robustness.black_box"]}
        told = {**protocol, "checks": len(margins), "failed": failed, **unchecked}
        return [*figures, MetricResult("masking-failed", len(failed), "checks", "lower", None, told)]


def _margin(differences: Tensor) -> float:
    """How far above 0 the upper end of the mean's interval lies."""
    return float(differences.mean()) + half_width(differences)


def _other(reference: str, model: Model) -> Logits:
    """The logits of a saved classifier, in the order of the model's labels."""
    judge = find_judge(reference, model)
    part = judge.extractor.part.to(model.device, model.dtype).eval()
    places = list(judge.places)
    return lambda x: part.features(x)["logits"][:, places]
