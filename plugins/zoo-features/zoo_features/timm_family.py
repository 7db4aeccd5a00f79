"""Every model of timm (Wightman 2019, doi:10.5281/zenodo.4414861) as a feature extractor."""

from __future__ import annotations

import copy
from typing import Annotated, Any, ClassVar, Literal

import timm
import torch
from annotated_types import Ge, Le
from timm.data import ImageNetInfo, infer_imagenet_subset
from torch import Tensor, nn

from zoo_core.errors import UnknownName, did_you_mean, shown
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels, Tags
from zoo_features.asked_layers import asked_layers
from zoo_features.first_weights import created
from zoo_features.grid import as_map, is_channels_last
from zoo_features.idle_modules import drop_idle
from zoo_features.image_size import fit
from zoo_features.preprocessing import Preprocessing
from zoo_features.weights import Published, Weights, fetch, load_into


class Timm(FeatureExtractor):
    """A timm model.

    Layers: its stages (for a transformer the blocks), named as timm's ``feature_info`` names them; ``last``, the pooled
    features before the head; ``logits``; and every module by its name, e.g. ``layer1.0.conv1``.

    Arguments:
        architecture: timm's name, ``resnet18``, or with the tag of published weights, ``resnet18.tv_in1k``.
        layers: ``"stages"`` (a map each), ``"last"``, ``"logits"``, or a list of names and of indices into the stages.
        weights: ``"default"`` (timm's repository on the Hub), a path, ``hf:org/name``, or None for random ones.
        size: resize the image to size × size before the net; None takes it as it is where the net can, else resizes it to
            the size that the net was made for.
        classes: how many logits; None is as many as the net was made for. Where the weights' head has another number, the head is new and
            the rest of the net theirs.

    With timm's published weights its ``labels`` are ImageNet's, by their WordNet numbers (``n01440764``), as the data's folders are called.

    Raises:
        UnknownName: timm has no such model.
        SettingError: there is no such layer, or the net takes no images of ``size``.
        WeightsError: see :func:`zoo_features.weights.fetch`.
    """

    tags: ClassVar[Tags] = Tags(stochastic=True, batch_statistics=True, channels=(1, 3))

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"architecture": "resnet18", "weights": None, "layers": [0, 1]},
            {"architecture": "vit_tiny_patch16_224", "weights": None, "layers": [0], "size": 224},
            {"architecture": "resnet10t", "weights": None, "layers": "logits", "classes": 5},
        ]

    @classmethod
    def architectures(cls) -> list[str]:
        """The names that timm knows, without tags."""
        return list(timm.list_models())

    def __init__(
        self,
        *,
        architecture: str,
        image_shape: ImageShape,
        layers: list[str | int] | Literal["stages", "last", "logits"] = "stages",
        weights: Weights = "default",
        size: Annotated[int, Ge(1), Le(4096)] | None = None,
        classes: Annotated[int, Ge(1), Le(65_536)] | None = None,
    ) -> None:
        super().__init__()
        self.who = f"timm/{architecture}"
        _check_name(architecture)
        head = {} if classes is None else {"num_classes": classes}
        self.net: Any = created(lambda: timm.create_model(architecture, pretrained=False, **head))
        self.stages = _stages(self.net)
        self.layers = self._asked(layers)
        self.inner = [layer for layer in self.layers if layer not in (*self.stages, "last", "logits")]
        config = self.net.pretrained_cfg
        self.preprocessing = Preprocessing(config["mean"], config["std"])
        self.shapes = fit(self, image_shape, size, tuple(config["input_size"][1:]))
        skeleton = copy.deepcopy(self).to("meta").eval()
        dropped = drop_idle(self.net, skeleton.net, lambda: skeleton(torch.zeros(2, *image_shape, device="meta")))
        repo = config.get("hf_hub_id") or ""
        tensors, self.weights_reference = fetch(
            weights, Published(repo) if repo.startswith("timm/") else None, self.who
        )
        if tensors is not None:
            fresh = load_into(
                self.net, tensors, self.who, ignored=dropped, heads=() if classes is None else _heads(self.net)
            )
            if fresh and "logits" in self.layers:
                self.weights_reference = None  # what is published is not all that it is
            elif self.weights_reference is not None and self.weights_reference.get("repo") == repo:
                self.labels = _imagenet(self.net.num_classes)

    def module_path(self, layer: str) -> str:
        return f"net.{layer}"

    def _asked(self, layers: list[str | int] | str) -> tuple[str, ...]:
        modules = [name for name, _ in self.net.named_modules() if name and name not in ("last", "logits")]
        stages = [stage for stage in self.stages if stage not in modules]
        available = [*stages, *modules, "last", *(["logits"] if self.net.num_classes else [])]
        if layers == "stages":
            return tuple(self.stages)
        if isinstance(layers, str):
            return asked_layers([layers], available, self.who)
        named = [
            asked_layers([layer], self.stages, self.who)[0] if isinstance(layer, int) else layer for layer in layers
        ]
        return asked_layers(named, available, self.who)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.preprocessing(x)
        stages = [layer for layer in self.layers if layer in self.stages]
        seen: dict[str, Any] = {}
        if not self.inner:
            self._run(x, stages, seen)
        else:
            hooks = [self.net.get_submodule(layer).register_forward_hook(_keep(layer, seen)) for layer in self.inner]
            if len(self.inner) == len(self.layers):
                hooks += [
                    self.net.get_submodule(layer).register_forward_hook(_Stop.when(self.inner, seen))
                    for layer in self.inner
                ]
            try:
                self._run(x, stages, seen)
            except _Stop:
                pass
            finally:
                for hook in hooks:
                    hook.remove()
        return tuple(self._as_map(layer, seen[layer], x) for layer in self.layers)

    def _run(self, x: Tensor, stages: list[str], seen: dict[str, Any]) -> None:
        """Run the net as far as need be, and put stages, pooled features and logits into ``seen``."""
        indices = [self.stages.index(stage) for stage in stages]
        if len(stages) == len(self.layers):
            maps = self.net.forward_intermediates(x, indices=indices, stop_early=True, intermediates_only=True)
            seen.update(zip(stages, maps, strict=True))
            return
        if stages:
            features, maps = self.net.forward_intermediates(x, indices=indices)
            seen.update(zip(stages, maps, strict=True))
        else:
            features = self.net.forward_features(x)
        if "last" in self.layers:
            seen["last"] = _pooled(self.net.forward_head(features, pre_logits=True))
        if "last" not in self.layers or "logits" in self.layers or self.inner:
            seen["logits"] = self.net.forward_head(features)

    def _as_map(self, layer: str, activation: Any, x: Tensor) -> Tensor:
        if layer in self.stages or layer in ("last", "logits"):
            return as_map(activation, f"{self.who}: {layer}", x.shape[2:])
        channels_last = is_channels_last(self.net.get_submodule(layer), getattr(self.net, "output_fmt", None) == "NHWC")
        prefix = getattr(self.net, "num_prefix_tokens", 0)
        return as_map(activation, f"{self.who}: {layer}", x.shape[2:], channels_last=channels_last, prefix=prefix)


class _Stop(Exception):
    """Ends a forward that has passed the last asked module."""

    @classmethod
    def when(cls, layers: list[str], seen: dict[str, Any]) -> Any:
        """A hook that raises as soon as all ``layers`` are seen."""

        def stop(_module: nn.Module, _args: Any, _out: Any) -> None:
            if len(seen) == len(layers):
                raise cls

        return stop


def _keep(layer: str, seen: dict[str, Any]) -> Any:
    """A hook that keeps the first output of a module: a copy, since residual nets add to it in place."""

    def keep(_module: nn.Module, _args: Any, out: Any) -> None:
        first = out[0] if isinstance(out, tuple | list) and out else out
        seen.setdefault(layer, first.clone() if isinstance(first, Tensor) else first)

    return keep


def _check_name(architecture: str) -> None:
    name, _, tag = architecture.partition(".")
    known = timm.list_pretrained() if tag else timm.list_models()
    if architecture not in known:
        near = did_you_mean(architecture, timm.list_pretrained(f"{name}.*") if tag else known)
        raise UnknownName(
            f'timm has no model "{shown(architecture)}"', hint=near or "see all with: zoo info timm/", name=architecture
        )


def _stages(net: Any) -> list[str]:
    """The names of the maps of ``forward_intermediates``, in order."""
    info = net.feature_info if isinstance(net.feature_info, list) else net.feature_info.info
    names = [str(stage["module"]) for stage in info]
    return names if len(set(names)) == len(names) else [f"stage{i}" for i in range(len(names))]


def _heads(net: Any) -> tuple[str, ...]:
    """Prefixes of the weights that give the logits; one that is distilled has two heads."""
    heads = net.get_classifier()
    heads = tuple(heads) if isinstance(heads, tuple | list | nn.ModuleList) else (heads,)
    return tuple(f"{name}." for name, module in net.named_modules() if any(module is head for head in heads))


def _imagenet(count: int) -> Labels:
    """The names of ImageNet's classes, of the subset that has ``count`` of them; none where none has."""
    subset = infer_imagenet_subset({"num_classes": count})
    return Labels() if subset is None else Labels("classes", tuple(ImageNetInfo(subset).label_names()))


def _pooled(features: Tensor) -> Tensor:
    """(N, D): a head without pooling gives a map or tokens."""
    if features.ndim == 4:
        return features.mean((2, 3))
    return features.mean(1) if features.ndim == 3 else features
