"""Which image sizes a net takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.errors import SettingError, ZooError, shown
from zoo_core.interfaces import ImageShape
from zoo_features.shapes import shapes_of

if TYPE_CHECKING:
    from zoo_features.timm_family import Timm
    from zoo_features.torchvision_family import Torchvision


def fit(
    extractor: Timm | Torchvision, image_shape: ImageShape, size: int | None, default: tuple[int, int]
) -> dict[str, tuple[int, ...]]:
    """Settle the size that ``extractor`` resizes to, and say what its layers' shapes are.

    Arguments:
        size: resize to size × size; None takes the image's own size if a forward without values succeeds, else ``default``.
        default: (height, width) that the net was made for.

    Raises:
        SettingError: the net takes no images of this size.
    """
    own = (image_shape[1], image_shape[2])
    refusals: list[Exception] = []
    for candidate in (own, default) if size is None else ((size, size),):
        extractor.preprocessing.size = None if candidate == own else candidate
        try:
            shapes = shapes_of(extractor, image_shape)
            if all(min(shape) > 0 for shape in shapes.values()):
                return shapes
            refusals.append(ValueError("nothing is left of the image"))
        except ZooError:
            raise
        except Exception as error:  # nets refuse a size with whatever error it leads to
            refusals.append(error)
    height, width = candidate
    reason = f"{type(refusals[-1]).__name__}: {shown(refusals[-1])}"
    raise SettingError(
        f"{extractor.who} takes no images of {height}×{width}: {reason}",
        hint=f"it was made for {default[0]}×{default[1]}",
    )
