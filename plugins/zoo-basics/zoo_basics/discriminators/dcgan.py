"""DCGANDiscriminator: stride-2 convolutions with doubling filters."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from torch import Tensor

from zoo_basics.discriminators.discriminator import Discriminator, spectrally_normalised
from zoo_basics.layers.activation import ActivationName
from zoo_basics.layers.bounds import Width
from zoo_basics.layers.halving_convolutions import halved_shapes, halving_convolutions
from zoo_basics.layers.normal_init import init_normal
from zoo_basics.layers.normalisation import Normalisation
from zoo_core.interfaces import ImageShape, Labels, Tags


class DCGANDiscriminator(Discriminator):
    """The discriminator of DCGAN (Radford et al. 2016, section 3), with a fully connected layer before the score, as denoising
    feature matching has it (Warde-Farley and Bengio 2017, section 5).

    ``conv1``, ``conv2``, …: 4x4 convolutions of stride 2 whose filters double from ``width``, normalised but the first, until a
    side of the map is odd or below 8 (32, 64 and 128 pixels end at 4x4, 48 at 6x6); then ``features`` and ``score``. x is mapped
    to [−1, 1] first.

    Arguments:
        width: filters of the first convolution.
        features: width of the fully connected layer, a ReLU after it.
        layers: what is asked for.
        activation: after each convolution.
        normalisation: before each activation but the first and that of ``features``.
        spectral_norm: every weight is divided by its largest singular value.
        conditional: the score takes the label into account.
        init: ``normal`` draws all weights from N(0, 0.02²), as the paper; ``default`` keeps PyTorch's.

    Raises:
        SettingError: the image has an odd side, or one below 8.
    """

    tags: ClassVar[Tags] = Tags(batch_statistics=True, sides_multiple_of=2, smallest_side=8, conditional=True)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        small = {"width": 4, "features": 12}
        return [
            {**small, "layers": ["conv1", "features", "score"]},
            {**small, "normalisation": "none", "spectral_norm": True, "conditional": True},
            {**small, "normalisation": "layer", "init": "default"},
        ]

    def __init__(
        self,
        *,
        image_shape: ImageShape,
        labels: Labels,
        width: Width = 64,
        features: Width = 1024,
        layers: tuple[str, ...] = ("features", "score"),
        activation: ActivationName = "leaky-relu",
        normalisation: Normalisation = "batch",
        spectral_norm: bool = False,
        conditional: bool = False,
        init: Literal["normal", "default"] = "normal",
    ) -> None:
        super().__init__()
        shapes = halved_shapes(image_shape, width)
        stages = halving_convolutions(image_shape[0], shapes, activation, normalisation)
        self.finish(
            "dcgan", "conv", stages, shapes, layers=layers, features=features, labels=labels, conditional=conditional
        )
        if init == "normal":
            init_normal(self, 0.02)
        if spectral_norm:
            spectrally_normalised(self)

    def look(self, x: Tensor) -> Tensor:
        return 2 * x - 1
