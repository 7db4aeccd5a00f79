"""Plain parts to put around a component that needs others: an objective, a sampler, a metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from zoo_core.distributions import likelihood_family, posterior_family
from zoo_core.distributions.posteriors import PosteriorName
from zoo_core.errors import ZooError
from zoo_core.interfaces import (
    Attack,
    AttackedLoss,
    BallNorm,
    Decoder,
    Encoder,
    FeatureExtractor,
    Head,
    ImageShape,
    Labels,
    Need,
    Part,
    Prior,
    Tags,
    Vocabulary,
    ascent,
)
from zoo_core.interfaces.vocabulary import NO_TOKENS
from zoo_core.model import Model
from zoo_core.noise import Noise
from zoo_core.registry.guarded import described
from zoo_core.testing.results import CheckSkipped

LATENT_DIM = 12
HIDDEN = 32


@final
class PlainEncoder(Encoder):
    """One hidden layer to the statistics of any posterior."""

    def __init__(
        self, image_shape: ImageShape, posterior: PosteriorName = "gaussian", categories: int = LATENT_DIM - 2
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.family = posterior_family(posterior, LATENT_DIM, categories=categories)
        inputs = prod(image_shape) + self.family.noise_channels * image_shape[1] * image_shape[2]
        self.net = nn.Sequential(nn.Linear(inputs, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, self.family.width))

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        joined = x if noise is None else torch.cat([x, noise], dim=1)
        statistics: Tensor = self.net(joined.flatten(1))
        return statistics


@final
class PlainDecoder(Decoder):
    """One hidden layer to the pixels; the class stands beside z where ``classes`` says how many there are."""

    def __init__(self, image_shape: ImageShape, classes: int = 0) -> None:
        super().__init__()
        self.image_shape, self.latent_dim, self.classes = image_shape, LATENT_DIM, classes
        self.family = likelihood_family("gaussian", image_shape)
        self.net = nn.Sequential(
            nn.Linear(LATENT_DIM + classes, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, prod(image_shape))
        )

    @property
    def capabilities(self) -> frozenset[str]:
        return self.family.capabilities | (frozenset({"labels"}) if self.classes else frozenset())

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.classes and y is not None:
            known = one_hot(y.clamp(min=0), self.classes) * (y >= 0).unsqueeze(1) if y.ndim == 1 else y
            z = torch.cat([z, known.to(z.dtype)], dim=1)
        output: Tensor = self.net(z)
        return output.view(-1, *self.image_shape)


@final
class PlainPrior(Prior):
    """N(0, I)."""

    def __init__(self, latent_dim: int = LATENT_DIM) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"prior.log_prob", "prior.kl", "prior.isotropic", "prior.percentiles"})

    def sample(self, n: int, noise: Noise, y: Tensor | None = None, name: str = "prior") -> Tensor:
        return noise.normal(name, (n, self.latent_dim))

    def from_percentiles(self, u: Tensor, y: Tensor | None = None) -> Tensor:
        codes: Tensor = torch.special.ndtri(u)
        return codes

    def log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * z.square().sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)

    def kl_from_gaussian(self, mean: Tensor, log_sigma: Tensor) -> Tensor:
        return (0.5 * (mean.square() + (2 * log_sigma).exp() - 1) - log_sigma).sum(-1)


@final
class PlainExtractor(FeatureExtractor):
    """A hidden layer ``features``, and logits or a score."""

    def __init__(self, image_shape: ImageShape, outputs: int, head: str = "logits") -> None:
        super().__init__()
        self.layers = ("features", head)
        self.shapes = {"features": (HIDDEN,), head: (outputs,)}
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(prod(image_shape), HIDDEN), nn.Tanh())
        self.head = nn.Linear(HIDDEN, outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        features = self.hidden(x)
        return features, self.head(features)


@final
class PlainTokenExtractor(FeatureExtractor):
    """An embedding ``features`` and, at each token, logits of the next; or a score of the window."""

    tags: ClassVar[Tags] = Tags(modalities=("tokens",))

    def __init__(self, length: int, vocabulary: Vocabulary, head: str = "logits") -> None:
        super().__init__()
        outputs = (length, len(vocabulary)) if head == "logits" else (1,)
        self.layers = ("features", head)
        self.shapes = {"features": (length, HIDDEN), head: outputs}
        self.hidden = nn.Embedding(len(vocabulary), HIDDEN)
        self.head = nn.Linear(HIDDEN, outputs[-1])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        features = self.hidden(x)
        return features, self.head(features if len(self.shapes[self.layers[1]]) > 1 else features.mean(1))


@final
class PlainJointExtractor(FeatureExtractor):
    """Images and their codes to a hidden layer ``features`` and a score."""

    inputs: ClassVar[tuple[str, ...]] = ("x", "z")

    def __init__(self, image_shape: ImageShape) -> None:
        super().__init__()
        self.latent_dim = LATENT_DIM
        self.layers = ("features", "score")
        self.shapes = {"features": (HIDDEN,), "score": (1,)}
        self.hidden = nn.Sequential(nn.Linear(prod(image_shape) + LATENT_DIM, HIDDEN), nn.Tanh())
        self.head = nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, ...]:
        features = self.hidden(torch.cat([x.flatten(1), z], dim=1))
        return features, self.head(features)


@final
class PlainHead(Head):
    """A linear layer, with as many logits as there are labels, or with one more for fakes."""

    def __init__(self, labels: int, fake: bool = False) -> None:
        super().__init__()
        self.latent_dim = LATENT_DIM
        self.outputs = labels + fake
        self.fake = fake
        self.linear = nn.Linear(LATENT_DIM, self.outputs)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"head.linear", "head.fake"} if self.fake else {"head.linear"})

    def forward(self, z: Tensor) -> Tensor:
        logits: Tensor = self.linear(z)
        return logits

    def directions(self) -> Tensor:
        return self.linear.weight


@final
class PlainAttack(Attack):
    """A step of 0.1 along the sign of the slope."""

    epsilon = 0.1
    norm: BallNorm = "linf"

    def perturb(self, loss: AttackedLoss, x: Tensor, noise: Noise, name: str = "attack") -> Tensor:
        return (x + self.epsilon * ascent(loss, x).sign()).clamp(0, 1)


def surround(
    needs: Mapping[str, Need],
    image_shape: ImageShape,
    labels: Labels,
    vocabulary: Vocabulary = NO_TOKENS,
    *,
    plugin: str = "",
    conditional: bool = False,
) -> dict[str, Part]:
    """A plain part for each of ``needs``; where none fits, a registered component, of ``plugin`` first.

    Arguments:
        vocabulary: of the tokens that they look at; without one these are pictures.
        conditional: decoders take labels, where the data have classes.

    Raises:
        CheckSkipped: nothing fits a need; the text has why each component of that kind does not.
    """
    parts: dict[str, Part] = {}
    for slot, need in needs.items():
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(len(parts))
            candidates = (
                _plain_of_tokens(need.kind, image_shape, labels, vocabulary)
                if vocabulary
                else _plain(need.kind, image_shape, labels, conditional)
            )
            fitting = next((part for make in candidates if _able(part := make(), need)), None)
            parts[slot] = fitting or _registered(slot, need, image_shape, labels, vocabulary, plugin)
    return parts


def _plain(kind: str, image_shape: ImageShape, labels: Labels, conditional: bool) -> list[Callable[[], Part]]:
    posteriors: tuple[PosteriorName, ...] = ("gaussian", "deterministic", "implicit", "joint", "standardised")
    classes = labels.count if labels.type == "classes" else 0
    match kind:
        case "encoder":
            return [
                partial(PlainEncoder, image_shape, p, min(classes or LATENT_DIM, LATENT_DIM - 1)) for p in posteriors
            ]
        case "decoder":
            plain = [lambda: PlainDecoder(image_shape), lambda: PlainDecoder(image_shape, classes)]
            return [*plain[::-1]] if conditional else [*plain]
        case "prior":
            return [PlainPrior]
        case "feature-extractor":
            return [
                lambda: PlainExtractor(image_shape, labels.count or 10),
                lambda: PlainExtractor(image_shape, 1, "score"),
                lambda: PlainJointExtractor(image_shape),
            ]
        case "head":
            return [lambda: PlainHead(labels.count or 10), lambda: PlainHead(labels.count or 10, fake=True)]
        case "attack":
            return [PlainAttack]
        case _:
            return []


def _plain_of_tokens(
    kind: str, image_shape: ImageShape, labels: Labels, vocabulary: Vocabulary
) -> list[Callable[[], Part]]:
    """As :func:`_plain`, for parts that look at tokens; those that look at codes are the same."""
    if kind == "feature-extractor":
        return [partial(PlainTokenExtractor, image_shape[2], vocabulary, head) for head in ("logits", "score")]
    return _plain(kind, image_shape, labels, False) if kind in ("prior", "head") else []


def _able(part: Part, need: Need) -> bool:
    other = isinstance(part, FeatureExtractor) and need.inputs not in (None, part.inputs)
    return not other and not _lacking(part, need)


def _lacking(part: Part, need: Need) -> list[str]:
    return [wanted for wanted in need.capabilities if not part.capabilities & set(wanted.split("|"))]


def _registered(
    slot: str, need: Need, image_shape: ImageShape, labels: Labels, vocabulary: Vocabulary, plugin: str
) -> Part:
    from zoo_core.building.builder import build_part
    from zoo_core.registry.components import registry
    from zoo_core.registry.parameter import parameters

    refusals: dict[str, list[str]] = {}  # why not, and whom that is true of
    entries = [entry for entry in registry().entries(need.kind) if not entry.family]
    for entry in sorted(entries, key=lambda entry: entry.plugin != plugin):
        try:
            examples = entry.load().examples()
        except Exception as error:  # another plugin's fault
            refusals.setdefault(described(error), []).append(entry.qualified)
            continue
        for example in examples:
            if example.get("labels", labels.type) != labels.type:
                continue
            # Parts of one model: the width of its codes is not each part's own.
            params = {key: value for key, value in example.items() if key not in ("labels", "latent_dim")}
            try:
                params |= {"latent_dim": LATENT_DIM} if "latent_dim" in parameters(entry.load()) else {}
                spec = {"name": entry.qualified, **params}
                part = build_part(need.kind, spec, image_shape=image_shape, labels=labels, vocabulary=vocabulary)
            except Exception as error:
                why = str(error) if isinstance(error, ZooError) else described(error)
            else:
                if _able(part, need):
                    return part
                lacking = ", ".join(_lacking(part, need))
                why = f"it lacks {lacking}" if lacking else f"it takes {', '.join(part.inputs)}"
            refusals.setdefault(why, []).append(entry.qualified)
    raise CheckSkipped(_nothing_fits(slot, need, refusals))


def _nothing_fits(slot: str, need: Need, refusals: Mapping[str, list[str]]) -> str:
    wanted = f" with {' and '.join(need.capabilities)}" if need.capabilities else ""
    tried = [f"{', '.join(dict.fromkeys(who))}: {why}" for why, who in refusals.items()]
    return f'nothing installed fits the part "{slot}" that it needs, a component of kind {need.kind}{wanted}; ' + (
        f"tried were {'; '.join(tried)}" if tried else "there is none of this kind"
    )


def plain_model(
    parts: Mapping[str, Part], image_shape: ImageShape, labels: Labels, vocabulary: Vocabulary = NO_TOKENS
) -> Model:
    """A model of ``parts``, without objectives."""
    kinds = {
        Encoder: "encoder",
        Decoder: "decoder",
        FeatureExtractor: "feature-extractor",
        Prior: "prior",
        Head: "head",
        Attack: "attack",
    }
    entries: dict[str, Any] = {}
    for slot, part in parts.items():
        kind = next((kind for cls, kind in kinds.items() if isinstance(part, cls)), "network")
        entries[slot] = {"kind": kind, "name": f"plain:{kind}", "format": 1, "version": "0", "params": {}}
    config = {
        "format": 1,
        "recipe": "plain",
        "image_shape": list(image_shape),
        "labels": {"type": labels.type, "names": list(labels.names)},
        "sampler": "",
        "parts": entries,
        "objectives": {},
        "training": {},
        **({"modality": "tokens", "vocabulary": list(vocabulary.tokens)} if vocabulary else {}),
    }
    return Model(config, parts, {})
