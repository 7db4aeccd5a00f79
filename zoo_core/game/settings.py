"""TrainingSettings: everything about a training that is not the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt

from zoo_core.registry.parameter import check


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """A data stream beside the main one, over the labelled examples of the train split.

    Arguments:
        batch_size: examples a joint batch; None is the main stream's.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    batch_size: Annotated[int, Ge(1)] | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a model is trained. Each is settable as ``training.NAME``.

    Arguments:
        epochs: passes over the train split.
        batch_size: examples a joint batch, over all processes.
        accumulate: pieces that a batch is cut into, to save memory.
        precision: of the networks' forwards, objectives' own too; weights and losses stay in float32.
        compile: parts, and networks of objectives (``adversarial-prior``), whose forward goes through torch.compile; ``["all"]`` for
            every one.
        turns, players: the game's rules; see ``zoo_core.game.rules``.
        labelled: only so many examples of the train split keep their class, the same number of each, drawn with the seed; the
            others count as unlabelled on every stream. None keeps all.
        streams: data streams beside ``main``, by name; a turn's stream that is not named here has the default settings.
        log_every: rounds between two lines of metrics.jsonl. Losses are looked at (and NaN noticed) only then.
        checkpoint_seconds: at most so long between two checkpoints, inside an epoch too.
        validate_every: epochs between two validations; 0 is never.
        patience: validations without a better value before training stops; None never stops early.
        pictures_every: epochs between two pictures; 0 is never.
        workers: processes that read images, for data that do not fit in memory.
    """

    epochs: Annotated[int, Ge(0)] = 20
    batch_size: Annotated[int, Ge(1)] = 100
    accumulate: Annotated[int, Ge(1)] = 1
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: tuple[str, ...] = ()
    turns: tuple[dict[str, Any], ...] = ()
    players: dict[str, dict[str, Any]] = field(default_factory=dict)
    labelled: Annotated[int, Ge(1)] | None = None
    streams: dict[str, StreamSettings] = field(default_factory=dict)
    log_every: Annotated[int, Ge(1)] = 50
    checkpoint_seconds: Annotated[float, Gt(0)] = 300.0
    validate_every: Annotated[int, Ge(0)] = 1
    patience: Annotated[int, Ge(1)] | None = None
    pictures_every: Annotated[int, Ge(0)] = 1
    workers: Annotated[int, Ge(0)] = 2


def training_settings(recipe: Mapping[str, Any], **given: Any) -> TrainingSettings:
    """The settings of a recipe's ``training`` table with what is ``given`` on top; None leaves the recipe's.

    Raises:
        SettingError: an unknown key or a wrong value.
    """
    merged = {**recipe, **{key: value for key, value in given.items() if value is not None}}
    return TrainingSettings(**check(TrainingSettings, merged, "training"))


def as_table(settings: TrainingSettings) -> dict[str, Any]:
    """The settings as JSON has them."""
    return dataclasses.asdict(settings)
