"""Labels and vocabularies that saved parts were trained with, held against those of the model that they become part of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from zoo_core.data.labels import listed, places
from zoo_core.errors import IncompatibleError, shown
from zoo_core.interfaces import Labels, Need, Objective, Vocabulary
from zoo_core.interfaces.vocabulary import quoted

if TYPE_CHECKING:
    from zoo_core.building.plan import Plan
    from zoo_core.building.saved_part import SavedPart


def in_saved_order(made: Plan) -> Labels:
    """The plan's labels; in the order of a saved part that was trained with the same ones, so that its outputs keep their meaning."""
    for _, saved in _saved(made):
        labels = saved.labels
        if labels.type == made.labels.type and sorted(labels.names) == sorted(made.labels.names):
            return labels
    return made.labels


def saved_vocabulary(made: Plan) -> Vocabulary:
    """The plan's vocabulary; that of its saved parts where these have one, so that each token keeps the id that they know it by.

    Raises:
        IncompatibleError: two saved parts have other vocabularies, or the data have tokens that these lack.
    """
    found = made.vocabulary
    reading = [slot for slot, planned in made.parts.items() if "tokens" in planned.component.tags.modalities]
    known = [(slot, saved) for slot, saved in _saved(made) if saved.vocabulary and slot in reading]
    for slot, saved in known:
        if saved.vocabulary != known[0][1].vocabulary:
            raise IncompatibleError(
                f"{slot}: the part saved in {shown(saved.folder)} was trained with another vocabulary than {known[0][0]}",
                hint="choose parts that were trained on the same text",
            )
        if missing := saved.vocabulary.lacking(made.vocabulary.tokens):
            raise IncompatibleError(
                f"{slot}: the vocabulary of the part saved in {shown(saved.folder)} lacks {quoted(missing)} of the data",
                hint="choose data of the tokens that it knows, or a part without saved weights",
            )
        found = saved.vocabulary
    return found


def judged_by_label(made: Plan) -> frozenset[str]:
    """The parts that objectives compare with the labels of the data."""
    slots: set[str] = set()
    for planned in made.objectives.values():
        cls: type[Objective] = planned.component
        needs: Mapping[str, Need] = cls.needs_for(planned.params) if cls.tags.labels != "none" else {}
        slots.update(*(name.split("|") for name in needs))
    return frozenset(slots)


def refuse_other_labels(made: Plan, slots: Collection[str]) -> None:
    """Refuse saved parts among ``slots`` that were trained with other labels than the model's.

    Raises:
        IncompatibleError: with both lists.
    """
    for slot, saved in _saved(made):
        labels = saved.labels
        if slot not in slots or "none" in (labels.type, made.labels.type) or made.parts[slot].params.get("attributes"):
            continue  # what has attributes of its own finds them by name
        # By position only where one side has numbers for names; names have to stand in the same order.
        in_place = places(made.labels, labels) == tuple(range(labels.count)) and labels.count == made.labels.count
        if not in_place:
            raise IncompatibleError(
                f"{slot}: the part saved in {shown(saved.folder)} was trained with the {labels.type} {listed(labels.names)}; "
                f"this model has the {made.labels.type} {listed(made.labels.names)}",
                hint="choose data with the same labels, or a part without saved weights",
                saved=labels,
                labels=made.labels,
            )


def _saved(made: Plan) -> list[tuple[str, SavedPart]]:
    """The parts whose weights come from a folder."""
    saved = {slot: part.saved for slot, part in made.parts.items() if part.saved is not None}
    return [(slot, one) for slot, one in saved.items() if not one.referenced]
