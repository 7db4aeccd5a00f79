"""Images in grids and on matplotlib axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.exports import exported

if TYPE_CHECKING:
    from zoo_core.drawing.axes import CELL as CELL
    from zoo_core.drawing.axes import class_names as class_names
    from zoo_core.drawing.axes import draw_classes as draw_classes
    from zoo_core.drawing.axes import draw_images as draw_images
    from zoo_core.drawing.grids import grid as grid
    from zoo_core.drawing.grids import save_png as save_png

__all__ = [
    "CELL",
    "class_names",
    "draw_classes",
    "draw_images",
    "grid",
    "save_png",
]

__getattr__ = exported(
    __name__,
    {
        "save_png": "zoo_core.drawing.grids",
        "grid": "zoo_core.drawing.grids",
        "CELL": "zoo_core.drawing.axes",
        "class_names": "zoo_core.drawing.axes",
        "draw_classes": "zoo_core.drawing.axes",
        "draw_images": "zoo_core.drawing.axes",
    },
)
