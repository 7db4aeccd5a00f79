"""Correct components: the kit finds nothing wrong with them, and the mutants are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from zoo_core.distributions import likelihood_family, posterior_family
from zoo_core.errors import SettingError
from zoo_core.game.step import Step
from zoo_core.interfaces import (
    Attack,
    AttackedLoss,
    BallNorm,
    Batch,
    Decoder,
    Encoder,
    FeatureExtractor,
    Head,
    ImageShape,
    Labels,
    Metric,
    MetricResult,
    Need,
    Objective,
    Part,
    PartNoise,
    Plot,
    Prior,
    Sampler,
    Samples,
    Tags,
    Term,
    ascent,
)
from zoo_core.model import Model
from zoo_core.noise import GeneratorNoise, Noise

Width = Annotated[int, Ge(1), Le(4096)]


class PlainEncoder(Encoder):
    """A convolution with batch norm, then linear layers.

    Arguments:
        latent_dim: width of z.
        width: channels.
        posterior: form of q(z given x).
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, density=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"width": 4}, {"width": 4, "posterior": "implicit"}, {"width": 4, "posterior": "standardised"}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        latent_dim: Width = 6,
        width: Width = 8,
        posterior: Literal["gaussian", "deterministic", "implicit", "standardised"] = "gaussian",
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family(posterior, latent_dim)
        self.conv = nn.Conv2d(image_shape[0] + self.family.noise_channels, width, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(width)
        sides = -(-image_shape[1] // 2) * -(-image_shape[2] // 2)
        self.hidden = nn.Linear(width * sides, 16)
        self.head = nn.Linear(16, self.family.width)
        self.extend()

    def extend(self) -> None:
        """What a mutant adds."""

    def trunk(self, x: Tensor) -> Tensor:
        """What the head sees, (N, 16)."""
        return torch.tanh(self.hidden(torch.tanh(self.norm(self.conv(x))).flatten(1)))

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        statistics: Tensor = self.head(self.trunk(x if noise is None else torch.cat([x, noise], dim=1)))
        return statistics


class PlainConditionalEncoder(PlainEncoder):
    """The same with the one-hot class beside the hidden layer where it is conditional.

    Arguments:
        latent_dim: width of z.
        posterior: form of q(z given x).
        conditional: whether it takes labels.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, density=True, conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"conditional": True}, {"conditional": True, "posterior": "implicit"}]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        latent_dim: Width = 6,
        posterior: Literal["gaussian", "implicit"] = "gaussian",
        conditional: bool = False,
    ) -> None:
        if conditional and labels.type != "classes":
            raise SettingError("a conditional encoder needs data with classes")
        super().__init__(image_shape=image_shape, latent_dim=latent_dim, width=4, posterior=posterior)
        self.classes = labels.count if conditional else 0
        self.head = nn.Linear(16 + self.classes, self.family.width)

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities | (frozenset({"labels"}) if self.classes else frozenset())

    def beside(self, hidden: Tensor, y: Tensor | None) -> Tensor:
        """The hidden layer and the label side by side."""
        if not self.classes:
            return hidden
        if y is None:
            raise SettingError("this encoder needs labels")
        known = y if y.ndim == 2 else one_hot(y.clamp(min=0), self.classes) * (y >= 0).unsqueeze(1)
        return torch.cat([hidden, known.to(hidden.dtype)], dim=1)

    def forward(self, x: Tensor, noise: Tensor | None = None, y: Tensor | None = None) -> Tensor:
        hidden = self.trunk(x if noise is None else torch.cat([x, noise], dim=1))
        statistics: Tensor = self.head(self.beside(hidden, y))
        return statistics


class PlainDecoder(Decoder):
    """Linear layers, the one-hot class or the attributes beside z where it is conditional; both hidden layers are one.

    Arguments:
        latent_dim: width of z.
        conditional: whether it takes labels.
    """

    tags: ClassVar[Tags] = Tags(conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"conditional": True}]

    def __init__(
        self, *, image_shape: ImageShape, labels: Labels, latent_dim: Width = 6, conditional: bool = False
    ) -> None:
        super().__init__()
        if conditional and not labels.count:
            raise SettingError("a conditional decoder needs data with classes or attributes")
        self.image_shape, self.latent_dim = image_shape, latent_dim
        self.classes = labels.count if conditional else 0
        self.family = likelihood_family("gaussian", image_shape)
        self.first = nn.Linear(latent_dim + self.classes, 16)
        self.second, self.third = nn.Linear(16, 16), nn.Linear(16, 16)
        self.third.weight = self.second.weight
        self.head = nn.Linear(16, prod(image_shape))

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities | (frozenset({"labels"}) if self.classes else frozenset())

    def joined(self, z: Tensor, y: Tensor | None) -> Tensor:
        """z and the label side by side."""
        if not self.classes:
            return z
        if y is None:
            raise SettingError("this decoder needs labels")
        known = y if y.ndim == 2 else one_hot(y.clamp(min=0), self.classes) * (y >= 0).unsqueeze(1)
        return torch.cat([z, known.to(z.dtype)], dim=1)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        hidden = torch.tanh(self.second(torch.tanh(self.first(self.joined(z, y)))))
        output: Tensor = self.head(torch.tanh(self.third(hidden)))
        return output.reshape(-1, *self.image_shape)


class PlainNoisyDecoder(PlainDecoder):
    """Noise on the hidden layer, at test time too.

    Arguments:
        std: of the noise.
    """

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        latent_dim: Width = 6,
        conditional: bool = False,
        std: Annotated[float, Ge(0)] = 0.5,
    ) -> None:
        super().__init__(image_shape=image_shape, labels=labels, latent_dim=latent_dim, conditional=conditional)
        self.std = std
        self.noise = PartNoise()

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        noisy: Tensor = super().forward(z + self.std * self.noise.normal(z), y)
        return noisy


class PlainTellingDecoder(Decoder):
    """Noise beside z in place of a density, and attributes beside the picture.

    Arguments:
        latent_dim: width of z.
    """

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"labels": "attributes"}]

    def __init__(self, *, image_shape: ImageShape, labels: Labels, latent_dim: Width = 6) -> None:
        super().__init__()
        if labels.type != "attributes":
            raise SettingError("this decoder needs data with attributes")
        self.image_shape, self.latent_dim = image_shape, latent_dim
        self.family = likelihood_family("implicit", image_shape)
        self.noise = PartNoise()
        self.hidden = nn.Linear(2 * latent_dim, 16)
        self.head, self.told = nn.Linear(16, prod(image_shape)), nn.Linear(16, labels.count)

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities | {"likelihood.attributes"}

    def forward(self, z: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(self.hidden(torch.cat([z, self.noise.normal(z)], dim=1)))
        return self.head(hidden).view(-1, *self.image_shape), self.told(hidden)


class PlainExtractor(FeatureExtractor):
    """Two layers of one width, and logits.

    Arguments:
        layers: which are asked for.
    """

    available: ClassVar[tuple[str, ...]] = ("low", "high", "logits")

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        layers: tuple[Literal["low", "high", "logits"], ...] = ("low", "high", "logits"),
    ) -> None:
        super().__init__()
        self.layers = tuple(name for name in self.available if name in layers)
        self.shapes = {name: (10,) if name == "logits" else (12,) for name in self.layers}
        self.low = nn.Linear(prod(image_shape), 12)
        last = self.available.index(self.layers[-1])
        if last > 0:
            self.high = nn.Linear(12, 12)
        if last > 1:
            self.logits = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        seen = {"low": torch.tanh(self.low(x.flatten(1)))}
        if self.layers[-1] != "low":
            seen["high"] = torch.tanh(self.high(seen["low"]))
        if self.layers[-1] == "logits":
            seen["logits"] = self.logits(seen["high"])
        return tuple(seen[name] for name in self.layers)


class PlainPrior(Prior):
    """N(0, I).

    Arguments:
        latent_dim: width of z.
    """

    tags: ClassVar[Tags] = Tags(density=True)

    def __init__(self, *, latent_dim: Width = 6) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"prior.log_prob", "prior.kl"})

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return noise.normal(name, (n, self.latent_dim))

    def log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * z.square().sum(-1) - 0.9189385332046727 * z.shape[-1]

    def kl_from_gaussian(self, mean: Tensor, log_sigma: Tensor) -> Tensor:
        return (0.5 * (mean.square() + (2 * log_sigma).exp() - 1) - log_sigma).sum(-1)


class PlainHead(Head):
    """A linear head.

    Arguments:
        latent_dim: width of z.
    """

    def __init__(self, *, labels: Labels, latent_dim: Width = 6) -> None:
        super().__init__()
        if not labels.count:
            raise SettingError("no labels, no logits")
        self.latent_dim = latent_dim
        self.outputs = labels.count
        self.linear = nn.Linear(latent_dim, labels.count)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"head.linear"})

    def forward(self, z: Tensor) -> Tensor:
        logits: Tensor = self.linear(z)
        return logits

    def directions(self) -> Tensor:
        return self.linear.weight


class PlainAttack(Attack):
    """A step along the sign of the slope from a random start."""

    epsilon = 0.2
    norm: BallNorm = "linf"

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        start = (x + 0.1 * noise.uniform(name, x.shape)).clamp(0, 1)
        return (start + 0.1 * ascent(loss, start).sign()).clamp(0, 1)


class PlainObjective(Objective):
    """A learned weight on squared differences; the squares of draws pull the encoder alone."""

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "decoder": Need("decoder")}

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def error(self, step: Step) -> Tensor:
        """The mean squared difference of the reconstructions."""
        return (step.reconstruction() - step.x).square().mean()

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        yield Term("error", self.error(step) * torch.exp(-self.log_scale) + 0.1 * self.log_scale)
        yield Term("size", 0.01 * step.z().square().mean(), frozenset({"encoder"}))


class PlainLabelObjective(Objective):
    """Cross-entropy of a classifier, over the labelled rows."""

    tags: ClassVar[Tags] = Tags(labels="classes")
    needs: ClassVar[Mapping[str, Need]] = {"classifier": Need("feature-extractor", frozenset({"logits"}))}

    def __init__(self, *, parts: Mapping[str, Part], labels: Labels) -> None:
        super().__init__()
        if labels.type != "classes":
            raise SettingError("this objective needs classes")

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        assert step.y is not None
        total = cross_entropy(step.features("classifier")["logits"], step.y, ignore_index=-1, reduction="sum")
        yield Term("cross_entropy", total / (step.y >= 0).sum().clamp(min=1))


class PlainCritic(Objective):
    """An adversarial autoencoder's game: a critic on codes against the encoder."""

    tags: ClassVar[Tags] = Tags(adversarial=True)
    losses: ClassVar[tuple[str, ...]] = ("fit", "discriminate", "fool")
    needs: ClassVar[Mapping[str, Need]] = {
        "encoder": Need("encoder"),
        "decoder": Need("decoder"),
        "prior": Need("prior"),
    }
    trained_by: ClassVar[str | None] = "discriminate"
    training_only: ClassVar[frozenset[str]] = frozenset({"critic"})
    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "critic": {"trains": ("self",), "losses": ("discriminate",)},
        "generator": {"trains": ("encoder",), "losses": ("fool",)},
    }

    def __init__(self, *, parts: Mapping[str, Part]) -> None:
        super().__init__()
        width = parts["encoder"].latent_dim
        self.critic = nn.Sequential(nn.Linear(width, 16), nn.Tanh(), nn.Linear(16, 1))

    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        match loss:
            case "fit":
                yield Term("error", (step.reconstruction() - step.x).square().mean())
            case "discriminate":
                real, fake = self.critic(step.prior_draw()), self.critic(step.z().detach())
                yield Term("real", binary_cross_entropy_with_logits(real, torch.ones_like(real)))
                yield Term("fake", binary_cross_entropy_with_logits(fake, torch.zeros_like(fake)))
            case _:
                fake = self.critic(step.z())
                yield Term(
                    "fool", binary_cross_entropy_with_logits(fake, torch.ones_like(fake)), frozenset({"encoder"})
                )


class PlainSampler(Sampler):
    """Decoded draws from the prior."""

    needs: ClassVar[Mapping[str, Need]] = {"prior": Need("prior"), "decoder": Need("decoder")}

    def codes(self, model: Model, n: int, generator: torch.Generator) -> Tensor:
        """n draws from the prior."""
        z: Tensor = model.parts["prior"].sample(n, GeneratorNoise(generator))
        return z

    def labels(self, model: Model, n: int, conditions: Mapping[str, Any]) -> Tensor | None:
        """Those that were asked for, or the classes in turn."""
        if "labels" not in model.capabilities("decoder"):
            return None
        asked: Tensor | None = conditions.get("y")
        return torch.arange(n) % model.labels.count if asked is None else asked

    def __call__(self, model: Model, n: int, generator: torch.Generator, **conditions: Any) -> Samples:
        z = self.codes(model, n, generator)
        return Samples(model.decode(z, self.labels(model, n, conditions)), z)


class PlainMetric(Metric):
    """Mean squared error of reconstructions."""

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "decoder": Need("decoder")}

    def __call__(self, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> list[MetricResult]:
        total, count = 0.0, 0
        for batch in batches:
            total += float((model.reconstruct(batch.x) - batch.x).square().sum())
            count += batch.x.numel()
        return [MetricResult("mse", total / count, better="lower")]


class PlainPlot(Plot):
    """Codes of the data over as many draws from the prior."""

    needs: ClassVar[Mapping[str, Need]] = {"encoder": Need("encoder"), "prior": Need("prior")}

    def size(self, model: Model) -> tuple[float, float]:
        return 3.0, 2.0

    def draws(self, model: Model, n: int, generator: torch.Generator) -> Tensor:
        """n draws from the prior."""
        z: Tensor = model.parts["prior"].sample(n, GeneratorNoise(generator))
        return z

    def draw(self, figure: Any, model: Model, batches: Iterable[Batch], generator: torch.Generator) -> None:
        codes = torch.cat([model.encode(batch.x) for batch in batches])
        axes = figure.add_subplot()
        for points in (self.draws(model, len(codes), generator), codes):
            axes.scatter(points[:, 0].numpy(), points[:, 1].numpy())
