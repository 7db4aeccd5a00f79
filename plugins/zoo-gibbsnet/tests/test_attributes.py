"""Chains of images and attributes: the game against a loop written by hand, samples with attributes held, and what is read off images."""

from __future__ import annotations

import copy
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from zoo_gibbsnet.chain import Chain, labels_in_turn, labels_to_hold, noise_of
from zoo_gibbsnet.metrics.attribute_error import ChainAttributeError, balanced_errors

import zoo_core as zoo
from zoo_core.cli import main
from zoo_core.distributions import Gaussian, LikelihoodFamily, posterior_family
from zoo_core.errors import IncompatibleError, SettingError
from zoo_core.game import Game, rules_for
from zoo_core.interfaces import Batch, Decoder, Encoder, FeatureExtractor, Labels, Objective, Part, Prior
from zoo_core.noise import KeyedNoise, Noise

SHAPE, EXAMPLES, SEED, ROUNDS, LATENT, DRAWS = (1, 8, 8), 8, 3, 5, 4, 3
LABELS = Labels("attributes", ("glasses", "hat", "beard"))
NETS: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [9], "conditional": True},
    "decoder": {"name": "mlp", "hidden": [9], "attributes": True, "likelihood": "gaussian", "sigma": "fixed"},
    "discriminator": {"hidden": [7], "code_hidden": [5], "label_hidden": [4], "conditional": True,
                      "net": {"name": "mlp", "hidden": [7], "layers": ["hidden1"]}},
    "latent_dim": LATENT,
    "objective.gibbsnet.attribute_draws": DRAWS,
}  # fmt: skip


def build(**settings: Any) -> zoo.Model:
    return zoo.build("gibbsnet", image_shape=SHAPE, labels=LABELS, dtype=torch.float64, **{**NETS, **settings})


def data(round: int) -> Batch:
    rng = torch.Generator().manual_seed(round)
    x = torch.rand(EXAMPLES, *SHAPE, dtype=torch.float64, generator=rng)
    return Batch(x, attributes=torch.randint(-1, 2, (EXAMPLES, 3), generator=rng).to(torch.int8), labels=LABELS)


def play(model: zoo.Model) -> None:
    objectives = {name: cast(Objective, o) for name, o in model.objectives.items()}
    rules = rules_for(objectives, frozenset(model.parts) - model.frozen, model.config["training"])
    rounds = iter(range(ROUNDS))
    parts = {name: cast(Part, part) for name, part in model.parts.items()}
    game = Game(parts, objectives, rules, lambda _: data(next(rounds)), seed=SEED)
    model.train()
    for _ in range(ROUNDS):
        game.play()


class Hand:
    """The nets of a model, N = 3 with attributes, written out; the cross-entropy discriminator, and its boundary sought."""

    def __init__(self, model: zoo.Model, *, weighted: bool = True) -> None:
        self.own = copy.deepcopy(model).train()
        self.encoder: Any = self.own.parts["encoder"]
        self.decoder: Any = self.own.parts["decoder"]
        self.critic = cast(FeatureExtractor, self.own.parts["discriminator"])
        self.weighted = weighted
        self.nets = ([*self.critic.parameters()], [*self.encoder.parameters(), *self.decoder.parameters()])
        self.players = [torch.optim.Adam(net, 1e-4, betas=(0.5, 0.999)) for net in self.nets]

    def infer(self, x: Tensor, a: Tensor, noise: KeyedNoise, name: str) -> Tensor:
        halves = self.encoder(x, None, a).chunk(2, dim=1)
        draws = halves[0] + halves[1].sigmoid() * noise.normal(name, (EXAMPLES, LATENT))
        return (draws - draws.mean(0)) / (draws.std(0, correction=0) + 1e-3)

    def losses(self, round: int) -> tuple[Tensor, Tensor]:
        noise, batch = KeyedNoise(SEED, round, dtype=torch.float64), data(round)

        def uniform(name: str) -> Tensor:
            return noise.uniform(name, (EXAMPLES, 3))

        z = noise.normal("prior", (EXAMPLES, LATENT))
        for k in (1, 2):
            with torch.no_grad():
                picture, logits = self.decoder(z)
                x, a = picture.sigmoid(), (uniform(f"unclamped:a{k}") < logits.sigmoid()).double()
                if k == 1:
                    z = self.infer(x, a, noise, "unclamped:z1")
        z = self.infer(x, a, noise, "unclamped:z2")
        picture, logits = self.decoder(z)
        x, a = picture.sigmoid(), (uniform("unclamped:a3") < logits.sigmoid()).double()
        code = self.infer(batch.x, cast(Tensor, batch.attributes), noise, "z")
        s, t = self.critic(batch.x, code, batch.attributes)[-1], self.critic(x, z, a)[-1]
        draws = [(uniform(f"attributes:{m}") < logits.sigmoid()).double() for m in range(DRAWS)]
        odds = torch.cat([self.critic(x, z, one)[-1].exp() for one in draws], 1).detach()
        weights = odds / odds.sum(1, keepdim=True) if self.weighted else torch.full_like(odds, 1 / DRAWS)
        log_p = torch.stack(
            [-binary_cross_entropy_with_logits(logits, one, reduction="none").sum(1) for one in draws], 1
        )
        sought = 0.5 * (s.square().mean() + t.square().mean()) - (weights * log_p).sum(1).mean()
        return softplus(-s).mean() + softplus(t).mean(), sought

    def round(self, round: int) -> None:
        losses = self.losses(round)
        gradients = [
            torch.autograd.grad(loss, net, retain_graph=True, allow_unused=True)
            for loss, net in zip(losses, self.nets, strict=True)
        ]
        for player, net, own in zip(self.players, self.nets, gradients, strict=True):
            for parameter, gradient in zip(net, own, strict=True):
                parameter.grad = gradient
            player.step()


@pytest.mark.parametrize("weighted", [True, False])
def test_the_game_with_attributes_equals_a_loop_written_by_hand(weighted: bool) -> None:
    """Without the weights, the negative control, it does not."""
    model = build()
    hand = Hand(model, weighted=weighted)
    play(model)
    for round in range(ROUNDS):
        hand.round(round)
    other = dict(hand.own.named_parameters())
    difference = max(float((value - other[name]).detach().abs().max()) for name, value in model.named_parameters())
    assert difference < 1e-12 if weighted else difference > 1e-6


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 1},
        {"objective.gibbsnet.gradient": "all", "objective.gibbsnet.loss": "bgan-squared"},
        {
            "decoder.likelihood": "implicit",
            "objective.gibbsnet.decoding": "sample",
            "objective.gibbsnet.instance_noise": 0.1,
        },
    ],
)
def test_every_choice_of_the_game_trains_with_attributes(settings: dict[str, Any]) -> None:
    model = build(**settings)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    play(model)
    moved = {name.split(".")[1] for name, t in model.state_dict().items() if not torch.equal(t, before[name])}
    assert {"encoder", "decoder", "discriminator"} <= moved
    assert all(torch.isfinite(t).all() for t in model.state_dict().values())


@pytest.mark.parametrize("untold", ["encoder", "discriminator"])
def test_both_have_to_be_given_the_attributes(untold: str) -> None:
    with pytest.raises(IncompatibleError, match=f"the {untold} is not given them") as refused:
        build(**{f"{untold}.conditional": False})
    assert f"{untold}.conditional=true" in str(refused.value.hint)


# ---------------------------------------------------------------------------------------------------- chains


class AsIs(LikelihoodFamily):
    def forward(self, output: Tensor) -> Gaussian:
        return Gaussian(output, torch.zeros(()))


class Signs(Encoder):
    """z = the brightness of each of three pixels, −3 or 3; where an attribute is said to be there, 3."""

    def __init__(self) -> None:
        super().__init__()
        self.image_shape, self.family = (1, 1, 3), posterior_family("deterministic", 3)

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | {"labels"}

    def forward(self, x: Tensor, noise: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        bright = x.flatten(1) > 0.5
        return torch.where(bright if y is None else bright | (y > 0), 3.0, -3.0)


class Lamps(Decoder):
    """A pixel is as bright as sigmoid(z), and its attribute is there where it is bright, almost surely."""

    def __init__(self) -> None:
        super().__init__()
        self.image_shape, self.latent_dim, self.family = (1, 1, 3), 3, AsIs()

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | {"likelihood.attributes"}

    def forward(self, z: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return z.sigmoid().view(-1, 1, 1, 3), 30 * z


class Dark(Prior):
    latent_dim = 3

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return noise.normal(name, (n, 3)) - 5


@pytest.fixture
def lamps() -> zoo.Model:
    parts = {"encoder": Signs(), "decoder": Lamps(), "prior": Dark()}
    config = {
        "recipe": "lamps",
        "image_shape": [1, 1, 3],
        "parts": {name: {"kind": name, "name": name} for name in parts},
        "sampler": "",
        "labels": {"type": "attributes", "names": list(LABELS.names)},
    }
    return zoo.Model(config, parts, {})


def test_attributes_that_are_held_are_shown_and_the_others_are_free(lamps: zoo.Model) -> None:
    chain: dict[str, Any] = {"name": "gibbs-chain", "steps": 3}
    free = lamps.sample(20, chain, seed=0)
    held = lamps.sample(20, chain, seed=0, y=[-1, 1, -1])
    assert (free < 0.5).all()
    assert (held.flatten(1)[:, 1] > 0.5).all() and (held.flatten(1)[:, [0, 2]] < 0.5).all()
    assert labels_in_turn(lamps, 5) is None


def test_attributes_are_free_where_images_are_completed(lamps: zoo.Model) -> None:
    batch = Batch(torch.rand(4, 1, 1, 3), attributes=torch.ones(4, 3, dtype=torch.int8), labels=LABELS)
    assert labels_to_hold(lamps, batch) is None
    told = zoo.build(
        "vae",
        image_shape=SHAPE,
        labels=LABELS,
        latent_dim=3,
        encoder={"name": "mlp", "hidden": [8], "conditional": True},
        decoder={"name": "mlp", "hidden": [8]},
    )
    held = labels_to_hold(told, batch)
    assert held is not None and torch.equal(held, torch.ones(4, 3, dtype=torch.int8))


def test_zoo_sample_holds_attributes_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    nets = {key: value for key, value in NETS.items() if "draws" not in key}
    zoo.build("gibbsnet", image_shape=SHAPE, labels=LABELS, **nets).save("model")
    for out, held in (("a.png", ["--attribute", "hat=1"]), ("b.png", [])):
        assert main(["sample", "model", "-n", "4", "--set", "steps=2", "--device", "cpu", "--out", out, *held]) == 0
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    assert main(["sample", "model", "--attribute", "hta=1", "--device", "cpu"]) == 2
    assert "hat" in capsys.readouterr().err


def test_pairs_have_the_attributes_that_were_drawn(lamps: zoo.Model) -> None:
    with lamps.evaluating():
        y = torch.tensor([[-1, 1, 0]]).expand(6, -1)
        chain = Chain(lamps, noise_of(lamps, torch.Generator().manual_seed(0)), y=y)
        for pair in islice(chain.pairs(torch.full((6, 3), 4.0)), 3):
            assert pair.attributes is not None
            assert (pair.attributes[:, 1] == 1).all() and (pair.attributes[:, 2] == 0).all()


def test_what_a_chain_reads_off_images_is_counted_balanced(lamps: zoo.Model) -> None:
    x = torch.rand(200, 1, 1, 3, generator=torch.Generator().manual_seed(0))
    truth = (x.flatten(1) > 0.5).to(torch.int8)
    metric = ChainAttributeError(steps=3, chains=3)
    with lamps.evaluating():
        (right,) = metric(lamps, [Batch(x, attributes=truth, labels=LABELS)], torch.Generator().manual_seed(0))
        (wrong,) = metric(lamps, [Batch(x, attributes=1 - truth, labels=LABELS)], torch.Generator().manual_seed(0))
    assert right.value == 0 and wrong.value == 100 and right.protocol["attributes"] == 3


def test_errors_are_balanced_over_both_values_and_rare_ones_left_out() -> None:
    truth = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, -1, 0]])
    said = torch.tensor([[True, False, False], [True, True, False], [False, False, False], [True, True, True]])
    assert balanced_errors(said, truth, 0.0) == pytest.approx([(1 / 3 + 1) / 2, (1 + 1 / 2) / 2])
    assert balanced_errors(said, truth, 0.3) == pytest.approx([(1 + 1 / 2) / 2])


def test_names_need_to_be_known_and_a_judge(lamps: zoo.Model) -> None:
    batch = Batch(torch.rand(4, 1, 1, 3), attributes=torch.tensor([[0, 1, 0]] * 4), labels=LABELS)
    with pytest.raises(SettingError, match="no attribute"):
        ChainAttributeError(clamped=("glases",))(lamps, [batch], torch.Generator())
    with pytest.raises(SettingError, match="by a judge"):
        ChainAttributeError(clamped=("hat",))(lamps, [batch], torch.Generator())
    with pytest.raises(IncompatibleError, match="data with attributes"):
        ChainAttributeError()(lamps, [Batch(torch.rand(4, 1, 1, 3))], torch.Generator())
