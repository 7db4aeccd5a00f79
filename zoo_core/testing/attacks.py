"""Checks of attacks: balls, noise, rows, and what an attack leaves behind."""

from __future__ import annotations

from math import prod
from typing import cast

import torch
from torch import Tensor, nn

from zoo_core.interfaces import Attack
from zoo_core.noise import KeyedNoise
from zoo_core.testing.capabilities import require_shape
from zoo_core.testing.determinism import global_generators_untouched
from zoo_core.testing.pictures import CLASSES, batch
from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import Subject

ROWS = 6
ROUNDING = 1e-5


class _Victim(nn.Module):
    """A small net with weights, running statistics and a mode, and each row's loss under it."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(pixels)
        self.hidden = nn.Linear(pixels, 8)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        activation: Tensor = self.hidden(self.norm(x.flatten(1)))
        return activation.tanh().sum(1)


def _images(subject: Subject, start: int = 0) -> Tensor:
    return batch(ROWS, subject.image_shapes[1], CLASSES, start=start).x


def _victim(x: Tensor) -> _Victim:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return _Victim(prod(x.shape[1:]))


def _attacked(attack: Attack, x: Tensor, seed: int = 0, name: str = "attack") -> Tensor:
    return attack.perturb(_victim(x), x, KeyedNoise(seed, 0), name)


def check_attack_stays_close(subject: Subject) -> None:
    """The attacked images are finite, in [0, 1], other than x, and no further from it than ``epsilon`` in the norm ``norm``."""
    attack = cast(Attack, subject.part())
    x = _images(subject)
    found = _attacked(attack, x)
    require_shape("the attacked images", found, tuple(x.shape))
    if found.min() < 0 or found.max() > 1:
        raise CheckFailed(
            "images in [0, 1]", found=f"{found.min():.3g} to {found.max():.3g}", do="clamp(0, 1) at the end"
        )
    change = (found - x).flatten(1)
    distance = float((change.abs().amax(1) if attack.norm == "linf" else change.norm(dim=1)).max())
    if distance > attack.epsilon * (1 + ROUNDING) + ROUNDING:
        raise CheckFailed(
            f"a distance of at most epsilon = {attack.epsilon:g} in {attack.norm}", found=f"{distance:.4g}"
        )
    if distance == 0:
        raise CheckFailed("other images than x", found="the same", do="move them along ascent(loss, x)")


def check_attack_is_seeded(subject: Subject) -> None:
    """The same noise and name give the same images, and nothing is drawn from a global generator."""
    attack = cast(Attack, subject.part())
    x = _images(subject)
    with global_generators_untouched("an attack"):
        first, second = _attacked(attack, x), _attacked(attack, x)
    if not torch.equal(first, second):
        raise CheckFailed(
            "the same images from the same noise", found="others", do="draw from noise.uniform(name, shape)"
        )


def check_attack_keeps_rows_apart(subject: Subject) -> None:
    """An image is attacked as it would be among other images."""
    attack = cast(Attack, subject.part())
    x = _images(subject)
    others = torch.cat([x[:2], _images(subject, start=40)[2:]])
    if not torch.allclose(_attacked(attack, x)[:2], _attacked(attack, others)[:2], atol=ROUNDING):
        raise CheckFailed(
            "an image's attack to depend on no other image",
            found="it changes with its neighbours",
            do="take norms and maxima over one image, not over the batch",
        )


def check_attack_leaves_no_trace(subject: Subject) -> None:
    """Weights, gradients, running statistics and modes of the net, x, and autograd's mode stay as they were; the result has no graph, and
    under ``torch.no_grad`` it is the same."""
    attack = cast(Attack, subject.part())
    x = _images(subject)
    victim, before = _victim(x), x.clone()
    state = {name: t.clone() for name, t in victim.state_dict().items()}
    found = attack.perturb(victim, x, KeyedNoise(0, 0))
    if found.requires_grad or x.requires_grad:
        raise CheckFailed(
            "images without a graph", found="a graph", do="work on x.detach(), and detach what is given back"
        )
    if not torch.equal(x, before):
        raise CheckFailed("x as it was", found="it was changed in place", do="no operation in place on x")
    if any(p.grad is not None or not p.requires_grad for p in victim.parameters()):
        raise CheckFailed(
            "weights without gradients of the attack", found="some", do="use ascent(loss, x), not backward()"
        )
    if victim.training or any(not torch.equal(t, state[name]) for name, t in victim.state_dict().items()):
        raise CheckFailed("the net as it was", found="another state", do="call loss, and nothing else of the net")
    if not torch.is_grad_enabled():
        raise CheckFailed("autograd on, as it was", found="off", do="switch it in a with block")
    with torch.no_grad():
        if not torch.equal(attack.perturb(victim, x, KeyedNoise(0, 0)), found):
            raise CheckFailed("the same images under torch.no_grad", found="others", do="use ascent(loss, x)")
