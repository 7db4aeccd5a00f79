"""Adversarial autoencoders (Makhzani, Shlens, Jaitly, Goodfellow and Frey 2016)."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from zoo_core.hookspecs import hookimpl

PAPER = "Makhzani et al. 2016, arXiv:1511.05644"


@hookimpl
def register_components(register: Callable[..., None]) -> None:
    """Everything this plugin brings, by name; nothing is imported until it is built."""
    _register_parts(register)
    _register_objectives(register)


def _register_parts(register: Callable[..., None]) -> None:
    package = "zoo_aae.priors"
    register("prior", "gaussian-mixture", f"{package}.gaussian_mixture:GaussianMixture", paper=PAPER,
             summary="ring of elongated 2-D Gaussians, one for each class")
    register("prior", "swiss-roll", f"{package}.swiss_roll:SwissRoll", paper=PAPER,
             summary="a 2-D spiral, each class a stretch of it")
    register("prior", "uniform", f"{package}.uniform:Uniform", summary="uniform in a cube")
    register("prior", "categorical-gaussian", f"{package}.categorical_gaussian:CategoricalGaussian", paper=PAPER,
             summary="a one-hot label beside a Gaussian style")
    register("decoder", "cluster-heads", "zoo_aae.cluster_heads:ClusterHeadDecoder", paper=PAPER,
             summary="any decoder over the sum of a cluster's head and a style (section 7)")


def _register_objectives(register: Callable[..., None]) -> None:
    package = "zoo_aae.objectives"
    register("objective", "adversarial-prior", f"{package}.adversarial_prior:AdversarialPrior", paper=PAPER,
             summary="a critic tells codes from draws of the prior, and the encoder fools it")
    register("objective", "label-cross-entropy", f"{package}.label_cross_entropy:LabelCrossEntropy", paper=PAPER,
             summary="teaches q(y given x) on labelled mini-batches (section 5)")
    register("objective", "head-distance", f"{package}.head_distance:HeadDistance", paper=PAPER,
             summary="keeps cluster heads apart (section 7)")


@hookimpl
def register_catalogue() -> Any:
    """The recipes that are not in the core's catalogue."""
    return files(__package__) / "registry.toml"
