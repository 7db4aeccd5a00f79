"""Checkpoints: one safetensors file that holds all a resumed run needs, written atomically.

Tensors are the weights, the optimizers' state and the random states; everything else is JSON in the file's header.
Nothing is pickled.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from zoo_core.errors import RunError, SettingError, WeightsError, ZooError, shown
from zoo_core.model import Model
from zoo_core.registry.parameter import check
from zoo_core.storage.files import plain_copies, write_plain
from zoo_core.tensors.assign import check_fit
from zoo_core.tensors.reader import read_file

if TYPE_CHECKING:
    from zoo_core.training.session import Session

CHECKPOINT_FILE = "checkpoint.safetensors"
FORMAT = 2
WITHOUT_CHECKSUM = 1
"""The format before, which is still read."""
RANDOM = ("random.cpu", "random.cuda")


@dataclass(kw_only=True)
class Progress:
    """Where a training stands, beside its tensors.

    Arguments:
        epoch: epochs that are complete.
        log_lines: lines of metrics.jsonl that belong to it; later ones are cut off on resume.
        best: the best validation value so far.
        since_best: validations since then.
        seconds: time spent in rounds so far.
    """

    epoch: Annotated[int, Ge(0)] = 0
    log_lines: Annotated[int, Ge(0)] = 0
    best: float | None = None
    since_best: Annotated[int, Ge(0)] = 0
    seconds: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a stream stands: the place of the batch that comes next."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    epoch: Annotated[int, Ge(0)]
    batch: Annotated[int, Ge(0)]


@dataclass(frozen=True, kw_only=True)
class _Header:
    """A checkpoint's table.

    Arguments:
        format: of the file.
        setup: see :func:`_setup`.
        round, steps_drawn: the game's counts.
        streams: where each stands.
        players: the numbers of each player's state.
        progress: a table of :class:`Progress`.
    """

    format: int
    setup: dict[str, Any]
    round: Annotated[int, Ge(0)]
    steps_drawn: Annotated[int, Ge(0)]
    streams: dict[str, _Place]
    players: dict[str, dict[str, Any]]
    progress: dict[str, Any]


def write_checkpoint(folder: Path, session: Session, progress: Progress) -> None:
    """Write the checkpoint of ``session`` into ``folder``, in the place of the last one.

    Raises:
        RunError: it cannot be written; the last one is still whole.
    """
    game = session.game
    tensors: dict[str, Tensor] = {f"model.{name}": tensor for name, tensor in _own_state(session.model).items()}
    players: dict[str, Any] = {}
    for name, player in game.players.items():
        state, players[name] = player.state()
        tensors |= {f"player.{name}/{key}": tensor for key, tensor in state.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if session.processes.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(session.processes.device)
    header = {
        "format": FORMAT,
        "setup": _setup(session),
        "round": game.round,
        "steps_drawn": game.steps_drawn,
        "streams": {name: stream.state() for name, stream in session.streams.items()},
        "players": players,
        "progress": asdict(progress),
    }
    text, plain = json.dumps(header), plain_copies(tensors)
    write_plain(folder / CHECKPOINT_FILE, plain, {"checkpoint": text, "crc32": checksum(text, plain)})


def read_checkpoint(folder: Path, session: Session) -> Progress:
    """Bring ``session`` to where the checkpoint in ``folder`` was written.

    All of it is checked before anything of the session changes.

    Raises:
        RunError: it is damaged, or of other data or settings.
        WeightsError: it is of another model.
    """
    path = folder / CHECKPOINT_FILE
    tensors, header = _whole(path)
    try:
        told = _Header(**check(_Header, header, ""))
        progress = Progress(**check(Progress, told.progress, "progress"))
        before, now = told.setup, _setup(session)
        different = [key for key in now if before[key] != now[key]]
    except (LookupError, SettingError) as error:
        raise _damaged(path, error) from None
    own = _own_state(session.model)
    check_fit(session.model, _prefixed(tensors, "model."), own, str(path))
    if different:
        key = different[0]
        raise RunError(
            f"{shown(path)} was written with other {key}: {shown(before[key])}, now {shown(now[key])}",
            hint="resume with the data and settings that it was started with",
        )
    wrong = _misfits(session, tensors, told)
    if wrong:
        more = f" … and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        raise RunError(
            f"{shown(path)} does not fit this training: {shown('; '.join(wrong[:4]), 600)}{more}",
            hint="resume with the data and settings that it was started with",
        )
    _restore(session, tensors, told)
    return progress


def _whole(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a checkpoint and its table, held against their checksum."""
    try:
        tensors, metadata = read_file(path)
        text = metadata["checkpoint"]
        header = json.loads(text)
        version = header["format"]
    except (WeightsError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from None
    if version not in (WITHOUT_CHECKSUM, FORMAT):
        raise RunError(
            f"{shown(path)} has format {shown(version)}, this zoo_core reads up to {FORMAT}",
            hint="update it: pip install -U zoo-core",
        )
    expected = None if version == WITHOUT_CHECKSUM else checksum(text, tensors)
    if metadata.get("crc32") != expected:
        raise _damaged(path, "its checksum does not fit its content")
    return tensors, header


def checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    """CRC-32 of a checkpoint's table and of all tensors with their names, dtypes and shapes.

    It is there for flipped bits, not against forgers: whatever a checkpoint brings is checked besides.
    """
    value = zlib.crc32(text.encode())
    for name, tensor in sorted(tensors.items()):
        value = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), value)
        value = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, value)
    return f"{value:08x}"


def _misfits(session: Session, tensors: Mapping[str, Tensor], told: _Header) -> list[str]:
    """What of a checkpoint does not fit ``session``, in words."""
    players, streams = session.game.players, session.streams
    known = ("model.", *(f"player.{name}/" for name in players))
    wrong = [f"unexpected {name}" for name in tensors if not name.startswith(known) and name not in RANDOM]
    if set(told.players) != set(players):
        wrong.append(f"players {', '.join(told.players)}, expected {', '.join(players)}")
    for name in set(players) & set(told.players):
        misfits = players[name].misfits(_prefixed(tensors, f"player.{name}/"), told.players[name])
        wrong += [f"player {name}: {text}" for text in misfits]
    if set(told.streams) != set(streams):
        wrong.append(f"streams {', '.join(told.streams)}, expected {', '.join(streams)}")
    for name in set(streams) & set(told.streams):
        if told.streams[name].batch >= streams[name].batches_per_epoch:
            wrong.append(
                f"stream {name} stands at batch {told.streams[name].batch:,} of {streams[name].batches_per_epoch:,}"
            )
    return wrong + _random_misfits(session, tensors)


def _random_misfits(session: Session, tensors: Mapping[str, Tensor]) -> list[str]:
    """What of the random states no generator takes."""
    wrong = [] if "random.cpu" in tensors else ["missing random.cpu"]
    devices = {"random.cpu": torch.device("cpu")}
    if session.processes.device.type == "cuda":
        devices["random.cuda"] = session.processes.device
    for name in devices.keys() & tensors.keys():
        generator, state = torch.Generator(devices[name]), tensors[name].cpu()
        try:
            if (state.dtype, state.shape) != (torch.uint8, generator.get_state().shape):
                raise ValueError(f"it is {state.dtype} {tuple(state.shape)}")
            generator.set_state(state)
        except (ValueError, RuntimeError) as error:
            wrong.append(f"{name} is no state of a generator: {str(error).splitlines()[0]}")
    return wrong


def _restore(session: Session, tensors: Mapping[str, Tensor], told: _Header) -> None:
    """Take over what has been checked."""
    session.model.load_state_dict(_prefixed(tensors, "model."), strict=False)
    for name, player in session.game.players.items():
        player.restore(_prefixed(tensors, f"player.{name}/"), told.players[name])
    session.game.round, session.game.steps_drawn = told.round, told.steps_drawn
    for name, stream in session.streams.items():
        stream.restore(asdict(told.streams[name]))
    torch.set_rng_state(tensors["random.cpu"].cpu())
    if "random.cuda" in tensors and session.processes.device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random.cuda"].cpu(), session.processes.device)


def _damaged(path: Path, why: Exception | str) -> RunError:
    said = why if isinstance(why, (ZooError, str)) else f"{type(why).__name__} {why}"
    return RunError(
        f"{shown(path)} is damaged: {shown(said, 300)}",
        hint=f"the last saved weights are still in {shown(path.parent)}",
    )


def _setup(session: Session) -> dict[str, Any]:
    """What has to be the same for a checkpoint to mean anything: what the tensors and places in it belong to."""
    return {
        "seed": session.seed,
        "players": {
            name: {
                "optimizer": player.rules.optimizer,
                "weights": len(player.parameters),
                "averaged": player.rules.ema is not None,
            }
            for name, player in session.game.players.items()
        },
        "streams": {
            name: {
                "examples": len(stream.source),
                "batches": stream.batches_per_epoch,
                **({"flip": True} if stream.source.flip else {}),
            }
            for name, stream in session.streams.items()
        },
    }


def _own_state(model: Model) -> dict[str, Tensor]:
    """All weights but those of frozen nets that bring their own."""
    skipped = tuple(f"parts.{name}." for name in model.frozen if "weights" in model.config["parts"][name])
    state: dict[str, Tensor] = model.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.startswith(skipped or ("\0",))}


def _prefixed(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
