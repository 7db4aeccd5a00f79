"""Fortified: a network with denoising autoencoders at named layers, without a change to its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zoo_core.errors import SettingError, shown
from zoo_fortified.denoiser import Activation, DenoisingAutoencoder, Scale

SIDES = (224, 64, 32, 28)
"""Sides of the images that a convolutional net is tried with where no example is given."""

MakeDenoiser = Callable[[tuple[int, ...]], nn.Module]
"""What an activation's shape is denoised by."""


class Watched(NamedTuple):
    """What a fortified layer computed in one forward."""

    hidden: Tensor
    """h, what the layer gave; maps as (N, C, H, W)."""
    denoised: Tensor
    """What went on through the net in its place."""


class DenoisingHook:
    """A forward hook that puts a layer's output through a denoiser: an object, so that a copy of the net uses the copy's denoiser.

    Arguments:
        denoiser: what it goes through; of a tuple (a recurrent layer's) the first entry does.
        channels_last: maps come as (N, H, W, C).
    """

    def __init__(self, denoiser: nn.Module, *, channels_last: bool = False) -> None:
        self.denoiser = denoiser
        self.channels_last = channels_last
        self.watching = False
        self.seen: Watched | None = None

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        rest = output[1:] if isinstance(output, tuple) else None
        h = output if rest is None else output[0]
        h = self._maps(h, -1, 1)
        denoised = self.denoiser(h)
        if self.watching:
            self.seen = Watched(h, denoised)
        denoised = self._maps(denoised, 1, -1)
        return denoised if rest is None else (denoised, *rest)

    def _maps(self, h: Tensor, source: int, target: int) -> Tensor:
        return h.movedim(source, target) if self.channels_last and h.dim() == 4 else h


class Insertion:
    """Hooks at some modules: what a fortified net and a fortified feature extractor have in common.

    Arguments:
        modules: layer to the module whose output it is.
        hooks: layer to its hook.
    """

    def __init__(self, modules: Mapping[str, nn.Module], hooks: Mapping[str, DenoisingHook]) -> None:
        self.hooks = dict(hooks)
        self._handles: list[RemovableHandle] = [
            modules[layer].register_forward_hook(hook) for layer, hook in self.hooks.items()
        ]

    def watch(self, on: bool) -> None:
        """From now on every hook keeps what it sees, or lets go of it."""
        for hook in self.hooks.values():
            hook.watching, hook.seen = on, None

    def seen(self) -> dict[str, Watched]:
        """Layer to what it computed in its last call."""
        return {layer: hook.seen for layer, hook in self.hooks.items() if hook.seen is not None}

    def remove(self) -> None:
        """Takes the hooks out."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


class Fortified(nn.Module):
    """A network with a denoiser behind each of some named layers: the rest of it sees the denoised activation.

    Made by :func:`fortify`. The network's weights are called as before behind ``net.``, the denoisers' ``denoisers.0.weight`` and so
    on in the order of ``layers``. Copies, pickles, compiles and exports like any module.
    """

    def __init__(
        self, net: nn.Module, layers: Sequence[str], denoisers: Sequence[nn.Module], channels_last: Sequence[str]
    ) -> None:
        super().__init__()
        self.net = net
        self.layers = tuple(layers)
        self.denoisers = nn.ModuleList(denoisers).train(net.training)
        self.training = net.training  # of the net's own modules, some may be in another mode: they stay in theirs
        self._insertion = Insertion(
            {layer: net.get_submodule(layer) for layer in layers},
            {
                layer: DenoisingHook(denoiser, channels_last=layer in channels_last)
                for layer, denoiser in zip(layers, denoisers)
            },
        )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the network gives."""
        return self.net(*args, **kwargs)

    def watched(self, *args: Any, **kwargs: Any) -> tuple[Any, dict[str, Watched]]:
        """What the network gives, and for each fortified layer its activation and the denoised one, with their graphs. Of a layer that is
        called several times, the last."""
        self._insertion.watch(True)
        try:
            output = self.net(*args, **kwargs)
            return output, self._insertion.seen()
        finally:
            self._insertion.watch(False)

    def remove(self) -> nn.Module:
        """Takes the denoisers out and gives the network back as it was."""
        self._insertion.remove()
        return self.net


def fortify(
    net: nn.Module,
    layers: Sequence[str],
    *,
    width: int = 0,
    activation: Activation = "leaky-relu",
    noise: float = 0.1,
    scale: Scale = "absolute",
    example: Any = None,
    channels_last: Sequence[str] = (),
    denoiser: MakeDenoiser | None = None,
) -> Fortified:
    """``net`` with a denoising autoencoder behind each of ``layers``.

    >>> net = fortify(torchvision.models.resnet18(num_classes=10), layers=["layer2", "layer4"])
    >>> out, watched = net.watched(x)
    >>> net.remove()

    Arguments:
        net: any module; it is used, not copied.
        layers: names of modules inside, as ``net.named_modules()`` has them.
        width: of the codes; 0 is half of each activation's channels.
        activation: of the codes.
        noise: standard deviation of the noise on the activations.
        scale: whether that is ``absolute`` or ``relative`` to each example's activation.
        example: a batch for one forward that shows the activations' shapes, or a tuple of arguments. By default random images or vectors
            for the net's first layer with weights.
        channels_last: those of ``layers`` whose maps are (N, H, W, C), as in Swin transformers.
        denoiser: makes something else in the autoencoders' place from an activation's shape, such as ``lambda shape: nn.Identity()``.

    Raises:
        SettingError: no such module, it is not used in a forward or gives no floating tensor; or the net takes no example of our making.
    """
    layers = [layers] if isinstance(layers, str) else list(layers)
    _check_names(net, layers)
    for layer in channels_last:
        if layer not in layers:
            raise SettingError(f"channels_last names {shown(layer)!r}, which is not one of the fortified layers")
    shapes = _shapes(net, layers, example)
    for layer in channels_last:
        shapes[layer] = (shapes[layer][-1], *shapes[layer][:-1])

    def made(shape: tuple[int, ...]) -> nn.Module:
        return DenoisingAutoencoder(shape, width=width, activation=activation, noise=noise, scale=scale)

    like = next(net.parameters(), torch.empty(0))
    denoisers = [(denoiser or made)(shapes[layer]).to(like) for layer in layers]
    return Fortified(net, layers, denoisers, channels_last)


def _check_names(net: nn.Module, layers: Sequence[str]) -> None:
    names = [name for name, _ in net.named_modules() if name]
    if not layers or len(set(layers)) < len(layers):
        raise SettingError("layers: name at least one layer, and each once", hint=f"it has {', '.join(names[:20])}")
    for layer in layers:
        if layer not in names:
            raise SettingError(
                f"{type(net).__name__} has no module {shown(layer)!r}", hint=f"it has {', '.join(names[:20])}"
            )


def _shapes(net: nn.Module, layers: Sequence[str], example: Any) -> dict[str, tuple[int, ...]]:
    """Layer to the shape of one example's activation."""
    tried: Sequence[Any] = _examples(net) if example is None else [example]
    failure: Exception | None = None
    for one in tried:
        try:
            return _probed(net, layers, one if isinstance(one, tuple) else (one,))
        except SettingError:
            raise
        except Exception as error:  # whatever the net says of an input that does not suit it
            failure = error
    reason = f": {failure}" if failure else ""
    raise SettingError(
        f"{type(net).__name__} could not be run on {'an example of our making' if example is None else 'the example'}{reason}",
        hint="give example=x, a batch of what it takes",
    ) from failure


def _probed(net: nn.Module, layers: Sequence[str], inputs: tuple[Any, ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, Any] = {}
    handles = [
        net.get_submodule(layer).register_forward_hook(lambda _m, _i, out, layer=layer: found.update({layer: out}))  # type: ignore[misc]
        for layer in layers
    ]
    modes = {module: module.training for module in net.modules()}
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            net.eval()(*inputs)
    finally:
        for module, mode in modes.items():
            module.training = mode
        for handle in handles:
            handle.remove()
    return {layer: _shape(net, layer, found.get(layer)) for layer in layers}


def _shape(net: nn.Module, layer: str, output: Any) -> tuple[int, ...]:
    output = output[0] if isinstance(output, tuple) and output else output
    if not isinstance(output, Tensor) or not output.is_floating_point() or output.dim() < 2:
        what = "is not called in a forward" if output is None else "does not give activations"
        raise SettingError(f"the module {shown(layer)!r} of {type(net).__name__} {what}", hint="fortify another layer")
    return tuple(output.shape[1:])


def _examples(net: nn.Module) -> list[Tensor]:
    """Batches of two that the first layer with weights would take."""
    like = next(net.parameters(), torch.empty(0))
    first = next(
        (m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.RNNBase)),
        None,
    )
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.rand(2, *shape, generator=generator).to(like)

    if isinstance(first, nn.Conv2d):
        asked = getattr(net, "pretrained_cfg", None)  # timm's
        size = cast("Mapping[str, Any]", asked).get("input_size") if isinstance(asked, Mapping) else None
        own = [drawn(*size)] if size else []
        return own + [drawn(first.in_channels, side, side) for side in SIDES]
    if isinstance(first, nn.Linear):
        return [drawn(first.in_features)]
    return [drawn(3, first.input_size)] if isinstance(first, nn.RNNBase) else []
