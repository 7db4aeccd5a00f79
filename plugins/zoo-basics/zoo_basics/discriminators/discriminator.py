"""Discriminator: what the discriminators have in common, from the last map to the score."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import prod

from torch import Tensor, nn
from torch.nn.functional import embedding
from torch.nn.utils.parametrizations import spectral_norm

from zoo_basics.layers.activation import activation
from zoo_core.errors import SettingError, did_you_mean, shown
from zoo_core.interfaces import FeatureExtractor, Labels


class ScoreHead(nn.Module):
    """Features to one number; with labels y, plus the inner product of the features with an embedding of y (Miyato and Koyama
    2018, Eq. 4). An example without a label (−1) gets no such addend.

    Arguments:
        features: width of the features.
        classes: how many labels there are; 0 takes none.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.score = nn.Linear(features, 1)
        self.label = nn.Linear(classes, features, bias=False) if classes else None

    @property
    def capabilities(self) -> frozenset[str]:
        """``labels`` where y is taken."""
        return frozenset() if self.label is None else frozenset({"labels"})

    def forward(self, features: Tensor, y: Tensor | None = None) -> Tensor:
        """(N, features) and y (N,) to (N, 1)."""
        score: Tensor = self.score(features)
        if self.label is None or y is None:
            return score
        projected = (embedding(y.clamp(min=0), self.label.weight.t()) * features).sum(1, keepdim=True)
        return score + projected * (y >= 0).to(score.dtype).unsqueeze(1)


class Discriminator(FeatureExtractor):
    """Stages, each a layer that can be asked for, a fully connected layer ``features`` with ReLU, and ``score``.

    The fully connected layer is never normalised: with batch norm there, GANs on CIFAR-10 collapsed in their first epochs.

    A subclass builds its stages and calls :meth:`finish`.
    """

    stages: nn.ModuleDict
    head: ScoreHead | None

    @property
    def capabilities(self) -> frozenset[str]:
        return super().capabilities | (self.head.capabilities if self.head else frozenset())

    def finish(
        self,
        name: str,
        stage: str,
        stages: Sequence[nn.Module],
        shapes: Sequence[tuple[int, ...]],
        *,
        layers: Sequence[str],
        features: int,
        labels: Labels,
        conditional: bool,
    ) -> None:
        """Put the head on ``stages``, drop what lies behind the last of ``layers``.

        Arguments:
            name: for messages.
            stage: what the stages are called as layers, with their number behind it: ``conv`` gives ``conv1``, ``conv2``, …
            stages, shapes: from the image on, and the shape of each one's activation for one example.

        Raises:
            SettingError: there is no such layer, or none is asked for; ``conditional`` and the data have no classes.
        """
        classes = conditional_classes(labels, conditional)
        names = [f"{stage}{i}" for i in range(1, len(stages) + 1)]
        self.layers = _asked(name, layers, [*names, "features", "score"])
        known = {**dict(zip(names, shapes)), "features": (features,), "score": (1,)}
        self.shapes = {layer: known[layer] for layer in self.layers}
        headed = self.layers[-1] in ("features", "score")
        last = len(stages) if headed else names.index(self.layers[-1]) + 1
        self.stages = nn.ModuleDict(dict(zip(names[:last], stages)))
        self.features_layer = penultimate(shapes[-1], features) if headed else None
        self.head = ScoreHead(features, classes) if "score" in self.layers else None

    @abstractmethod
    def look(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] as the first stage takes them."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, ...]:
        """Activations of ``layers`` for x (N, C, H, W) in [0, 1] and, where it is conditional, y int64 (N,), −1 = unlabelled."""
        seen: dict[str, Tensor] = {}
        h = self.look(x)
        for name, stage in self.stages.items():
            h = seen[name] = stage(h)
        if self.features_layer is not None:
            h = seen["features"] = self.features_layer(h)
        if self.head is not None:
            seen["score"] = self.head(h, y)
        return tuple(seen[layer] for layer in self.layers)


def conditional_classes(labels: Labels, conditional: bool) -> int:
    """How many labels the score takes into account: 0 where it is not ``conditional``.

    Raises:
        SettingError: the data have no classes; it says what to choose instead.
    """
    if conditional and (labels.type != "classes" or not labels.count):
        raise SettingError(
            f"a conditional discriminator needs data with classes, these have labels of type {labels.type}",
            hint="choose data with classes, or discriminator.conditional=false",
        )
    return labels.count if conditional else 0


def penultimate(shape: Sequence[int], features: int) -> nn.Sequential:
    """The fully connected layer before the score: activations of ``shape`` for one example, flattened, to ``features`` with ReLU."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), features), activation("relu"))


def spectrally_normalised(net: nn.Module) -> None:
    """Divide the weight of every convolution and linear layer of ``net`` by its largest singular value, as a power iteration, one
    for each forward in train mode, estimates it (Miyato et al. 2018, Algorithm 1). Weights that are spectrally normalised stay so."""
    for layer in list(net.modules()):
        if isinstance(layer, nn.Conv2d | nn.Linear) and not nn.utils.parametrize.is_parametrized(layer):
            spectral_norm(layer)


def _asked(name: str, layers: Sequence[str], available: Sequence[str]) -> tuple[str, ...]:
    for layer in layers:
        if layer not in available:
            raise SettingError(
                f"{name}: there is no layer {shown(layer)!r}",
                hint=did_you_mean(layer, available) or f"its layers are {', '.join(available)}",
            )
    if not layers:
        raise SettingError(f"{name}: no layer is asked for", hint=f"its layers are {', '.join(available)}")
    return tuple(layer for layer in available if layer in layers)
