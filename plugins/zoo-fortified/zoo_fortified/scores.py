"""How far activations are from where a fortified net's autoencoders would put them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import FeatureExtractor
from zoo_fortified.denoiser import without_noise
from zoo_fortified.extractor import DENOISED, fortified_layers
from zoo_fortified.insertion import Fortified

if TYPE_CHECKING:
    from zoo_core.model import Model


def off_manifold(net: Model | FeatureExtractor | Fortified, x: Tensor, *, relative: bool = False) -> dict[str, Tensor]:
    """For each fortified layer the score of each example, (N,): mean over its units of (D(E(h)) − h)², without the noise (Lamb 2018,
    section 2.6.3). Large far from the data that the net was trained with. It has a gradient in x where autograd is on.

    >>> scores = zoo_fortified.off_manifold(model, x)["flat"]

    Arguments:
        net: a model with a fortified classifier, that classifier, or what ``fortify`` made. It is looked at in the mode that it is in;
            of a model, in eval mode.
        x: a batch of what it takes.
        relative: over the mean of h² of the example.

    Raises:
        IncompatibleError: nothing of it is fortified.
    """
    if isinstance(net, Fortified):
        with without_noise(net):
            seen = {layer: tuple(both) for layer, both in net.watched(x)[1].items()}
    elif isinstance(net, FeatureExtractor):
        with without_noise(net):
            features = net.features(x)
        seen = {layer: (features[layer], features[layer + DENOISED]) for layer in fortified_layers(net.layers)}
    else:
        for part in net.parts.values():
            if isinstance(part, FeatureExtractor) and fortified_layers(part.layers):
                with net.evaluating(), torch.set_grad_enabled(x.requires_grad):
                    return off_manifold(part, x, relative=relative)
        seen = {}
    if not seen:
        raise IncompatibleError(
            "nothing of this net is fortified",
            hint="give a fortified-classifier, or zoo_fortified.fortify(net, layers=[…])",
        )
    return {layer: _score(h, denoised, relative) for layer, (h, denoised) in seen.items()}


def auroc(inside: Tensor, outside: Tensor) -> float:
    """The chance that a score of ``outside`` (M,) is larger than one of ``inside`` (N,), a tie counting half (Mann and Whitney 1947)."""
    values = torch.cat([inside, outside]).cpu().double()
    _, place, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0)
    ranks = (last - (counts - 1) / 2)[place]
    n, m = len(inside), len(outside)
    return (float(ranks[n:].sum()) - m * (m + 1) / 2) / (n * m)


def _score(h: Tensor, denoised: Tensor, relative: bool) -> Tensor:
    error = (denoised - h).square().flatten(1).mean(1)
    return error / h.square().flatten(1).mean(1).clamp(min=torch.finfo(h.dtype).tiny) if relative else error
