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
    _register_metrics(register)
    _register_pictures(register)


def _register_parts(register: Callable[..., None]) -> None:
    package = "zoo_aae.priors"
    register(
        "prior",
        "gaussian-mixture",
        f"{package}.gaussian_mixture:GaussianMixture",
        paper=PAPER,
        summary="ring of elongated 2-D Gaussians, one for each class",
    )
    register(
        "prior",
        "swiss-roll",
        f"{package}.swiss_roll:SwissRoll",
        paper=PAPER,
        summary="a 2-D spiral, each class a stretch of it",
    )
    register(
        "prior",
        "categorical-gaussian",
        f"{package}.categorical_gaussian:CategoricalGaussian",
        paper=PAPER,
        summary="a one-hot label beside a Gaussian style",
    )
    register(
        "decoder",
        "cluster-heads",
        "zoo_aae.cluster_heads:ClusterHeadDecoder",
        paper=PAPER,
        summary="any decoder over the sum of a cluster's head and a style (section 7)",
    )


def _register_objectives(register: Callable[..., None]) -> None:
    package = "zoo_aae.objectives"
    register(
        "objective",
        "adversarial-prior",
        f"{package}.adversarial_prior:AdversarialPrior",
        paper=PAPER,
        summary="a critic tells codes from draws of the prior, and the encoder fools it",
    )
    register(
        "objective",
        "label-cross-entropy",
        f"{package}.label_cross_entropy:LabelCrossEntropy",
        paper=PAPER,
        summary="teaches q(y given x) on labelled mini-batches (section 5)",
    )
    register(
        "objective",
        "head-distance",
        f"{package}.head_distance:HeadDistance",
        paper=PAPER,
        summary="keeps cluster heads apart (section 7)",
    )


def _register_metrics(register: Callable[..., None]) -> None:
    package = "zoo_aae.metrics"
    register(
        "metric",
        "parzen",
        f"{package}.parzen:ParzenLogLikelihood",
        paper="Goodfellow et al. 2014",
        summary="log-likelihood under a Parzen window over samples, its width chosen on validation data",
    )
    register(
        "metric",
        "classification-error",
        f"{package}.classification_error:ClassificationError",
        paper=PAPER,
        summary="how often the label of a joint code is wrong",
    )
    register(
        "metric",
        "cluster-error",
        f"{package}.cluster_error:ClusterError",
        paper=PAPER,
        summary="error of clusters that are named after their surest example; NMI and ARI",
    )
    register(
        "metric",
        "prior-agreement",
        f"{package}.prior_agreement:PriorAgreement",
        summary="how well classifiers tell codes from draws of the prior, and their MMD",
    )
    register(
        "metric",
        "nearest-training",
        f"{package}.nearest_training:NearestTraining",
        summary="distance of samples to the nearest training image: does the model copy?",
    )


def _register_pictures(register: Callable[..., None]) -> None:
    register(
        "sampler",
        "style-grid",
        "zoo_aae.samplers.style_grid:StyleGrid",
        paper=PAPER,
        summary="each row one style, each column a class",
    )
    package = "zoo_aae.plots"
    register("plot", "walk", f"{package}.walk:Walk", paper=PAPER, summary="pictures along the prior's main axis")
    register(
        "plot",
        "style-grid",
        f"{package}.style_grid:StyleGridPlot",
        paper=PAPER,
        summary="each row one style, each column a class",
    )
    register(
        "plot",
        "clusters",
        f"{package}.clusters:Clusters",
        paper=PAPER,
        summary="each cluster's head, and images that it takes in",
    )
    register(
        "plot",
        "representation",
        f"{package}.representation:Representation",
        paper=PAPER,
        summary="codes around their cluster heads, in two dimensions",
    )


@hookimpl
def register_catalogue() -> Any:
    """The recipes that are not in the core's catalogue."""
    return files(__package__) / "registry.toml"
