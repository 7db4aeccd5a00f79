"""GibbsNet (Lamb, Hjelm, Ganin, Cohen, Courville and Bengio 2017), and adversarially learned inference, its chain of one step."""

from __future__ import annotations

from collections.abc import Callable

from zoo_core.hookspecs import RegisterCommand, hookimpl

PAPER = "Lamb et al. 2017, arXiv:1712.04120"
ALI = "Dumoulin et al. 2017, arXiv:1606.00704"


@hookimpl
def register_components(register: Callable[..., None]) -> None:
    """Everything this plugin brings, by name; nothing is imported until it is built."""
    _register_game(register)
    _register_lookers(register)


def _register_game(register: Callable[..., None]) -> None:
    register(
        "objective",
        "gibbsnet",
        "zoo_gibbsnet.objectives.gibbsnet:GibbsNet",
        paper=PAPER,
        summary="tells data and their codes from the last pair of a chain from the prior; with one step it is ALI",
    )
    package = "zoo_gibbsnet.discriminators"
    register(
        "feature-extractor",
        "joint",
        f"{package}.joint:JointDiscriminator",
        paper=ALI,
        summary="a discriminator of images with their codes, over any feature extractor",
    )
    register(
        "feature-extractor",
        "maxout-cnn",
        f"{package}.maxout_cnn:MaxoutCNN",
        paper=ALI,
        summary="unpadded convolutions with maxout, as ALI's discriminator sees images of 32x32",
    )


def _register_lookers(register: Callable[..., None]) -> None:
    package = "zoo_gibbsnet.samplers"
    register(
        "sampler",
        "gibbs-chain",
        f"{package}.gibbs_chain:GibbsChain",
        paper=PAPER,
        summary="codes and pictures in turn, from the prior or from images, for any number of steps",
    )
    register(
        "sampler",
        "inpaint",
        f"{package}.inpaint:Inpaint",
        paper=PAPER,
        summary="fills in the hidden part of images by a chain that holds what is known",
    )
    package = "zoo_gibbsnet.metrics"
    register(
        "metric",
        "chain",
        f"{package}.chain:ChainMetric",
        paper=PAPER,
        summary="variety, spread, distance to the data and FID of pictures along a chain",
    )
    register(
        "metric",
        "inpainting",
        f"{package}.inpainting:Inpainting",
        paper=PAPER,
        summary="completions of images of which a part is known, beside the mean and the nearest training image",
    )
    register(
        "metric",
        "attribute-error",
        f"{package}.attribute_error:ChainAttributeError",
        paper=PAPER,
        summary="attributes that a chain reads off images, and shows where they are held",
    )
    register(
        "plot",
        "chain-codes",
        "zoo_gibbsnet.plots.chain_codes:ChainCodes",
        paper=PAPER,
        summary="the codes of the data, and those along a chain (Figure 3.3)",
    )


@hookimpl
def register_commands(register: RegisterCommand) -> None:
    """Images of which a part is known."""
    register("inpaint", "zoo_gibbsnet.inpaint_command", summary="fill in the hidden part of images")
