"""Toy parts and a toy table to play at: images of six pixels, codes of two numbers, everything in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.distributions import likelihood_family, posterior_family
from zoo_core.game import Game, rules_for
from zoo_core.interfaces import Batch, Decoder, Encoder, FeatureExtractor, Objective, Part, PartNoise, Prior
from zoo_core.noise import KeyedNoise, Noise, derive_seed

IMAGE = (1, 2, 3)
PIXELS = 6
LATENT = 2
CLASSES = 3
EXAMPLES = 8
SEED = 7
ROUNDS = 5


class ToyNoise(nn.Module):
    """Noise on a hidden layer, in train mode and at test time."""

    def __init__(self) -> None:
        super().__init__()
        self.noise = PartNoise()

    def forward(self, h: Tensor) -> Tensor:
        return h + 0.3 * self.noise.normal(h) * (0.5 + self.noise.uniform(h))


def network(inputs: int, outputs: int, hidden: int = 0, norm: bool = False, noisy: bool = False) -> nn.Sequential:
    """A linear map, or one hidden layer, with batch norm or without, with noise or without."""
    if not hidden:
        return nn.Sequential(nn.Linear(inputs, outputs))
    middle: list[nn.Module] = [nn.BatchNorm1d(hidden)] if norm else []
    middle += [ToyNoise()] if noisy else []
    return nn.Sequential(nn.Linear(inputs, hidden), *middle, nn.Tanh(), nn.Linear(hidden, outputs))


class ToyEncoder(Encoder):
    def __init__(self, posterior: str = "gaussian", *, hidden: int = 0, norm: bool = False) -> None:
        super().__init__()
        self.image_shape = IMAGE
        joint = posterior == "joint"
        self.family = posterior_family(posterior, LATENT + CLASSES * joint, categories=CLASSES * joint)
        self.net = network(PIXELS, self.family.width, hidden, norm)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.net(x.flatten(1))


class ToyDecoder(Decoder):
    def __init__(self, latent_dim: int = LATENT, *, hidden: int = 0, norm: bool = False, noisy: bool = False) -> None:
        super().__init__()
        self.image_shape, self.latent_dim = IMAGE, latent_dim
        self.family = likelihood_family("gaussian", IMAGE, sigma="channel")
        self.net = network(latent_dim, PIXELS, hidden, norm, noisy)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.net(z).view(-1, *IMAGE)


class ToyPrior(Prior):
    latent_dim = LATENT

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return noise.normal(name, (n, LATENT))


class ToyClassifier(FeatureExtractor):
    """Layers ``hidden`` (4,) and ``logits`` (3,)."""

    layers = ("hidden", "logits")

    def __init__(self, *, norm: bool = False, noisy: bool = False) -> None:
        super().__init__()
        self.shapes = {"hidden": (4,), "logits": (CLASSES,)}
        self.first = nn.Linear(PIXELS, 4)
        self.norm = nn.BatchNorm1d(4) if norm else ToyNoise() if noisy else nn.Identity()
        self.head = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        hidden = torch.tanh(self.norm(self.first(x.flatten(1))))
        return hidden, self.head(hidden)


class ToyJoint(FeatureExtractor):
    """A score of an image and its code."""

    inputs = ("x", "z")
    layers = ("score",)

    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = LATENT
        self.shapes = {"score": (1,)}
        self.net = network(PIXELS + LATENT, 1, hidden=4)

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, ...]:
        return (self.net(torch.cat([x.flatten(1), z], 1)),)


class ToyNet(Part):
    """Vectors, or images and vectors side by side, to vectors: a critic, a denoiser."""

    def __init__(self, inputs: int, outputs: int = 1, *, hidden: int = 0, norm: bool = False) -> None:
        super().__init__()
        self.net = network(inputs, outputs, hidden, norm)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.net(torch.cat([t.flatten(1) for t in inputs], 1))


# ---------------------------------------------------------------------------------------------------- data and noise


def batch(stream: str, index: int, examples: int = EXAMPLES) -> Batch:
    """Batch ``index`` of a stream."""
    generator = torch.Generator().manual_seed(derive_seed("toy", stream, index))
    x = torch.rand(examples, *IMAGE, generator=generator, dtype=torch.float64)
    return Batch(x, torch.randint(CLASSES, (examples,), generator=generator))


class Batches:
    """Gives each stream's next batch; with ``world`` processes this one's rows of it."""

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank, self.world = rank, world
        self.given: dict[str, int] = {}

    def __call__(self, stream: str = "main") -> Batch:
        index = self.given[stream] = self.given.get(stream, -1) + 1
        piece = EXAMPLES // self.world
        return batch(stream, index).rows(self.rank * piece, (self.rank + 1) * piece)


def noise(step: int) -> KeyedNoise:
    """The draws of the game's ``step``-th batch (from 0), for loops written by hand."""
    return KeyedNoise(SEED, step, dtype=torch.float64)


# ---------------------------------------------------------------------------------------------------- a table to play at


@dataclass
class Table:
    """Parts, objectives and rules, before anything has been played.

    Arguments:
        frozen: parts without a gradient, in eval mode.
    """

    parts: dict[str, Part]
    objectives: dict[str, Objective]
    training: Mapping[str, Any]
    frozen: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for name, module in self.modules.items():
            module.double().train(name not in self.frozen).requires_grad_(name not in self.frozen)

    @property
    def modules(self) -> dict[str, Part]:
        return {**self.parts, **self.objectives}

    def copies(self, *names: str) -> Any:
        """Copies of the named parts as they stand, for a loop written by hand; one name gives one copy."""
        copied = [copy.deepcopy(self.modules[name]) for name in names]
        return copied[0] if len(copied) == 1 else copied

    def copy(self) -> Table:
        """The same table once more, with weights of its own."""
        return copy.deepcopy(self)

    def game(self, *, next_batch: Callable[[str], Batch] | None = None, **settings: Any) -> Game:
        """A game at this table: it moves this table's weights."""
        rules = rules_for(self.objectives, frozenset(self.parts) - self.frozen, self.training)
        return Game(self.parts, self.objectives, rules, next_batch or Batches(), seed=SEED, **settings)

    def play(self, rounds: int = ROUNDS, **settings: Any) -> Game:
        """Play ``rounds`` rounds."""
        game = self.game(**settings)
        for _ in range(rounds):
            game.play()
        return game

    def state(self) -> dict[str, Tensor]:
        """All weights and buffers by name."""
        return {f"{name}.{key}": t for name, module in self.modules.items() for key, t in module.state_dict().items()}


def table(seed: int, make: Callable[[], Table]) -> Table:
    """What ``make`` gives, its weights drawn from ``seed``."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def adam(*modules: nn.Module, lr: float = 0.05) -> torch.optim.Adam:
    """A player's default optimizer, as a person would write it."""
    weights = [p for module in modules for p in module.parameters() if p.requires_grad]
    return torch.optim.Adam(weights, lr=lr, fused=True)


def update(optimizer: torch.optim.Optimizer, loss: Tensor, retain_graph: bool = False) -> None:
    """One step down ``loss`` for the optimizer's weights, and for no others."""
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    optimizer.zero_grad()
    loss.backward(inputs=weights, retain_graph=retain_graph)
    optimizer.step()


def player(trains: Iterable[str], losses: Iterable[str], **settings: Any) -> dict[str, Any]:
    """A recipe's player with this folder's learning rate."""
    return {"trains": list(trains), "losses": list(losses), "lr": 0.05, **settings}


def turn(losses: Iterable[str], players: Iterable[str], **settings: Any) -> dict[str, Any]:
    """A recipe's turn."""
    return {"losses": list(losses), "players": list(players), **settings}


def same(played: Table, **by_hand: nn.Module) -> bool:
    """True where weights and buffers equal those of the loop written by hand, to the last bit."""
    for name, module in by_hand.items():
        left, right = played.modules[name].state_dict(), module.state_dict()
        assert left.keys() == right.keys()
        for key in left:
            if not torch.equal(left[key], right[key]):
                return False
    return True
