"""Trains the digit classifier that zoo-features ships, in a minute on one core.

    python experiments/digit_classifier.py --seed 0

Plain cross-entropy on the training digits of the data set ``digits``, shifted by up to three pixels; the epoch is chosen on the
validation digits, and the test digits are looked at once, at the end. Writes the weights into the package.
"""

from __future__ import annotations

import sys
from typing import cast

import torch
from bench import HERE, Results, arguments
from rich.progress import track
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.interfaces import FeatureExtractor
from zoo_core.storage.files import write_bytes

OUT = HERE.parent / "plugins" / "zoo-features" / "zoo_features" / "weights" / "digit-classifier.safetensors"
EPOCHS = 60


def shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image moved by up to three pixels."""
    padded = nn.functional.pad(x, (3, 3, 3, 3))
    offsets = torch.randint(0, 7, (len(x), 2), generator=generator).tolist()
    return torch.stack([image[:, i : i + 32, j : j + 32] for image, (i, j) in zip(padded, offsets)])


def accuracy(net: FeatureExtractor, x: Tensor, y: Tensor) -> float:
    """Share of right answers."""
    net.eval()
    with torch.no_grad():
        return float((net.features(x)["logits"].argmax(1) == y).float().mean())


def main() -> int:
    """Train, choose, test, write."""
    args = arguments(__doc__).parse_args()
    generator = torch.Generator().manual_seed(args.seed)
    torch.manual_seed(args.seed)
    data = zoo.open_dataset("digits")
    x, y = {}, {}
    for name in ("train", "validation", "test"):
        split = data.split(name)
        x[name], y[name] = cast(Tensor, split.x).float() / 255, cast(Tensor, split.y)
    spec = {"name": "digit-classifier", "weights": None, "layers": ["logits"]}
    net = cast(FeatureExtractor, build_part("feature-extractor", spec, image_shape=data.image_shape, seed=args.seed))
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    best, weights = 0.0, net.state_dict()
    for _ in track(range(EPOCHS), "digit-classifier"):
        net.train()
        for index in torch.randperm(len(x["train"]), generator=generator).split(64):
            loss = cross_entropy(
                net.features(shifted(x["train"][index], generator))["logits"], y["train"][index], label_smoothing=0.05
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        validation = accuracy(net, x["validation"], y["validation"])
        if validation >= best:
            best, weights = validation, {name: t.clone() for name, t in net.state_dict().items()}
    net.load_state_dict(weights)
    test = accuracy(net, x["test"], y["test"])
    own = {name.removeprefix("net."): t for name, t in weights.items()}
    metadata = {
        "data": "digits",
        "seed": str(args.seed),
        "validation_accuracy": f"{best:.4f}",
        "test_accuracy": f"{test:.4f}",
    }
    write_bytes(OUT, save(own, metadata))
    Results("digit_classifier").add(
        seed=args.seed,
        command=f"experiments/digit_classifier.py --seed {args.seed}",
        epochs=EPOCHS,
        validation_accuracy=best,
        test_accuracy=test,
        bytes=OUT.stat().st_size,
    )
    print(f"validation {best:.4f}, test {test:.4f}, {OUT.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
