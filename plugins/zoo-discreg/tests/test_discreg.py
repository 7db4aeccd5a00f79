"""Discriminative regularization against what it should be, computed another way."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from zoo_discreg.objective import DiscriminativeRegularization

from zoo_core.distributions import likelihood_family, posterior_family
from zoo_core.errors import SettingError
from zoo_core.game import Game, Step, rules_for
from zoo_core.interfaces import Batch, Decoder, Encoder, FeatureExtractor, Part
from zoo_core.noise import KeyedNoise
from zoo_core.registry.components import registry

IMAGE = (1, 6, 6)


class LinearEncoder(Encoder):
    def __init__(self) -> None:
        super().__init__()
        self.image_shape = IMAGE
        self.family = posterior_family("gaussian", 3)
        self.layer = nn.Linear(36, self.family.width)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.layer(x.flatten(1))


class LinearDecoder(Decoder):
    def __init__(self) -> None:
        super().__init__()
        self.image_shape, self.latent_dim = IMAGE, 3
        self.family = likelihood_family("gaussian", IMAGE, sigma="unit")
        self.layer = nn.Linear(3, 36)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layer(z).view(-1, *IMAGE)


class TwoLayers(FeatureExtractor):
    """Smooth, so that finite differences converge."""

    def __init__(self, layers: tuple[str, ...] = ("first", "second")) -> None:
        super().__init__()
        self.layers = layers
        all_shapes: dict[str, tuple[int, ...]] = {"first": (2, 4, 4), "second": (5,), "logits": (4,)}
        self.shapes = {layer: all_shapes[layer] for layer in layers}
        self.first = nn.Conv2d(1, 2, 3)
        self.second = nn.Linear(32, 5)
        self.head = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        first = torch.tanh(self.first(x))
        second = torch.tanh(self.second(first.flatten(1)))
        every = {"first": first, "second": second, "logits": self.head(second)}
        return tuple(every[layer] for layer in self.layers)


@pytest.fixture
def parts() -> dict[str, Part]:
    torch.manual_seed(0)
    prior = registry().resolve("prior", "gaussian").entry.load()(latent_dim=3)
    made: dict[str, Part] = {
        "encoder": LinearEncoder(),
        "decoder": LinearDecoder(),
        "prior": prior,
        "classifier": TwoLayers(),
    }
    made["classifier"].requires_grad_(False)
    return {name: part.double() for name, part in made.items()}


@pytest.fixture
def x() -> Tensor:
    return torch.rand(5, *IMAGE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def step_of(parts: dict[str, Part], objective: Part, x: Tensor) -> Step:
    return Step({**parts, "discreg": objective}, Batch(x), KeyedNoise(0, 0, dtype=torch.float64))


def test_terms_are_the_gaussian_densities_of_equation_5(parts: dict[str, Part], x: Tensor) -> None:
    objective = DiscriminativeRegularization(parts=parts).double()
    for log_sigma in objective.log_sigmas:
        log_sigma.free.data.normal_()
    step = step_of(parts, objective, x)
    terms = {term.name: term.value for term in objective.terms("fit", step)}
    classifier: Any = parts["classifier"]
    mean = step.reconstruction()
    real, shown = classifier.features(x), classifier.features(mean)
    for layer, log_sigma in zip(objective.layers, objective.log_sigmas):
        density = torch.distributions.Normal(shown[layer], log_sigma().exp()).log_prob(real[layer])
        assert torch.allclose(terms[layer], -density.flatten(1).sum(1).mean() / 36, rtol=1e-12)


def test_sigma_starts_at_one_for_every_unit(parts: dict[str, Part]) -> None:
    objective = DiscriminativeRegularization(parts=parts)
    assert [tuple(s().shape) for s in objective.log_sigmas] == [(2, 4, 4), (5,)]
    for log_sigma in objective.log_sigmas:
        assert torch.allclose(log_sigma().exp(), torch.ones(()), atol=1e-5)


def test_gradients_agree_with_finite_differences(parts: dict[str, Part], x: Tensor) -> None:
    objective = DiscriminativeRegularization(parts=parts, layer_weights={"second": 2.5}).double()
    modules = nn.ModuleDict({**{n: p for n, p in parts.items() if n in ("encoder", "decoder")}, "discreg": objective})
    parameters = dict(modules.named_parameters())

    def loss() -> Tensor:
        return sum(
            (t.value for t in objective.terms("fit", step_of(parts, objective, x))),
            torch.zeros((), dtype=torch.float64),
        )

    named = {name: p for name, p in parameters.items() if "family" not in name}
    gradients = torch.autograd.grad(loss(), list(named.values()))
    generator = torch.Generator().manual_seed(2)
    for (name, parameter), gradient in zip(named.items(), gradients):
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            values = []
            for sign in (1, -1):
                parameter += sign * 1e-5 * direction
                values.append(loss())
                parameter -= sign * 1e-5 * direction
        numeric = (values[0] - values[1]) / 2e-5
        assert torch.allclose((gradient * direction).sum(), numeric, rtol=1e-6, atol=1e-9), name


def encoder_weights_after(parts: dict[str, Part], x: Tensor, rounds: int = 3, **settings: Any) -> list[Tensor]:
    """The encoder's weights after some rounds; without settings, of the plain ELBO."""
    parts = copy.deepcopy(parts)
    elbo = registry().resolve("objective", "elbo").entry.load()(parts=parts)
    objectives = {"elbo": elbo}
    if settings:
        objectives["discreg"] = DiscriminativeRegularization(parts=parts, **settings).double()
    training = {
        "turns": [{"losses": ["fit"], "players": ["coder", "maker"]}],
        "players": {
            "coder": {"trains": ["encoder"], "losses": ["fit"], "lr": 1e-2},
            # The decoder stands still: what is compared is the encoder's gradient alone.
            "maker": {"trains": ["decoder"], "losses": ["fit"], "optimizer": "sgd", "lr": 1e-300},
        },
    }
    rules = rules_for(objectives, frozenset({"encoder", "decoder"}), training)
    game = Game(parts, objectives, rules, lambda stream: Batch(x))
    for _ in range(rounds):
        game.play()
    return [p.detach().clone() for p in parts["encoder"].parameters()]


def test_without_encoder_gradient_the_encoder_follows_the_plain_elbo_bit_for_bit(
    parts: dict[str, Part], x: Tensor
) -> None:
    plain = encoder_weights_after(parts, x)
    kept_out = encoder_weights_after(parts, x, encoder_gradient=False)
    let_in = encoder_weights_after(parts, x, encoder_gradient=True)
    assert all(torch.equal(a, b) for a, b in zip(plain, kept_out))
    assert not any(torch.equal(a, b) for a, b in zip(plain, let_in))


def test_features_of_x_are_computed_without_a_graph(parts: dict[str, Part], x: Tensor) -> None:
    objective = DiscriminativeRegularization(parts=parts)
    step = step_of(parts, objective.double(), x)
    list(objective.terms("fit", step))
    assert not any(f.requires_grad for f in step.features("classifier", of="x").values())
    assert all(f.requires_grad for f in step.features("classifier", of="reconstruction").values())


def test_the_logits_are_left_out(parts: dict[str, Part]) -> None:
    parts["classifier"] = TwoLayers(("first", "logits"))
    assert DiscriminativeRegularization(parts=parts).layers == ("first",)


def test_a_weight_for_a_layer_that_is_not_there_is_refused(parts: dict[str, Part]) -> None:
    with pytest.raises(SettingError, match=r'does not give the layer.*did you mean "second"'):
        DiscriminativeRegularization(parts=parts, layer_weights={"secnd": 1.0})


def test_a_classifier_without_hidden_layers_is_refused(parts: dict[str, Part]) -> None:
    parts["classifier"] = TwoLayers(("logits",))
    with pytest.raises(SettingError, match="no hidden layer"):
        DiscriminativeRegularization(parts=parts)
