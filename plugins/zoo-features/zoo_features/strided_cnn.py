"""A convolutional classifier whose hidden layers are the batch-norm outputs of its strided convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import relu

from zoo_features.asked_layers import asked_layers


@dataclass(frozen=True)
class Conv:
    """One convolution, followed by batch norm and ReLU. ``name`` makes its batch-norm output a layer that can be asked for."""

    width: int
    kernel: int
    stride: int = 1
    padding: int = 0
    name: str = ""
    dropout: float = 0.0


class StridedCNN(nn.Module):
    """Convolutions, then fully connected layers, then logits.

    A named layer is what comes out of the batch norm, before the ReLU: that is what the discriminatively regularised models of
    Lamb et al. 2016 compare (vdumoulin/discgen).

    Arguments:
        channels: of the images.
        convs: the convolutions.
        hidden: widths of the fully connected layers, with batch norm and ``dropout``.
        outputs: how many logits.
        layers: what is asked for; what lies behind the last of them is not built.
        who: for messages.
    """

    def __init__(
        self,
        channels: int,
        convs: Sequence[Conv],
        hidden: Sequence[int],
        outputs: int,
        layers: Sequence[str | int],
        who: str,
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.layers = asked_layers(layers, [*(c.name for c in convs if c.name), "logits"], who)
        whole = self.layers[-1] == "logits"
        last = len(convs) if whole else next(i for i, c in enumerate(convs) if c.name == self.layers[-1]) + 1
        self.specs = tuple(convs[:last])
        behind = [f"{kind}.{i}." for i in range(last, len(convs)) for kind in ("convs", "norms")]
        self.dropped = () if whole else (*behind, "head.")
        """Prefixes of weights that the whole net has and this one has not."""
        self.convs = nn.ModuleList()
        self.norms = nn.ModuleList()
        for spec in self.specs:
            self.convs.append(nn.Conv2d(channels, spec.width, spec.kernel, spec.stride, spec.padding, bias=False))
            self.norms.append(nn.BatchNorm2d(spec.width))
            channels = spec.width
        self.drops = nn.ModuleList(nn.Dropout(spec.dropout) for spec in self.specs)
        if whole:
            head: list[nn.Module] = [nn.Flatten()]
            for width in hidden:
                head += [nn.LazyLinear(width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]
            self.head = nn.Sequential(*head, nn.LazyLinear(outputs))

    def module_path(self, layer: str) -> str:
        """Where in this net the module is whose output is ``layer``."""
        numbers = {spec.name: i for i, spec in enumerate(self.specs) if spec.name}
        return f"norms.{numbers[layer]}" if layer in numbers else "head" if layer == "logits" else layer

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, C, H, W) to the activations of ``layers``."""
        seen: dict[str, Tensor] = {}
        for spec, conv, norm, drop in zip(self.specs, self.convs, self.norms, self.drops):
            x = norm(conv(x))
            if spec.name:
                seen[spec.name] = x
            x = drop(relu(x))
        if self.layers[-1] == "logits":
            seen["logits"] = self.head(x)
        return tuple(seen[layer] for layer in self.layers)
