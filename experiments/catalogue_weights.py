"""The small models that travel with the catalogue: trained, measured on held-out images, and written into weights/NAME.

    python experiments/catalogue_weights.py --seed 0 --minutes 30
    python experiments/catalogue_weights.py --only discreg-vae-digits

Each folder then has config, weights, card, figures and pictures; the lines to put into registry.toml are printed. The CIFAR-10
models are those of experiments/discreg_cifar.py and are skipped where its run folders are not there.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import Deadline, arguments, data_root

import zoo_core as zoo
from zoo_core.evaluation.public_names import without_paths
from zoo_core.evaluation.results import add_results
from zoo_core.hub.download import sha256
from zoo_core.publishing.staging import stage
from zoo_core.storage.files import write_json
from zoo_core.training.run import read_run

ROOT = Path(__file__).parent.parent
DIGITS = {"name": "feature-error", "extractor": "digit-classifier"}


@dataclass(frozen=True)
class Published:
    """A model of the catalogue.

    Arguments:
        recipe, settings: what is trained on ``digits``; an empty recipe takes ``run`` as it is.
        run: the folder of a run that another experiment left.
        data: what that run was trained on, as its card says it.
        half: saved as float16 numbers, for the size; the figures are of what was saved.
        summary, licence: for the catalogue.
    """

    summary: str
    licence: str = "apache-2.0"
    recipe: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    run: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    half: bool = False


CIFAR10 = {"data": "cifar10", "data_settings": {"variant": "jpeg", "train_images": 20_000}}
MODELS = {
    "vae-digits": Published("VAE of scikit-learn's digits", recipe="vae", settings={"latent_dim": 10}),
    "discreg-vae-digits": Published(
        "discriminatively regularised VAE of scikit-learn's digits", recipe="discreg-vae", settings={"latent_dim": 10}
    ),
    "vae-cifar10": Published(
        "VAE of CIFAR-10, the plain one of the comparison",
        licence="cc-by-nc-4.0",
        run="runs/discreg-cifar/vae-20000-2-0",
        data=CIFAR10,
        half=True,
    ),
    "discreg-vae-cifar10": Published(
        "discriminatively regularised VAE of CIFAR-10, terms on a CIFAR ResNet-20",
        licence="cc-by-nc-4.0",
        run="runs/discreg-cifar/discreg-resnet20-20000-2-0",
        data=CIFAR10,
        half=True,
    ),
}


def make(name: str, seed: int, deadline: Deadline) -> bool:
    """Train, measure and write one; False when there is nothing to do it with, or no time left."""
    published = MODELS[name]
    run = Path(published.run or f"runs/catalogue/{name}-{seed}")
    if published.recipe:
        model = zoo.build(published.recipe, data="digits", seed=seed, **published.settings)
        trained = zoo.train(
            model, "digits", out=run, seed=seed, epochs=100, resume=True, callbacks=[deadline], pictures_every=100
        )
        if trained.reason != "finished":
            print("out of time; the same command goes on")
            return False
        model = zoo.load(run / "best")
        figures = zoo.evaluate(model, "digits", ["reconstruction", "nll", DIGITS], seed=seed)
    elif not (run / "model.safetensors").is_file():
        print(f"{name}: {run} is not there; make it with experiments/discreg_cifar.py")
        return False
    else:
        model = zoo.load(run)
        model = model.half().float() if published.half else model
        exact = zoo.open_dataset("cifar10", root=str(data_root()), settings={"variant": "exact"})
        net = {"name": "cifar-resnet56", "weights": str(data_root() / "weights" / "cifar10_resnet56.safetensors")}
        figures = zoo.evaluate(model, exact, ["reconstruction", {"name": "feature-error", "extractor": net}], seed=seed)
        figures += zoo.evaluate(model, exact, ["nll"], limit=400, batch_size=50, seed=seed)
    folder = ROOT / "weights" / name
    with TemporaryDirectory() as source, TemporaryDirectory() as target:
        # What the card is written from: the run's facts and pictures, and the figures.
        about = without_paths({**read_run(run), "data_root": None, **published.data})
        write_json(Path(source) / "run.json", about)
        shutil.copytree(run / "pictures", Path(source) / "pictures")
        add_results(Path(source), figures)
        saved = model.half() if published.half else model
        ready = stage(saved, Path(target), repo=name, licence=published.licence, run=Path(source))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(target, folder)
        folder.chmod(0o755)
        write_json(folder / "run.json", about)
    print(f'\n[weights.{name}]\nrecipe = "{model.recipe}"\npath = "weights/{name}"\nlicence = "{published.licence}"')
    print(f'summary = "{published.summary}"')
    for file in ready.files:
        if file.endswith((".safetensors", "config.json")):
            print(f'files."{file}" = "{sha256(folder / file)}"')
    return True


def main() -> int:
    """Every model, or those asked for."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS))
    args = parser.parse_args()
    deadline = Deadline(args.minutes)
    made = [make(name, args.seed, deadline) for name in args.only]
    return 0 if all(made) else 1


if __name__ == "__main__":
    sys.exit(main())
