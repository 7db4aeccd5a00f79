"""Objective: adds named scalar terms to named losses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from torch import Tensor

from zoo_core.compat import adopt_members
from zoo_core.interfaces.component import Part

if TYPE_CHECKING:
    from zoo_core.game.step import Step


@dataclass(frozen=True)
class Need:
    """A part that an objective or sampler asks for.

    Arguments:
        kind: the part's kind, for instance ``feature-extractor``.
        capabilities: what the part must be able to do; a text of alternatives ``a|b`` is met by either.
        trained: a feature extractor that is trained along where the recipe does not say otherwise, as a discriminator is;
            other feature extractors are looked through.
        inputs: of a feature extractor, what it is given, in order: images alone, or ``("x", "z")``, images with their codes; None is
            whatever it takes.
    """

    kind: str
    capabilities: frozenset[str] = frozenset()
    trained: bool = False
    inputs: tuple[str, ...] | None = ("x",)


class Term(NamedTuple):
    """One addend of a loss.

    Arguments:
        name: for logs and messages, unique within the objective.
        value: a scalar with a gradient, a mean over the batch.
        grad_parts: names of the parts that this term may move, ``self`` for the networks that the objective owns; None is
            whatever the loss's listeners train.
    """

    name: str
    value: Tensor
    grad_parts: frozenset[str] | None = None


class Objective(Part):
    """Terms for losses. It knows losses, not players: who listens to a loss is the recipe's business.

    The networks that it owns are parts of the model too, reached under the objective's name. Those called in
    ``training_only`` stand in checkpoints but not in the published model.
    """

    losses: ClassVar[tuple[str, ...]] = ("fit",)
    """The losses that it adds to, in the order of their turns."""

    needs: ClassVar[Mapping[str, Need]] = {}
    """Part name to what is asked of it."""

    trained_by: ClassVar[str | None] = None
    """The loss whose first listener trains this objective's own networks, unless a player claims them; default ``losses[0]``."""

    training_only: ClassVar[frozenset[str]] = frozenset()
    """Names of submodules and parameters that are left out of the published model."""

    retained_values: ClassVar[frozenset[str]] = frozenset()
    """Names of values that it asks for as of an earlier turn of the round (``step.as_of_loss``); their graphs are kept."""

    default_players: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Players for losses nobody listens to: name to settings as in a recipe. In ``trains``, ``self`` is the objective itself;
    ``stream`` and ``batches`` are those of the turn which the player brings, where they are not ``main`` and 1."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adopt_members(cls)

    @classmethod
    def needs_for(cls, params: Mapping[str, Any]) -> Mapping[str, Need]:
        """Part name to what is asked of it, where that depends on the settings ``params`` (as given, before they are checked)."""
        return cls.needs

    @abstractmethod
    def terms(self, loss: str, step: Step) -> Iterator[Term]:
        """The terms that this objective adds to ``loss``, asked for when that loss's turn comes."""
