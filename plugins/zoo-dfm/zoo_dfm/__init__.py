"""Denoising feature matching for generative adversarial networks (Warde-Farley and Bengio 2017)."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from zoo_core.hookspecs import hookimpl

PAPER = "Warde-Farley and Bengio 2017, ICLR"


@hookimpl
def register_components(register: Callable[..., None]) -> None:
    """Everything this plugin brings, by name; nothing is imported until it is built."""
    register(
        "objective",
        "dfm",
        "zoo_dfm.denoising_feature_matching:DenoisingFeatureMatching",
        paper=PAPER,
        summary="a denoiser of the data's features says where those of generated images should go",
    )
    register(
        "network",
        "mlp-denoiser",
        "zoo_dfm.denoisers.mlp:MLPDenoiser",
        paper=PAPER,
        summary="deep fully connected denoiser of a feature vector",
    )
    register(
        "network",
        "conv-denoiser",
        "zoo_dfm.denoisers.conv:ConvDenoiser",
        paper=PAPER,
        summary="convolutional denoiser of feature maps",
    )


@hookimpl
def register_catalogue() -> Any:
    """The recipes that are not in the core's catalogue."""
    return files(__package__) / "registry.toml"
