"""What a feature extractor does to an image's size, observed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, final

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from zoo_core.interfaces import FeatureExtractor, ImageShape


def resize_rule(extractor: FeatureExtractor, image_shape: ImageShape, device: torch.device) -> str:
    """For instance ``bilinear, antialias, 32x32 to 299x299``, or ``none, 32x32``.

    An image runs through the extractor, and what it resizes before its first layer with weights is noted. Only
    ``torch.nn.functional.interpolate`` is seen, which every extractor of zoo-features uses.
    """
    height, width = image_shape[1:]
    with torch.no_grad(), _Watch() as watch:
        extractor(torch.zeros(1, *image_shape, device=device))
    return watch.rule or f"none, {height}x{width}"


@final
class _Watch(TorchFunctionMode):
    """Notes the first resizing, unless a layer with weights comes before it."""

    def __init__(self) -> None:
        super().__init__()
        self.rule = ""
        self._over = False

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self._over:
            return result
        if func is functional.interpolate:
            bound = inspect.signature(functional.interpolate).bind(*args, **kwargs)
            bound.apply_defaults()
            before, after = (f"{t.shape[-2]}x{t.shape[-1]}" for t in (bound.arguments["input"], result))
            antialias = ", antialias" if bound.arguments["antialias"] else ""
            self.rule, self._over = f"{bound.arguments['mode']}{antialias}, {before} to {after}", True
        elif func in (functional.conv2d, functional.linear):
            self._over = True
        return result
