"""Discriminative regularization of variational autoencoders (Lamb, Dumoulin and Courville 2016)."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from zoo_core.hookspecs import RegisterCommand, hookimpl

if TYPE_CHECKING:
    from zoo_discreg.adjustment import adjust as adjust

PAPER = "Lamb, Dumoulin and Courville 2016, arXiv:1602.03220"


@hookimpl
def register_components(register: Callable[..., None]) -> None:
    """The regulariser's terms."""
    register(
        "objective",
        "discreg",
        "zoo_discreg.objective:DiscriminativeRegularization",
        paper=PAPER,
        summary="Gaussian terms on a classifier's hidden layers, x against the decoder's mean (Eq. 4-5)",
    )


@hookimpl
def register_catalogue() -> Any:
    """The recipes that are not in the core's catalogue."""
    return files(__package__) / "registry.toml"


@hookimpl
def register_commands(register: RegisterCommand) -> None:
    """The stage after training."""
    register(
        "adjust", "zoo_discreg.adjust_command", summary="fit batch norm and encoder to a trained decoder's samples"
    )


def __getattr__(name: str) -> Any:
    """``adjust``, imported (with torch) when it is asked for."""
    if name != "adjust":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from zoo_discreg.adjustment import adjust

    return adjust
