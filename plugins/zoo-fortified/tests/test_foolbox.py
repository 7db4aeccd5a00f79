"""FGSM and PGD give what foolbox gives, in float64."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from zoo_fortified import without_noise

import zoo_core as zoo
from zoo_core.building import build_part
from zoo_core.interfaces import Attack, FeatureExtractor, Labels
from zoo_core.noise import GeneratorNoise

foolbox = pytest.importorskip("foolbox", reason="foolbox 3.3.4 is a development extra")

SHAPE = (1, 4, 4)


@pytest.fixture
def victim() -> tuple[FeatureExtractor, Tensor, Tensor]:
    net = {"net": {"name": "zoo-fortified:mlp-classifier", "hidden": [7, 5]}, "fortified": ["hidden1"], "width": 4}
    labels = Labels("classes", ("a", "b", "c"))
    model = zoo.build(
        "fortified-classifier", image_shape=SHAPE, labels=labels, classifier=net, dtype=torch.float64
    ).eval()
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(20, *SHAPE, dtype=torch.float64, generator=generator)
    return cast(FeatureExtractor, model.parts["classifier"]), x, torch.randint(3, (20,), generator=generator)


@pytest.mark.parametrize(
    ("spec", "theirs"),
    [
        ({"name": "fgsm", "epsilon": 0.1}, lambda: foolbox.attacks.LinfFastGradientAttack()),
        (
            {"name": "pgd", "epsilon": 0.2, "steps": 20, "step_size": 0.03, "random_start": False},
            lambda: foolbox.attacks.LinfPGD(steps=20, abs_stepsize=0.03, random_start=False),
        ),
        (
            {"name": "pgd", "epsilon": 1.0, "norm": "l2", "steps": 20, "step_size": 0.2, "random_start": False},
            lambda: foolbox.attacks.L2PGD(steps=20, abs_stepsize=0.2, random_start=False),
        ),
    ],
)
def test_attacks_equal_those_of_foolbox(
    victim: tuple[FeatureExtractor, Tensor, Tensor], spec: dict[str, Any], theirs: Any
) -> None:
    classifier, x, y = victim

    class Logits(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = classifier(x)[-1]
            return logits

    def loss(x: Tensor) -> Tensor:
        return cross_entropy(classifier(x)[-1], y, reduction="none")

    attack = cast(Attack, build_part("attack", spec, image_shape=SHAPE))
    with without_noise(classifier):
        found = attack.perturb(loss, x, GeneratorNoise(torch.Generator().manual_seed(0)))
        net = foolbox.PyTorchModel(Logits().eval(), bounds=(0, 1))
        _, wanted, _ = theirs()(net, x, y, epsilons=attack.epsilon)
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)
    assert not torch.equal(found, x)
    distance = (found - x).flatten(1)
    assert (
        float((distance.abs().amax(1) if attack.norm == "linf" else distance.norm(dim=1)).max())
        <= attack.epsilon + 1e-12
    )
    assert found.min() >= 0 and found.max() <= 1
