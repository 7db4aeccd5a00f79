"""What every component is, and what every component with weights is."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from torch import nn

from zoo_core.interfaces.tags import Tags

CONTEXT = frozenset({"image_shape", "labels", "vocabulary", "parts", "architecture"})
"""Arguments of ``__init__`` that ``build`` fills in: the model's image shape and labels, its vocabulary where it is
of tokens, for an objective the parts built before it, for a family (``timm/…``) the name after the slash. They are not settings."""


class Component:
    """A class that a plugin registers under a kind and a name."""

    format: ClassVar[int] = 1
    """Raised when saved parameters or weight names change their meaning; ``migrate`` and ``migrate_name`` then bring older
    ones up to date."""

    tags: ClassVar[Tags] = Tags()
    """What it takes and how it behaves, for ``build`` and the conformance kit."""

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Settings that the conformance kit builds it with, one component a table; small ones, for it builds many. Each example
        of a family names its ``architecture``, too."""
        return [{}]

    @classmethod
    def migrate(cls, params: Mapping[str, Any], format: int) -> dict[str, Any]:
        """Parameters saved under an older ``format``, as this class takes them."""
        return dict(params)

    @classmethod
    def migrate_name(cls, name: str, format: int) -> str:
        """The name that the weight ``name``, saved under an older ``format``, has today."""
        return name


class Part(nn.Module, Component, ABC):
    """A component with weights. ``forward`` takes and returns tensors only, so that compile, export and autocast work on it."""

    inputs: ClassVar[tuple[str, ...]] = ()
    """What ``forward`` takes, in order, of a feature extractor or a network: ``x`` images (N, C, H, W) or token ids int64
    (N, T), ``z`` codes (N, latent_dim). Encoders and decoders need not say. The kit tries the forward of a network that does."""

    weights_reference: Mapping[str, Any] | None = None
    """Where published weights came from ({repo, commit, file, sha256}), for a frozen net that brings its own; else None."""

    @property
    def capabilities(self) -> frozenset[str]:
        """What this part can do, for objectives and samplers to ask for: ``posterior.kl``, ``likelihood.log_prob``, ``labels`` …"""
        return frozenset()

    @cached_property
    def takes_labels(self) -> bool:
        """True with the capability ``labels``. Kept, for every step of a training asks."""
        return "labels" in self.capabilities
