"""The check that a component can be tried at all."""

from __future__ import annotations

from zoo_core.testing.results import CheckFailed, CheckSkipped
from zoo_core.testing.subject import Subject


def check_needs_can_be_met(subject: Subject) -> None:
    """Parts can be had for all that it needs, the kit's own or installed ones: without them nothing of it can be tried."""
    try:
        subject.surroundings()
    except CheckSkipped as skipped:
        raise CheckFailed(
            "parts for all that it needs, so that it can be tried",
            found=str(skipped),
            do="mind its needs, or install the plugin that has such a part",
        ) from None
