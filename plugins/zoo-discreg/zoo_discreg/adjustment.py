"""The stage after training of the authors' published models: batch norm for prior samples, an encoder for the decoder that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from zoo_core.data import Stream, dataset_for, one_each, open_source, refuse_without_labels
from zoo_core.devices import processes
from zoo_core.errors import IncompatibleError
from zoo_core.game import Game, rules_for
from zoo_core.interfaces import Decoder, Objective, Part, Prior
from zoo_core.model import Model
from zoo_core.noise import GeneratorNoise, derive_seed
from zoo_discreg.objective import DiscriminativeRegularization


def adjust(
    model: Model,
    data: Any,
    *,
    epochs: int = 1,
    batch_size: int = 100,
    prior_draws: int = 500,
    lr: float = 1e-3,
    seed: int = 0,
    device: str | torch.device | None = None,
    data_root: str | None = None,
    data_settings: Mapping[str, Any] | None = None,
) -> Model:
    """Re-estimate the decoder's batch-norm statistics from prior draws and fine-tune the encoder on the plain ELBO.

    In training the decoder's statistics come from posterior draws, and its samples from prior draws are off by the
    difference; the regulariser also pulls the encoder away from the true posterior. So, as vdumoulin/discgen does
    before it reports any
    figure: for ``epochs`` passes over the data each round sends ``prior_draws`` prior draws through the decoder, which
    moves its running statistics and nothing else, and then takes one step of the encoder alone on the objectives other
    than ``discreg``, the decoder at rest.

    Arguments:
        model: trained; changed in place.
        data: what it was trained on.
        lr: Adam's learning rate for the encoder.
        seed: of the order and of all draws.
        data_root, data_settings: where data sets lie, and parameters of this one.

    Returns:
        ``model``.

    Raises:
        IncompatibleError: a model without encoder, decoder, prior or a likelihood objective.
    """
    missing = [part for part in ("encoder", "decoder", "prior") if part not in model.parts]
    plain = {
        name: cast(Objective, o)
        for name, o in model.objectives.items()
        if not isinstance(o, DiscriminativeRegularization)
    }
    if missing or not plain:
        raise IncompatibleError(
            f"adjust needs an encoder, a decoder, a prior and an ELBO; this model lacks {', '.join(missing) or 'the ELBO'}"
        )
    device = processes(device).device
    model.to(device)
    dataset = dataset_for(model, data, root=data_root, settings=data_settings)
    refuse_without_labels(model, dataset)
    stream = Stream(
        open_source(dataset.split("train"), device=device, modality=dataset.modality, workers=0),
        batch_size,
        derive_seed(seed, "adjust"),
        dtype=model.dtype,
    )
    parts = {name: cast(Part, part) for name, part in model.parts.items()}
    decoder, prior = cast(Decoder, parts["decoder"]), cast(Prior, parts["prior"])
    players = {"encoder": {"trains": ["encoder"], "losses": ["fit"], "lr": lr}}
    rules = rules_for(
        plain, frozenset({"encoder"}), {"players": players, "turns": [{"losses": ["fit"], "players": ["encoder"]}]}
    )
    game = Game(parts, plain, rules, lambda name: stream.next(), seed=derive_seed(seed, "adjust"))
    generator = torch.Generator()
    generator.manual_seed(derive_seed(seed, "adjust", "prior"))
    noise = GeneratorNoise(generator, device=device, dtype=model.dtype)

    def labels() -> Tensor | None:
        """Classes (or single attributes) for the prior draws, all alike likely, where the decoder takes some."""
        conditional = "labels" in decoder.capabilities
        return (
            one_each(model.labels, noise.integers("labels", (prior_draws,), model.labels.count))
            if conditional
            else None
        )

    model.eval()
    try:
        for _ in range(epochs * stream.batches_per_epoch):
            decoder.train()
            with torch.no_grad():
                decoder(prior.sample(prior_draws, noise), labels())
            decoder.eval()
            parts["encoder"].train()
            game.play()
    finally:
        model.eval()
    return model
