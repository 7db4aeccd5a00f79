"""Fortification: trains the denoising autoencoders of a fortified classifier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, cast

import torch
from annotated_types import Ge, Le
from torch import Tensor

from zoo_core.game import Step
from zoo_core.interfaces import FeatureExtractor, Need, Objective, Part, Tags, Term
from zoo_fortified.attacked import attacked
from zoo_fortified.extractor import DENOISED, fortified_layers

CLASSIFIER = Need("feature-extractor", frozenset({"logits", "fortified"}))
Weight = Annotated[float, Ge(0), Le(1_000_000)]


class Fortification(Objective):
    """λ_rec Σ_k L_rec,k + λ_adv Σ_k L_adv,k over the fortified layers k (Lamb 2018, section 2.5):

    L_rec,k = mean over examples of ‖D(E(h_k + n)) − h_k‖², and L_adv,k the same with D(E(h̃_k + n)) for the attacked images: the
    target is the clean activation h_k in both. The gradient goes to the autoencoders and, through h_k and h̃_k, to the net.

    Arguments:
        lambda_rec: weight at clean images; 0 leaves the term out.
        lambda_adv: weight at attacked images; 0 leaves the term out, and needs no attack.
        reduction: ``sum`` over a layer's units, as the thesis writes it, or their ``mean``, as the authors' code has it: the weights mean
            the same for layers of any size then.
        target_gradient: whether the target h_k has a gradient, too.
    """

    tags: ClassVar[Tags] = Tags(labels="classes", adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("fit",)
    needs: ClassVar[Mapping[str, Need]] = {"classifier": CLASSIFIER, "attack": Need("attack")}

    @classmethod
    def needs_for(cls, params: Mapping[str, Any]) -> Mapping[str, Need]:
        return cls.needs if params.get("lambda_adv", 1.0) else {"classifier": CLASSIFIER}

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {},
            {"reduction": "sum", "lambda_rec": 0.01, "lambda_adv": 0.01},
            {"target_gradient": False, "lambda_adv": 0},
        ]

    def __init__(
        self,
        *,
        parts: Mapping[str, Part],
        lambda_rec: Weight = 1.0,
        lambda_adv: Weight = 1.0,
        reduction: Literal["sum", "mean"] = "mean",
        target_gradient: bool = True,
    ) -> None:
        super().__init__()
        self.fortified = fortified_layers(cast(FeatureExtractor, parts["classifier"]).layers)
        self.lambda_rec, self.lambda_adv = lambda_rec, lambda_adv
        self.reduction, self.target_gradient = reduction, target_gradient

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """``reconstruction`` and ``adversarial_reconstruction``, with their weights."""
        clean = step.features("classifier")
        if self.lambda_rec:
            yield Term("reconstruction", self.lambda_rec * self._error(clean, clean))
        if self.lambda_adv:
            moved = step.features("classifier", of=attacked(step))
            yield Term("adversarial_reconstruction", self.lambda_adv * self._error(moved, clean))

    def _error(self, features: Mapping[str, Tensor], clean: Mapping[str, Tensor]) -> Tensor:
        """Σ_k of the distance between the denoised activations and the clean ones."""
        errors = []
        for layer in self.fortified:
            target = clean[layer] if self.target_gradient else clean[layer].detach()
            squares = (features[layer + DENOISED] - target).square().flatten(1)
            errors.append((squares.sum(1) if self.reduction == "sum" else squares.mean(1)).mean())
        return torch.stack(errors).sum()
