"""Every torchvision classifier as a feature extractor."""

from __future__ import annotations

import copy
from typing import Annotated, Any, ClassVar, Literal

import timm
import torch
import torchvision
from annotated_types import Ge, Le
from torch import Tensor, fx, nn
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vision_transformer import EncoderBlock, VisionTransformer

from zoo_core.errors import SettingError, UnknownName, WeightsError, did_you_mean, shown
from zoo_core.interfaces import FeatureExtractor, ImageShape, Labels, Tags
from zoo_features.asked_layers import asked_layers
from zoo_features.cut_graph import cut_after, inlined, tracer_of
from zoo_features.first_weights import created
from zoo_features.grid import as_map, is_channels_last
from zoo_features.image_size import fit
from zoo_features.preprocessing import Preprocessing
from zoo_features.weights import Published, Weights, fetch, load_into

HEADS = ("avgpool", "classifier", "fc", "head", "heads")
"""How torchvision's classifiers call what follows their features."""


class Torchvision(FeatureExtractor):
    """A torchvision classifier.

    Layers: its stages, the last node at each spatial resolution (for a vision transformer the encoder's blocks); ``last``,
    the pooled input of the last layer with weights; ``logits``; and every node of the traced graph and every module by
    its name, e.g. ``layer1.0.conv1``.

    Arguments:
        architecture: torchvision's name, e.g. ``resnet18``.
        layers: ``"stages"`` (a map each), ``"last"``, ``"logits"``, or a list of names and of indices into the stages.
        weights: ``"default"`` (torchvision's own, from timm's repositories, for ResNets, VGGs and Inception), a path, ``hf:org/name``, or
            None for random ones.
        size: resize the image to size × size before the net; None takes it as it is where the net can, else resizes it to
            the size that the net was made for.
        classes: how many logits; None is as many as the net was made for. Where the weights' head has another number, the head is new and
            the rest of the net theirs.

    With torchvision's published weights its ``labels`` are ImageNet's, in words (``tench``).

    Raises:
        UnknownName: torchvision has no such classifier.
        SettingError: there is no such layer, or the net takes no images of ``size``.
        WeightsError: see :func:`zoo_features.weights.fetch`; or nothing is published as safetensors.
    """

    tags: ClassVar[Tags] = Tags(stochastic=True, batch_statistics=True, channels=(1, 3))

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"architecture": "resnet18", "weights": None, "layers": [0, 1]},
            {"architecture": "mobilenet_v3_small", "weights": None, "layers": [0, 1]},
            {"architecture": "resnet18", "weights": None, "layers": ["layer1", "logits"], "classes": 5},
        ]

    @classmethod
    def architectures(cls) -> list[str]:
        """The names of torchvision's classifiers."""
        return list(torchvision.models.list_models(module=torchvision.models))

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
        self.who = f"torchvision/{architecture}"
        if architecture not in self.architectures():
            hint = did_you_mean(architecture, self.architectures()) or f"it has {', '.join(self.architectures())}"
            raise UnknownName(f'torchvision has no classifier "{shown(architecture)}"', hint=hint, name=architecture)
        net = _created(architecture, classes)
        published = torchvision.models.get_model_weights(architecture).DEFAULT.transforms()
        side = net.image_size if isinstance(net, VisionTransformer) else published.crop_size[0]
        default = (side, side)
        nodes = _Nodes(net, default)
        self.layers = _asked(layers, nodes, self.who)
        self.nodes = {layer: nodes.named.get(layer, layer) for layer in self.layers}
        self.called = frozenset(nodes.by_name) - inlined(self.nodes.values())
        """Names of the modules that the forward calls as they are."""
        self.prefix = 1 if nodes.transformer else 0
        self.channels_last = frozenset(layer for layer, node in self.nodes.items() if nodes.is_channels_last(node))
        # torchvision's Inception, given its weights, brings images back to the −1 to 1 that those were trained on.
        mean, std = ((0.5,) * 3, (0.5,) * 3) if architecture == "inception_v3" else (published.mean, published.std)
        self.preprocessing = Preprocessing(mean, std)
        self.net: Any = cut_after(net, tuple(dict.fromkeys(self.nodes.values())))
        kept = set(self.net.state_dict())
        dropped = tuple(name for name in net.state_dict() if name not in kept)
        self.shapes = fit(self, image_shape, size, default)
        tensors, self.weights_reference = fetch(
            weights, None if weights != "default" else _twin(architecture, self.who), self.who
        )
        if tensors is not None:
            # timm calls the head of a VGG otherwise.
            ignored = (*dropped, "pre_logits.", "head.", "AuxLogits.") if dropped else ("AuxLogits.",)
            fresh = load_into(
                self.net, tensors, self.who, ignored=ignored, heads=() if classes is None else (f"{nodes.head}.",)
            )
            if fresh and "logits" in self.layers:
                self.weights_reference = None  # what is published is not all that it is
            elif weights == "default" or (self.weights_reference or {}).get("repo") == f"timm/{architecture}.tv_in1k":
                self.labels = Labels(
                    "classes", tuple(torchvision.models.get_model_weights(architecture).DEFAULT.meta["categories"])
                )

    def module_path(self, layer: str) -> str:
        if layer not in self.called:
            raise SettingError(
                f"{self.who} does not call the module {shown(layer)!r}",
                hint="it has no such module, or a layer inside of it is asked for, too: ask for one of both",
            )
        return f"net.{layer}"

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.preprocessing(x)
        seen = self.net(x)
        return tuple(self._as_map(layer, seen[self.nodes[layer]], x) for layer in self.layers)

    def _as_map(self, layer: str, activation: Any, x: Tensor) -> Tensor:
        a = as_map(
            activation,
            f"{self.who}: {layer}",
            x.shape[2:],
            channels_last=layer in self.channels_last,
            prefix=self.prefix,
        )
        return a.mean((2, 3)) if layer == "last" and a.ndim == 4 else a


class _Nodes(fx.Interpreter):
    """The nodes of a net's graph, and which of them are its stages, its last features and its logits.

    Arguments:
        net: as torchvision makes it.
        size: (height, width) of the images that it was made for.
    """

    def __init__(self, net: nn.Module, size: tuple[int, int]) -> None:
        skeleton = copy.deepcopy(net).to("meta").eval()
        tracer, graph = tracer_of(skeleton)
        super().__init__(fx.GraphModule(tracer.root, graph))
        self.net = net
        self.paths: dict[fx.Node, str] = dict(tracer.node_to_qualname)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.carrying: set[fx.Node] = set()
        self.by_name = dict(net.named_modules())
        self.swin = isinstance(net, SwinTransformer)
        self.transformer = [name for name, module in net.named_modules() if isinstance(module, EncoderBlock)]
        with torch.no_grad():
            self.run(torch.zeros(2, 3, *size, device="meta"))
        weighted = [
            node
            for node in self.paths
            if node.op == "call_module" and isinstance(self._module(node), nn.Linear | nn.Conv2d)
        ]
        self.head = str(weighted[-1].target)
        """The module that gives the logits."""
        last = weighted[-1].args[0]
        while isinstance(last, fx.Node) and isinstance(self._module(last), nn.Dropout):
            last = last.args[0]
        assert isinstance(last, fx.Node)
        logits = [name for name, shape in self.shapes.items() if len(shape) == 2][-1]
        self.stages = self.transformer or self._stages()
        self.named = {"last": self.paths[last], "logits": logits}

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, and note what it gives."""
        out = super().run_node(n)
        if isinstance(out, Tensor) and n.op in ("call_module", "call_function", "call_method"):
            self.shapes[self.paths[n]] = tuple(out.shape)
        if isinstance(out, Tensor) or (isinstance(out, tuple | list) and any(isinstance(o, Tensor) for o in out)):
            self.carrying.add(n)
        return out

    def is_channels_last(self, node: str) -> bool:
        """Whether a four-dimensional node is (N, H, W, C)."""
        otherwise = self.swin and node.startswith(("features", "norm")) and not node.startswith("features.0.0")
        return is_channels_last(self.by_name[node], otherwise) if node in self.by_name else otherwise

    def _module(self, node: fx.Node) -> nn.Module | None:
        return self.net.get_submodule(str(node.target)) if node.op == "call_module" else None

    def _stages(self) -> list[str]:
        """At each spatial resolution the last node of the trunk, under the name of the module that it ends.

        Of several the least nested ones count: the block's output, not its first convolution.
        """
        stages: dict[int, tuple[int, str]] = {}
        for node in self._trunk():
            name, resolution = self._ended_module(self.paths[node]), self._resolution(self.paths[node])
            if name.split(".")[0] in HEADS or resolution <= 1 or resolution > min(stages, default=resolution):
                continue
            depth = name.count(".")
            if resolution not in stages or depth <= stages[resolution][0]:
                stages[resolution] = (depth, name)
        return [name for _, name in stages.values()]

    def _trunk(self) -> list[fx.Node]:
        """The nodes that every path from the image to the logits passes."""
        order = list(self.module.graph.nodes)
        place = {node: i for i, node in enumerate(order)}
        image = next(node for node in order if node.op == "placeholder")
        of_image, trunk, furthest = {image}, [], 0
        for node in order[1:]:
            if node.op == "output" or node not in self.carrying or not of_image.intersection(node.all_input_nodes):
                continue
            of_image.add(node)
            if furthest <= place[node] and self.paths[node] in self.shapes:
                trunk.append(node)
            furthest = max([furthest, *(place[user] for user in node.users if user in self.carrying)])
        return trunk

    def _ended_module(self, path: str) -> str:
        """The outermost module whose last node is ``path``, or ``path``."""
        names = path.split(".")
        prefixes = [".".join(names[: i + 1]) for i in range(len(names))]
        return next(p for p in prefixes if p == path or [n for n in self.shapes if n.startswith(f"{p}.")][-1] == path)

    def _resolution(self, name: str) -> int:
        """Height of a square map, 0 for anything else."""
        shape = self.shapes[name]
        if len(shape) != 4:
            return 0
        height, width = shape[1:3] if self.is_channels_last(name) else shape[2:]
        return height if height == width else 0


def _asked(layers: list[str | int] | str, nodes: _Nodes, who: str) -> tuple[str, ...]:
    if layers == "stages":
        return tuple(nodes.stages)
    available = list(nodes.shapes)
    for name, _ in nodes.net.named_modules():
        inside = [i for i, node in enumerate(available) if node.startswith(f"{name}.")]
        if name and name not in available and inside:
            available.insert(inside[-1] + 1, name)
    available += ["last", "logits"]
    if isinstance(layers, str):
        return asked_layers([layers], available, who)
    named = [asked_layers([layer], nodes.stages, who)[0] if isinstance(layer, int) else layer for layer in layers]
    return asked_layers(named, available, who)


def _created(architecture: str, classes: int | None) -> nn.Module:
    """The net with random weights, without auxiliary heads and without operations in place."""
    builder = torchvision.models.get_model_builder(architecture)
    settings: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if architecture in ("googlenet", "inception_v3"):
        settings |= {"aux_logits": False, "init_weights": True}
    return created(lambda: builder(weights=None, **settings))


def _twin(architecture: str, who: str) -> Published:
    """timm's repository of torchvision's weights, where both call the parameters alike."""
    tagged = f"{architecture}.tv_in1k"
    if (
        architecture.startswith(("resnet", "resnext", "wide_resnet", "vgg", "inception_v3"))
        and tagged in timm.list_pretrained()
    ):
        return Published(f"timm/{tagged}")
    raise WeightsError(
        f"{who}: torchvision publishes no safetensors weights, and its own files are pickles",
        hint=f"give timm/{architecture} or another of timm's models, weights=PATH to a .safetensors file, or weights=None",
    )
