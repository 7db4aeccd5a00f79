"""Fortified networks (Lamb et al. 2018; Lamb 2018, chapter 2): denoising autoencoders inside any network, and adversarial training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo_core.exports import exported
from zoo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from zoo_fortified.denoiser import DenoisingAutoencoder as DenoisingAutoencoder
    from zoo_fortified.denoiser import without_noise as without_noise
    from zoo_fortified.insertion import Fortified as Fortified
    from zoo_fortified.insertion import Watched as Watched
    from zoo_fortified.insertion import fortify as fortify
    from zoo_fortified.scores import off_manifold as off_manifold

PAPER = "Lamb et al. 2018, arXiv:1804.02485"

__all__ = ["DenoisingAutoencoder", "Fortified", "Watched", "fortify", "off_manifold", "without_noise"]

__getattr__ = exported(
    __name__,
    {
        "DenoisingAutoencoder": "zoo_fortified.denoiser",
        "without_noise": "zoo_fortified.denoiser",
        "Fortified": "zoo_fortified.insertion",
        "Watched": "zoo_fortified.insertion",
        "fortify": "zoo_fortified.insertion",
        "off_manifold": "zoo_fortified.scores",
    },
)


@hookimpl
def register_components(register: Callable[..., None]) -> None:
    """Everything this plugin brings, by name; nothing is imported until it is built."""
    register(
        "feature-extractor",
        "fortified",
        "zoo_fortified.extractor:FortifiedExtractor",
        paper=PAPER,
        summary="any classifier with denoising autoencoders at named layers",
    )
    register(
        "feature-extractor",
        "conv-classifier",
        "zoo_fortified.classifiers:ConvClassifier",
        paper=PAPER,
        summary="the authors' convolutional net for MNIST",
    )
    register(
        "feature-extractor",
        "mlp-classifier",
        "zoo_fortified.classifiers:MLPClassifier",
        paper=PAPER,
        summary="a fully connected classifier",
    )
    register(
        "objective",
        "adversarial-cross-entropy",
        "zoo_fortified.adversarial_cross_entropy:AdversarialCrossEntropy",
        paper="Goodfellow et al. 2015",
        summary="trains a classifier on attacked images beside the clean ones",
    )
    register(
        "objective",
        "fortification",
        "zoo_fortified.fortification:Fortification",
        paper=PAPER,
        summary="trains the autoencoders of a fortified classifier, at clean and attacked images",
    )
    register(
        "metric",
        "robustness",
        "zoo_fortified.metrics.robustness:Robustness",
        paper=PAPER,
        summary="accuracy under white-box and black-box attacks, and checks for masked gradients",
    )
    register(
        "metric",
        "off-manifold",
        "zoo_fortified.metrics.off_manifold_auroc:OffManifoldAUROC",
        paper=PAPER,
        summary="how well the autoencoders' errors tell inputs that are not of the data",
    )
    register(
        "plot",
        "robustness",
        "zoo_fortified.plots.robustness:RobustnessPlot",
        paper=PAPER,
        summary="accuracy against the radius of the attack (Figure 2.5)",
    )
    register(
        "plot",
        "off-manifold",
        "zoo_fortified.plots.off_manifold:OffManifoldPlot",
        paper=PAPER,
        summary="the autoencoders' errors for images as they are, attacked and noisy",
    )
    register(
        "feature-extractor",
        "fortified-lstm",
        "zoo_fortified.lstm:FortifiedLSTM",
        paper=PAPER,
        summary="a model of tokens: a recurrent layer with a denoising autoencoder before its output",
    )
    register(
        "objective",
        "next-token",
        "zoo_fortified.next_token:NextToken",
        paper=PAPER,
        summary="trains a model of tokens, and the autoencoder in it",
    )
    register(
        "metric",
        "free-running-ratio",
        "zoo_fortified.metrics.free_running:FreeRunningRatio",
        paper=PAPER,
        summary="how far a model of tokens drifts when it reads its own output, and its bits per token",
    )
