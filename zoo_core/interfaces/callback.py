"""Callback: what somebody else wants to do during a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo_core.game import Round
    from zoo_core.training.trainer import Training


class Callback:
    """Does nothing at every moment; override what is wanted.

    ``training`` has ``model``, ``game``, ``settings``, ``epoch``, ``round``, and ``stop(reason)``, which ends the
    training after the round.

    With several processes each has its own callbacks, with the terms of its own half of the batches. What one of them asks for
    or fails at, all learn at the next log step or end of an epoch, and then end together.
    """

    def on_start(self, training: Training) -> None:
        """Before the first round, or the first after a resume."""

    def on_round(self, training: Training, played: Round) -> None:
        """After every round. Reading a term's value waits for the device."""

    def on_log(self, training: Training, terms: Mapping[str, float]) -> None:
        """When the terms' means since the last time are written."""

    def on_epoch(self, training: Training, epoch: int) -> None:
        """After an epoch's last round, its validation and its pictures."""

    def on_validation(self, training: Training, figures: Mapping[str, float]) -> None:
        """After a validation."""

    def on_end(self, training: Training, reason: str) -> None:
        """After the last round: ``finished``, ``stopped early``, ``interrupted`` …"""
