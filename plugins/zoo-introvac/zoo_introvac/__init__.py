"""IntroVAC (Maggipinto, Terzi and Susto 2020): directions of attributes among codes, and an autoencoder that plays against itself."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from zoo_core.hookspecs import RegisterCommand, hookimpl

if TYPE_CHECKING:
    from zoo_introvac.directions import direction as direction
    from zoo_introvac.editing import edit as edit

__all__ = ["direction", "edit"]


def __getattr__(name: str) -> Any:
    """What the plugin offers in Python, imported when it is asked for: ``zoo list`` reads this module."""
    match name:
        case "direction":
            return import_module("zoo_introvac.directions").direction
        case "edit":
            return import_module("zoo_introvac.editing").edit
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


PAPER = "Maggipinto et al. 2020, arXiv:2008.00760"


@hookimpl
def register_components(register: Callable[..., None]) -> None:
    """Everything this plugin brings, by name; nothing is imported until it is built."""
    register(
        "objective",
        "introspection",
        "zoo_introvac.objectives.introspection:Introspection",
        paper=PAPER,
        summary="a classifier of codes tells data from reconstructions and samples, and the decoder learns that it cannot",
    )

    register(
        "sampler",
        "langevin",
        "zoo_introvac.samplers.langevin:Langevin",
        paper=PAPER,
        summary="pictures with given attributes, by Langevin chains over a head and a prior",
    )
    register(
        "metric",
        "attribute-flip",
        "zoo_introvac.metrics.attribute_flip:AttributeFlip",
        paper=PAPER,
        summary="whether a judge finds attributes in pictures edited to have them, and others unchanged",
    )
    register(
        "plot",
        "edits",
        "zoo_introvac.plots.edits:Edits",
        paper=PAPER,
        summary="images with less and more of each attribute (Figures 4 to 6)",
    )


@hookimpl
def register_commands(register: RegisterCommand) -> None:
    """Pictures with more or less of an attribute."""
    register("edit", "zoo_introvac.edit_command", summary="add and remove attributes of pictures")
