"""Checkpoints that are damaged, or of something else: told in one line, and nothing has changed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import RunError, WeightsError, ZooError
from zoo_core.game.settings import training_settings
from zoo_core.training.checkpoints import CHECKPOINT_FILE, checksum, read_checkpoint
from zoo_core.training.session import Session

SHAPE = (1, 8, 8)
DATA = torch.rand(60, *SHAPE, generator=torch.Generator().manual_seed(0))
Damage = Callable[[random.Random, bytes], bytes]


def tiny() -> zoo.Model:
    """A VAE of a few hundred weights; its player has moments and an average."""
    return zoo.build(
        "vae-mlp",
        image_shape=SHAPE,
        latent_dim=4,
        **{"encoder.hidden": [6], "decoder.hidden": [5], "training.players.autoencoder.ema": 0.9},
    )


def train(out: Path, epochs: int, *, resume: bool = False) -> zoo.Run:
    """On the tensor, without a bar or pictures."""
    return zoo.train(
        tiny(),
        DATA,
        out=out,
        epochs=epochs,
        batch_size=12,
        pictures_every=0,
        progress=False,
        device="cpu",
        resume=resume,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(folder, 2)
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    for path in whole.rglob("*"):
        if path.is_file() and "tensorboard" not in path.parts:
            copy = tmp_path / path.relative_to(whole)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return tmp_path


def opened(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """The tensors, the table and the checksum of a checkpoint."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    return load_file(path), json.loads(metadata["checkpoint"]), metadata["crc32"]


def written(path: Path, tensors: Mapping[str, Tensor], table: Any, crc32: str | None = None) -> None:
    """A checkpoint of these, with the checksum that belongs to it unless one is given."""
    text = json.dumps(table)
    save_file(dict(tensors), path, {"checkpoint": text, "crc32": crc32 or checksum(text, tensors)})


def old(path: Path, tensors: Mapping[str, Tensor], table: dict[str, Any]) -> None:
    """The same as checkpoints were before they had a checksum."""
    save_file(dict(tensors), path, {"checkpoint": json.dumps({**table, "format": 1})})


def content(folder: Path) -> dict[Path, bytes]:
    """Every file but the checkpoint."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != CHECKPOINT_FILE}


# ------------------------------------------------------------------------------------------------ bytes


def header_end(content: bytes) -> int:
    return 8 + int.from_bytes(content[:8], "little")


def span(chance: random.Random, content: bytes, longest: int) -> tuple[int, int]:
    """A stretch of the file: of its header as often as of its tensors."""
    low, high = (0, header_end(content)) if chance.random() < 0.5 else (header_end(content), len(content))
    start = chance.randrange(low, high)
    return start, min(start + chance.randint(1, longest), len(content))


def flipped(chance: random.Random, content: bytes) -> bytes:
    start, _ = span(chance, content, 1)
    return content[:start] + bytes([content[start] ^ (1 << chance.randrange(8))]) + content[start + 1 :]


def zeroed(chance: random.Random, content: bytes) -> bytes:
    start, end = span(chance, content, 4000)
    return content[:start] + bytes(end - start) + content[end:]


def overwritten(chance: random.Random, content: bytes) -> bytes:
    start, end = span(chance, content, 200)
    return content[:start] + chance.randbytes(end - start) + content[end:]


def cut(chance: random.Random, content: bytes) -> bytes:
    start, end = span(chance, content, 500)
    return content[:start] + content[end:]


def grown(chance: random.Random, content: bytes) -> bytes:
    start, end = span(chance, content, 500)
    return content[:start] + chance.randbytes(end - start) + content[start:]


def truncated(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content))]


def exchanged(chance: random.Random, content: bytes) -> bytes:
    (a, b), (c, d) = sorted([span(chance, content, 60), span(chance, content, 60)])
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


DAMAGES: tuple[Damage, ...] = (flipped, zeroed, overwritten, cut, grown, truncated, exchanged)


def test_two_hundred_damages_of_bytes_are_told_in_one_line_and_nothing_is_resumed(run: Path) -> None:
    chance, path = random.Random(0), run / CHECKPOINT_FILE
    good, before = path.read_bytes(), content(run)
    rounds = 0
    while rounds < 200:
        damage = chance.choice(DAMAGES)
        bad = damage(chance, good)
        if bad == good:
            continue
        rounds += 1
        path.write_bytes(bad)
        with pytest.raises(RunError) as told:
            train(run, 3, resume=True)
        assert "checkpoint.safetensors" in str(told.value), damage.__name__
        assert content(run) == before, f"after {damage.__name__} number {rounds}"
    path.write_bytes(good)
    assert train(run, 3, resume=True).rounds == 12


# ------------------------------------------------------------------------------------------------ what it holds


def other_tensor(chance: random.Random, tensors: dict[str, Tensor]) -> None:
    """One tensor is gone, of another shape or dtype, under another name, or too much."""
    name = chance.choice(sorted(tensors))
    tensor = tensors[name]
    match chance.choice(["gone", "short", "long", "flat", "dtype", "name", "more"]):
        case "gone" if not name.startswith("player.autoencoder/optimizer"):
            del tensors[name]
        case "short" if tensor.numel() > 1:
            tensors[name] = tensor.reshape(-1)[:1].clone()
        case "long":
            tensors[name] = torch.zeros(tensor.numel() + chance.randint(1, 10**5), dtype=tensor.dtype)
        case "flat" if tensor.dim() > 1:
            tensors[name] = tensor.reshape(-1)
        case "dtype":
            tensors[name] = tensor.to(torch.float16 if tensor.dtype != torch.float16 else torch.float32)
        case "name":
            tensors[name + chance.choice(["0", ".step", "/"])] = tensors.pop(name)
        case _:
            prefix = chance.choice(["player.autoencoder/", "player.nobody/", "model.", ""])
            tensors[f"{prefix}optimizer.{chance.randint(90, 999)}.step"] = torch.zeros(())


def other_table(chance: random.Random, table: dict[str, Any]) -> None:
    """One entry of the table is gone, too much, or of another type."""
    inner = chance.choice(
        [
            table,
            table["streams"],
            table["streams"]["main"],
            table["players"],
            table["progress"],
            table["players"]["autoencoder"],
        ]
    )
    key = chance.choice(sorted(set(inner) - {"format"}))
    deep: Any = 0
    for _ in range(900):
        deep = [deep]
    match chance.choice(["gone", "more", "type"]):
        case "gone" if inner is not table["progress"]:
            del inner[key]
        case "more":
            inner[key + "s"] = inner[key]
        case _:
            inner[key] = chance.choice(["x", float("nan"), [], {"a": 1}, deep, True, "0"])


@pytest.mark.parametrize("write", [written, old])
def test_a_checkpoint_that_holds_something_else_is_refused_before_anything_changes(
    run: Path, write: Callable[..., None]
) -> None:
    """With a checksum that fits, and without one: nothing that it brings is used before all of it has been checked."""
    chance, path = random.Random(1), run / CHECKPOINT_FILE
    good, before = path.read_bytes(), content(run)
    for number in range(100):
        path.write_bytes(good)
        tensors, table, _ = opened(path)
        (other_tensor if number % 2 else other_table)(chance, tensors if number % 2 else table)
        write(path, tensors, table)
        live = session()
        untouched = state(live)
        with pytest.raises((RunError, WeightsError)) as told:
            read_checkpoint(run, live)
        assert "checkpoint.safetensors" in str(told.value)
        assert all(torch.equal(tensor, untouched[name]) for name, tensor in state(live).items()), str(told.value)
    path.write_bytes(good)
    assert content(run) == before


def session() -> Session:
    """What a resumed training starts from."""
    model = tiny()
    settings = training_settings(model.config["training"], batch_size=12, epochs=3)
    return Session(model, DATA, settings, device="cpu")


def state(live: Session) -> dict[str, Tensor]:
    """All that a checkpoint can change of a session."""
    game = live.game
    tensors = {name: tensor.clone() for name, tensor in live.model.state_dict().items()}
    for name, player in game.players.items():
        tensors |= {f"{name}/{key}": tensor.clone() for key, tensor in player.state()[0].items()}
    counts = [game.round, game.steps_drawn, *(place for stream in live.streams.values() for place in stream.position)]
    return {**tensors, "counts": torch.tensor(counts), "random": torch.get_rng_state()}


def test_short_moments_are_told_and_never_reach_the_optimizer(run: Path) -> None:
    """Torch's fused loops would read and write beyond them."""
    path = run / CHECKPOINT_FILE
    tensors, table, crc32 = opened(path)
    short = {name: tensor.reshape(-1)[:1].clone() if "exp_avg" in name else tensor for name, tensor in tensors.items()}
    written(path, short, table, crc32)
    with pytest.raises(RunError, match=r"is damaged: .*checksum"):
        train(run, 40, resume=True)
    for write in (written, old):
        write(path, short, table)
        with pytest.raises(RunError, match=r"does not fit this training: player autoencoder: optimizer\.\d+\.exp_avg"):
            train(run, 40, resume=True)


def test_a_random_state_that_no_generator_takes_is_told(run: Path) -> None:
    path = run / CHECKPOINT_FILE
    tensors, table, _ = opened(path)
    tensors["random.cpu"] = torch.full_like(tensors["random.cpu"], 255)
    written(path, tensors, table)
    with pytest.raises(RunError, match=r"random\.cpu is no state of a generator"):
        train(run, 3, resume=True)


def test_a_checkpoint_without_a_checksum_is_resumed_with_its_weights(
    run: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tensors, table, _ = opened(run / CHECKPOINT_FILE)
    old(run / CHECKPOINT_FILE, tensors, table)
    resumed = train(run, 3, resume=True).model.state_dict()
    unbroken = train(tmp_path_factory.mktemp("unbroken"), 3).model.state_dict()
    assert all(torch.equal(resumed[name], tensor) for name, tensor in unbroken.items())


def test_a_checkpoint_cannot_pass_for_one_without_a_checksum(run: Path) -> None:
    tensors, table, crc32 = opened(run / CHECKPOINT_FILE)
    for version, checked in ((1, crc32), (2, "")):
        metadata = {"checkpoint": json.dumps({**table, "format": version}), **({"crc32": checked} if checked else {})}
        save_file(tensors, run / CHECKPOINT_FILE, metadata)
        with pytest.raises(ZooError, match="is damaged"):
            train(run, 3, resume=True)


def test_a_checkpoint_of_a_later_format_says_what_to_do(run: Path) -> None:
    tensors, table, _ = opened(run / CHECKPOINT_FILE)
    written(run / CHECKPOINT_FILE, tensors, {**table, "format": 3})
    with pytest.raises(RunError, match="has format 3, this zoo_core reads up to 2; update it"):
        train(run, 3, resume=True)
