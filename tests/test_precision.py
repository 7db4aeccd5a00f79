"""training.precision and training.compile: every network gets both, wherever an objective holds it; losses keep full precision."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.data import ArrayDataset
from zoo_core.errors import SettingError
from zoo_core.game import Step
from zoo_core.interfaces import Objective, Prior, Term
from zoo_core.model import Model
from zoo_core.noise import Noise
from zoo_core.training.precision import prepared

DIGITS = ArrayDataset(
    torch.randint(0, 256, (20, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
    torch.arange(20) % 10,
)
FEW = {"objective.adversarial-prior.hidden": [8, 8], "encoder.hidden": [8], "decoder.hidden": [8]}
RECIPES = ("aae", "aae-clusters", "aae-labelled", "aae-semi", "aae-supervised", "gan", "dfm-gan")


def built(recipe: str) -> zoo.Model:
    settings = {key: value for key, value in FEW.items() if recipe.startswith("aae")}
    return zoo.build(recipe, image_shape=(1, 16, 16), labels=DIGITS.labels, **settings)


def seen(model: zoo.Model, rounds: int = 1, **training: Any) -> tuple[dict[str, set[torch.dtype]], dict[str, Tensor]]:
    """The types that each linear layer and convolution gives in training, by name, and the terms of the last round."""
    types: dict[str, set[torch.dtype]] = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, given, name=name: types.setdefault(name, set()).add(given.dtype))
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
    ]
    with contextlib.closing(zoo.rounds(model, DIGITS, epochs=9, batch_size=4, device="cpu", **training)) as played:
        terms = [one.terms for one in itertools.islice(played, rounds)][-1]
    for hook in hooks:
        hook.remove()
    return types, dict(terms)


@pytest.mark.parametrize("recipe", RECIPES)
def test_all_layers_of_all_networks_run_in_bf16_and_terms_are_float32(recipe: str) -> None:
    model = built(recipe)
    types, terms = seen(model, precision="bf16")
    assert types and all(given == {torch.bfloat16} for given in types.values()), types
    assert all(value.dtype == torch.float32 for value in terms.values())
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert not any("forward" in vars(module) for module in model.modules())


def test_a_critics_scores_leave_it_in_float32() -> None:
    model = built("aae-clusters")
    critics = model.objectives["adversarial-prior"].critics
    with prepared(model, precision="bf16", compiled=()):
        scores = [critic(torch.randn(3, critic.first.in_features)) for critic in critics.values()]
    assert [given.dtype for given in scores] == [torch.float32, torch.float32]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.compile without a compiler: it traces, and runs what it has traced as it is."""
    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))


def is_compiled(module: nn.Module) -> bool:
    return module._compiled_call_impl is not None


@pytest.mark.parametrize(("recipe", "precision"), [("aae", "fp32"), ("aae-clusters", "bf16")])
@pytest.mark.usefixtures("traced")
def test_critics_are_compiled_too(recipe: str, precision: str) -> None:
    compiled, eager = built(recipe), built(recipe)
    critics = compiled.objectives["adversarial-prior"].critics
    with contextlib.closing(
        zoo.rounds(compiled, DIGITS, epochs=9, batch_size=4, device="cpu", precision=precision, compile=["all"])
    ) as played:
        terms = next(played).terms
        assert len(critics) and all(map(is_compiled, critics.values()))
        assert is_compiled(compiled.parts["encoder"]) and is_compiled(compiled.parts["decoder"])
    assert not any(map(is_compiled, compiled.modules()))
    for name, value in seen(eager, precision=precision)[1].items():
        torch.testing.assert_close(terms[name], value, rtol=1e-3, atol=1e-4)


# ------------------------------------------------------------------------------------------------ wherever a network is


class TwoWays(nn.Module):
    """Entered by ``embed`` and by its forward, which goes through ``embed`` too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 1)

    def embed(self, x: Tensor) -> dict[str, list[Tensor]]:
        return {"embedded": [self.first(x)]}

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.embed(x)["embedded"][0])


class NoForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 1)

    def score(self, x: Tensor) -> Tensor:
        return self.net(x)


class FlowPrior(Prior):
    """Its density is no forward of its own, and stays in full precision; its network is one."""

    latent_dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 4)

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return self.net(noise.normal(name, (n, 4)))

    def log_prob(self, z: Tensor) -> Tensor:
        return (self.net(z) @ torch.eye(4)).square().sum(1)


class Many(Objective):
    def __init__(self) -> None:
        super().__init__()
        self.nested = nn.ModuleDict({"a": nn.ModuleList([nn.ModuleDict({"deep": nn.Linear(4, 1)}), TwoWays()])})
        self.bare = NoForward()

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield from ()


NETWORKS = ("prior.net", "many.nested.a.0.deep", "many.nested.a.1", "many.bare", "many.bare.net")


def many() -> Model:
    return Model({}, {"prior": FlowPrior()}, {"many": Many()})


def entered(model: Model) -> list[Tensor]:
    """What each network gives, by each of its ways in."""
    (holder,) = model.objectives.values()
    (deep, two), x = holder.nested["a"], torch.randn(3, 4)
    prior = model.parts["prior"]
    return [
        deep["deep"](x),
        two(x),
        two.embed(x)["embedded"][0],
        holder.bare.score(x),
        holder.bare.net(x),
        prior.net(x),
        prior.log_prob(x),
    ]


def test_every_network_runs_in_bf16_however_deep_it_lies_and_by_whatever_method_it_is_entered() -> None:
    model, types = many(), set()
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_hook(lambda _, __, given: types.add(given.dtype))
    plain = entered_with_seed(model)
    assert types == {torch.float32}
    with prepared(model, precision="bf16", compiled=()):
        given = entered_with_seed(model)
    # A layer that is a network itself has its result widened before a hook sees it: the values tell.
    assert torch.bfloat16 in types
    assert all(one.dtype == torch.float32 for one in given)
    assert not any(torch.equal(a, b) for a, b in zip(plain, given, strict=True))
    for a, b in zip(plain, given, strict=True):
        torch.testing.assert_close(a, b, rtol=0.1, atol=0.05)
    assert not any({"forward", "embed", "score"} & vars(module).keys() for module in model.modules())


@pytest.mark.parametrize(
    ("wanted", "networks"),
    [
        ("all", NETWORKS),
        ("many", NETWORKS[1:]),
        ("many.nested", NETWORKS[1:3]),
        ("many.nested.a.1", NETWORKS[2:3]),
        ("prior", NETWORKS[:1]),
    ],
)
@pytest.mark.usefixtures("traced")
def test_networks_are_compiled_by_name_or_by_how_their_names_begin(wanted: str, networks: tuple[str, ...]) -> None:
    model = many()
    expected = entered_with_seed(model)
    named = {
        f"{name}.{own}" if own else name: module
        for holder in (model.parts, model.objectives)
        for name, part in holder.items()
        for own, module in part.named_modules()
    }
    with prepared(model, precision="fp32", compiled=[wanted]):
        assert {name for name, module in named.items() if is_compiled(module)} == set(networks)
        assert all(map(torch.equal, entered_with_seed(model), expected))
    assert not any(map(is_compiled, named.values()))


def entered_with_seed(model: Model) -> list[Tensor]:
    torch.manual_seed(0)
    return entered(model)


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("many.nestd", 'did you mean "many.nested"'),
        ("many.nested.a.1.first", 'did you mean "many.nested.a.1"'),
        ("x", "its parts are prior.net, many.nested"),
    ],
)
def test_what_is_no_network_is_refused_by_name(wanted: str, hint: str) -> None:
    with pytest.raises(SettingError, match=hint), prepared(many(), precision="fp32", compiled=[wanted]):
        pass
