"""Makes the golden files of this version: small saved models, and what they compute.

Run once for a release, into a folder of its own; never over older ones, which later versions must go on reading:

    python tests/golden/make.py 0.1
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

import zoo_core as zoo

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "vae-mlp": ("vae-mlp", {"image_shape": (1, 8, 8), "latent_dim": 3, "encoder.hidden": [6], "decoder.hidden": [5]}),
    "vae-dcgan": ("vae", {"image_shape": (3, 16, 16), "latent_dim": 4, "encoder.width": 2, "decoder.width": 2}),
    "vae-resnet": (
        "vae",
        {
            "image_shape": (1, 32, 32),
            "latent_dim": 4,
            "encoder": "resnet",
            "decoder": "resnet",
            "encoder.width": 2,
            "decoder.width": 2,
        },
    ),
    "discreg-vae": ("discreg-vae", {"data": "digits", "latent_dim": 4, "encoder.width": 2, "decoder.width": 2}),
    "classifier": ("classifier", {"data": "digits", "classifier.width": 2, "classifier.hidden": 8}),
    # Components inside components.
    "aae-dimred": (
        "aae-dimred",
        {
            "data": "digits",
            "encoder.hidden": [6],
            "decoder.net": {"hidden": [5]},
            "objective.adversarial-prior.hidden": [4],
        },
    ),
    "gan-score-head": (
        "gan",
        {
            "image_shape": (1, 16, 16),
            "latent_dim": 3,
            "decoder.width": 2,
            "discriminator": "score-head",
            "discriminator.net": {"name": "small-cnn", "width": 2, "hidden": 8},
            "discriminator.layer": "conv2",
            "discriminator.features": 6,
        },
    ),
    "dfm": (
        "dfm-gan",
        {
            "image_shape": (1, 16, 16),
            "latent_dim": 3,
            "width": 2,
            "discriminator.features": 6,
            "objective.dfm.denoiser": {"name": "mlp-denoiser", "width": 5, "depth": 1},
        },
    ),
}


def main(version: str) -> None:
    """Write each model, a sharded one among them, and its outputs."""
    for name, (recipe, settings) in MODELS.items():
        folder = Path(__file__).parent / version / name
        if folder.exists():
            print(f"{folder} is there already and stays")
            continue
        model = zoo.build(recipe, seed=1, **settings)
        model.save(folder, max_shard_size=3_000 if name == "vae-mlp" else "5GB")
        x = torch.rand(2, *model.image_shape, generator=torch.Generator().manual_seed(0))
        outputs = {"x": x}
        if "decoder" in model.parts:
            outputs["sampled"] = model.sample(2, seed=0)
            if "encoder" in model.parts:
                outputs |= {"encoded": model.encode(x), "reconstructed": model.reconstruct(x)}
        else:
            with model.evaluating():
                outputs |= {f"features.{i}": features for i, features in enumerate(model.parts["classifier"](x))}
        save_file({key: value.contiguous() for key, value in outputs.items()}, folder / "outputs.safetensors")


if __name__ == "__main__":
    main(*sys.argv[1:])
