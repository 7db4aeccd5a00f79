"""IntroVAC (Maggipinto, Terzi and Susto 2020): directions of attributes among codes, and an autoencoder that plays against itself."""

from __future__ import annotations

from collections.abc import Callable

from zoo_core.hookspecs import hookimpl

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
