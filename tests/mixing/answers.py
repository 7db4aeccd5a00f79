"""What the zoo says to a combination or a game: a model, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

import zoo_core as zoo
from zoo_core.errors import IncompatibleError, SettingError

from .rows import Row, official

Answer: TypeAlias = zoo.Model | IncompatibleError | SettingError

EASIEST = "interpolation"
"""The sampler that asks for a decoder alone: what is refused with it is refused with every other."""


class Asked(Protocol):
    """What is asked for: a data class with the sampler as a field."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def sampler(self) -> str:
        """The sampler's name."""

    def build(self) -> zoo.Model:
        """The model, or the refusal."""


One = TypeVar("One", bound=Asked)


class Tally(Protocol):
    """What became of the combinations or games of one row."""

    def count(self, one: Any, said: Answer) -> None:
        """Count ``one``, accepted as a model or refused."""


Counted = TypeVar("Counted", bound=Tally)


def samplers() -> list[str]:
    """All samplers, that which can be asked of every model first."""
    return sorted((entry.name for entry in official("sampler")), key=lambda name: (name != EASIEST, name))


def answers(asked: Iterable[One]) -> Iterator[tuple[One, Answer]]:
    """Each of ``asked`` with each sampler, with the model or the refusal; what is refused with the easiest sampler is asked for no
    more."""
    for any_sampler in asked:
        for sampler in samplers():
            one = replace(any_sampler, sampler=sampler)
            try:
                yield one, one.build()
            except (IncompatibleError, SettingError) as refusal:
                yield one, refusal
                if sampler == EASIEST:
                    break


def tallied(
    rows: Iterable[Row], answered: Callable[[Row], Iterable[tuple[Any, Answer]]], tally: Callable[[], Counted]
) -> dict[Row, Counted]:
    """A tally for each row, of all that was answered."""
    counted: dict[Row, Counted] = {}
    for row in rows:
        own = counted[row] = tally()
        for one, said in answered(row):
            own.count(one, said)
    return counted
