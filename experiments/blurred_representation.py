"""Why discriminatively regularised pictures show patterns: section 5.5 and Figure 7 of Lamb, Dumoulin and Courville 2016.

A convolutional autoencoder (not variational) reconstructs 100 CIFAR-10 images. Its cost is the squared error between the features of
its reconstruction and the features of the image, in the first two stages of a CIFAR ResNet-20. Once these features are as they
are, once they are blurred, each filter apart, by a Gaussian. If the patterns come from blurred activations, the second autoencoder must
show them and the first must not.

    python experiments/blurred_representation.py --seed 0 --minutes 10

Columns of the picture, as in the figure: images; features not blurred; the discriminatively regularised model, where
experiments/discreg_cifar.py has trained it; features blurred.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import cast

import torch
from bench import HERE, Results, arguments, data_root
from discreg_cifar import classifier, folder
from rich.progress import track
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.data import evaluation_batches, open_source
from zoo_core.drawing.grids import grid, save_png
from zoo_core.interfaces import FeatureExtractor

IMAGES = 100
STEPS = 400
SIGMA = 1.0
"""Standard deviation of the blur, in the units of the layer."""
SHOWN = 10


def train(
    x: Tensor, extractor: FeatureExtractor, *, sigma: float, seed: int, deadline: float
) -> tuple[Tensor, float, int]:
    """Reconstructions of ``x`` by an autoencoder trained on it, the last cost, and how many steps it took."""
    model = zoo.build(
        "autoencoder",
        image_shape=tuple(x.shape[1:]),
        latent_dim=256,
        seed=seed,
        **{"encoder.width": 32, "decoder.width": 32},
    )
    model.to(x.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    with torch.no_grad():
        target = [gaussian_blur(f, 9, [sigma, sigma]) if sigma else f for f in extractor.features(x).values()]
    model.train()
    done = 0
    loss = torch.zeros(())
    for _ in track(range(STEPS), f"blur {sigma:g}"):
        done += 1
        picture = model.parts["decoder"].likelihood(model.parts["encoder"].posterior(x).mean).mean
        features = extractor.features(picture).values()
        loss = torch.stack([(f - t).square().mean() for f, t in zip(features, target)]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if time.monotonic() > deadline:
            break
    model.eval()
    return model.reconstruct(x), float(loss.detach()), done


def main() -> int:
    """Both autoencoders, and the picture."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--out", type=Path, default=HERE.parent / "docs" / "models" / "images" / "blurred-representation.png"
    )
    args = parser.parse_args()
    device: str = args.device
    deadline = time.monotonic() + 60 * args.minutes
    data = zoo.open_dataset("cifar10", root=str(data_root()), settings={"variant": "exact"})
    x = next(iter(evaluation_batches(open_source(data.split("test"), device=device), IMAGES))).x
    spec = {**classifier("cifar-resnet20"), "layers": ["layer1", "layer2"]}
    extractor = (
        cast(FeatureExtractor, build_part("feature-extractor", spec, image_shape=data.image_shape))
        .eval()
        .requires_grad_(False)
        .to(device)
    )

    columns = [x]
    results = Results("blurred_representation")
    for sigma in (0.0, SIGMA):
        started = time.monotonic()
        pictures, cost, steps = train(
            x,
            extractor,
            sigma=sigma,
            seed=args.seed,
            deadline=started + (deadline - started) / (2 if sigma == 0 else 1),
        )
        columns.append(pictures)
        # High-frequency energy that the image does not have: what the eye sees as patterns.
        extra = (high_frequencies(pictures) - high_frequencies(x)).item()
        results.add(
            seed=args.seed,
            blur=sigma,
            steps=steps,
            cost=cost,
            mse=(pictures - x).square().mean().item(),
            extra_high_frequency=extra,
            seconds=round(time.monotonic() - started),
            device=device,
            command=f"experiments/blurred_representation.py --seed {args.seed}",
        )
        print(results.lines[-1])
    trained = folder("discreg-resnet20", args.seed)
    if (trained / "model.safetensors").is_file():
        columns.insert(2, zoo.load(trained, device=device).reconstruct(x))
    save_png(args.out, grid(torch.stack([c[:SHOWN] for c in columns], dim=1).flatten(0, 1), len(columns)), enlarge=3)
    print(f"picture: {args.out}")
    return 0


def high_frequencies(x: Tensor) -> Tensor:
    """Mean squared difference from a blurred copy."""
    return (x - gaussian_blur(x, 5, [1.0, 1.0])).square().mean()


if __name__ == "__main__":
    sys.exit(main())
