"""ImageInput: what enters an encoder."""

from __future__ import annotations

from zoo_basics.layers.label_input import LabelInput
from zoo_core.distributions import PosteriorFamily
from zoo_core.errors import SettingError
from zoo_core.interfaces import Labels

NO_LABELS = Labels()
"""For encoders that are built by hand, and take none."""


class ImageInput(LabelInput):
    """Images, with the one-hot class or the attributes y beside them where the encoder is conditional.

    Arguments:
        family: the encoder's.
        labels: what the data say of each image.
        conditional: whether y stands beside x.

    Raises:
        SettingError: ``conditional`` and the data have neither classes nor attributes, or a joint code, whose label the encoder is to tell.
    """

    def __init__(self, family: PosteriorFamily, labels: Labels, conditional: bool) -> None:
        if conditional and family.name == "joint":
            raise SettingError(
                "a conditional encoder is given the label that the encoder of a joint code is to tell",
                hint="choose encoder.conditional=false, or another encoder.posterior",
            )
        super().__init__(labels, conditional, "encoder")
