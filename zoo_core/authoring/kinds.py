"""What a new plugin can have, kind by kind, and how what it has is used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Authored:
    """A kind that there is a template for.

    Texts have ``{name}`` where the component's name goes, and ``{recipe}`` for the recipe's.

    Arguments:
        kind: the kind; its templates stand in the folder of this name.
        noun: the end of the class's name.
        summary: of the component that the template holds, for ``zoo list``.
        paper: the template's source, where it has one.
        use: a command that uses the component by name.
        build: the same in Python.
        recipe: lines that put it into a recipe, keys before tables; empty where a recipe cannot name one.
        like: the recipe that these lines change.
    """

    kind: str
    noun: str
    summary: str
    use: str
    build: str
    recipe: str
    paper: str = ""
    like: str = "vae"

    @property
    def module(self) -> str:
        """The name of its module."""
        return self.kind.replace("-", "_")


AUTHORED = (
    Authored(
        "encoder",
        "Encoder",
        "three strided convolutions; images of any size",
        "zoo train vae --data digits --set encoder={name}",
        'zoo.build("vae", data="digits", encoder="{name}")',
        '[recipes.{recipe}.parts.encoder]\nname = "{name}"\n',
    ),
    Authored(
        "decoder",
        "Decoder",
        "upsampling and convolutions; images of any size",
        "zoo train vae --data digits --set decoder={name}",
        'zoo.build("vae", data="digits", decoder="{name}")',
        '[recipes.{recipe}.parts.decoder]\nname = "{name}"\n',
    ),
    Authored(
        "feature-extractor",
        "FeatureExtractor",
        "two strided convolutions, with logits for a classifier",
        """zoo train classifier --data digits --set classifier={name} --set classifier.layers='["logits"]'""",
        'zoo.build("classifier", data="digits", classifier={{"name": "{name}", "layers": ["logits"]}})',
        '[recipes.{recipe}.parts.classifier]\nname = "{name}"\nparams = {{ layers = ["logits"] }}\n',
        like="classifier",
    ),
    Authored(
        "objective",
        "Objective",
        "gradient difference loss: edges as sharp as the image's",
        """zoo train vae --data digits --set objective='["elbo", "{name}"]'""",
        'zoo.build("vae", data="digits", objective=["elbo", "{name}"])',
        "[recipes.{recipe}.objectives.{name}]\n",
        paper="Mathieu, Couprie and LeCun 2016, arXiv:1511.05440",
    ),
    Authored(
        "sampler",
        "Sampler",
        "draws from the prior, cooled step by step",
        "zoo sample runs/vae-digits --sampler {name} -n 16",
        'zoo.build("vae", data="digits", sampler="{name}").sample(16)',
        'sampler = "{name}"\n',
    ),
    Authored(
        "prior",
        "Prior",
        "independent Laplace coordinates: few codes far from 0",
        "zoo train vae --data digits --set prior={name}",
        'zoo.build("vae", data="digits", prior="{name}")',
        '[recipes.{recipe}.parts.prior]\nname = "{name}"\n',
    ),
    Authored(
        "head",
        "Head",
        "a hidden layer, then a logit for each class or attribute",
        """zoo train vae --data digits --set objective='["elbo", "latent-cross-entropy"]' --set head={name}""",
        'zoo.build("vae", data="digits", objective=["elbo", "latent-cross-entropy"], head="{name}")',
        '[recipes.{recipe}.objectives.latent-cross-entropy]\n\n[recipes.{recipe}.parts.head]\nkind = "head"\nname = "{name}"\n',
    ),
    Authored(
        "attack",
        "Attack",
        "steps along slopes that are averaged over the way",
        "zoo info {name}",
        "import torch\n"
        "from zoo_core.building.builder import build_part\n"
        "from zoo_core.noise import KeyedNoise\n\n"
        'attack = build_part("attack", "{name}", image_shape=(1, 32, 32))\n'
        "attacked = attack.perturb(lambda x: x.square().sum((1, 2, 3)), torch.rand(8, 1, 32, 32), KeyedNoise(0, 0))",
        "",
        paper="Dong et al. 2018, arXiv:1710.06081",
    ),
    Authored(
        "metric",
        "Metric",
        "sharpness of reconstructions over that of the images",
        "zoo eval runs/vae-digits --metric {name} --data digits",
        'zoo.evaluate(zoo.build("vae", data="digits"), "digits", metrics=["{name}"])',
        "",
    ),
)
"""Every kind that ``zoo new-plugin --kind`` takes."""

KINDS = tuple(one.kind for one in AUTHORED)


def authored(kind: str) -> Authored:
    """The entry of ``kind``, which is one of :data:`KINDS`."""
    return next(one for one in AUTHORED if one.kind == kind)
