"""How wide a layer may be: far beyond any that is trained, and small enough that sizes can be computed with."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from annotated_types import Ge, Le

Width: TypeAlias = Annotated[int, Ge(1), Le(65_536)]
Categories: TypeAlias = Annotated[int, Ge(0), Le(65_536)]
