"""Verbs that write images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.errors import SettingError

if TYPE_CHECKING:
    from zoo_core.model import Model


def refuse_without_pictures(model: Model, what: str) -> None:
    """Refuse to draw images from a model that is of tokens.

    Arguments:
        what: who would, for the message: ``zoo sample``.

    Raises:
        SettingError: it is.
    """
    if model.modality == "tokens":
        raise SettingError(
            f"{what} writes pictures, and this {model.recipe} is of tokens",
            hint="measure it with zoo eval; in Python, model.parts and model.sample give ids and what is computed from them",
        )
