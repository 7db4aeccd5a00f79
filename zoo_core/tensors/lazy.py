"""Lazy shapes: layers that learn their input's size from the first forward."""

from __future__ import annotations

import torch
from torch import nn

from zoo_core.errors import PluginFailed, shown
from zoo_core.interfaces import Decoder, Encoder, FeatureExtractor, ImageShape, Modality, Part
from zoo_core.noise import derive_seed
from zoo_core.tensors.walk import named_tensors


def materialize_lazy(part: Part, where: str, image_shape: ImageShape, seed: int, modality: Modality = "image") -> None:
    """Settle ``part``'s lazy layers by one forward of a single black image, window of first tokens or zero code, so that all shapes are
    known. Their first weights are drawn from ``seed``, as those of other layers are.

    Raises:
        PluginFailed: it has lazy layers which that forward does not reach.
    """
    if not any(nn.parameter.is_lazy(tensor) for _, tensor in named_tensors(part)):
        return
    x = torch.zeros(1, image_shape[2], dtype=torch.int64) if modality == "tokens" else torch.zeros(1, *image_shape)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, where, "lazy"))
        part.eval()
        try:
            if isinstance(part, FeatureExtractor):
                part(*(x if name == "x" else torch.zeros(1, part.latent_dim) for name in part.inputs))
            elif isinstance(part, Encoder):
                part(x)
            elif isinstance(part, Decoder):
                part(torch.zeros(1, part.latent_dim))
        except Exception as error:
            raise PluginFailed(
                f"{where}: its lazy layers could not be settled by a forward of one image: {type(error).__name__}: {shown(error)}"
            ) from error
        part.train()
    left = [name for name, t in part.named_parameters() if nn.parameter.is_lazy(t)]
    if left:
        raise PluginFailed(
            f"{where}: {shown(', '.join(left[:3]))} kept a lazy shape after a forward",
            hint="give the layer its size, or reach it in forward",
        )
