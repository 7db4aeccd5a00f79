"""A model saved as a folder and loaded again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import RunError, UnknownName, WeightsError
from zoo_core.storage.files import write_bytes, write_json

SHAPE = (1, 8, 8)


def tiny(**settings: Any) -> zoo.Model:
    """A VAE of a few hundred weights."""
    shapes = {"encoder.hidden": [6], "encoder.batch_norm": True, "decoder.hidden": [5], "latent_dim": 4}
    return zoo.build("vae-mlp", image_shape=SHAPE, **{**shapes, **settings})


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """The same names and the same bits."""
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) and a[n].dtype == b[n].dtype for n in a)


def test_what_is_loaded_is_what_was_saved_bit_for_bit(tmp_path: Path) -> None:
    model = tiny(seed=3)
    model.parts["encoder"].hidden[1].running_mean.fill_(0.25)
    assert model.save(tmp_path) == tmp_path
    again = zoo.load(tmp_path)
    assert same(again.state_dict(), model.state_dict())
    assert again.config == model.config and not again.training
    assert torch.equal(again.sample(3, seed=1), model.sample(3, seed=1))
    again.save(tmp_path / "again")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "config.json", "model.safetensors"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_model_of_another_width_comes_back_in_the_width_that_is_asked_for(tmp_path: Path, dtype: torch.dtype) -> None:
    model = tiny(dtype=dtype)
    model.save(tmp_path)
    assert same(zoo.load(tmp_path, dtype=dtype).state_dict(), model.state_dict())
    assert same(zoo.load(tmp_path).state_dict(), model.float().state_dict())


def test_all_differences_are_told_at_once(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["parts.encoder.head.bias"]
    tensors["parts.encoder.tail.bias"] = torch.zeros(2)
    tensors["parts.encoder.head.weight"] = torch.zeros(8, 7)
    tensors["parts.decoder.head.bias"] = tensors["parts.decoder.head.bias"].double()
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError) as told:
        zoo.load(tmp_path)
    assert told.value.fields["differences"] == [
        "missing parts.encoder.head.bias",
        "unexpected parts.encoder.tail.bias",
        "parts.decoder.head.bias is float64 (64,), expected float32 (64,)",
        "parts.encoder.head.weight is float32 (8, 7), expected float32 (8, 6)",
    ]
    assert all(difference in str(told.value) for difference in told.value.fields["differences"])


def test_many_differences_are_counted(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    save_file({f"x{i}": torch.zeros(1) for i in range(20)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match=r"… and \d+ more"):
        zoo.load(tmp_path)


def damaged(content: bytes) -> dict[str, bytes]:
    """Ways in which a safetensors file can be broken."""
    return {
        "empty": b"",
        "eight bytes": content[:8],
        "half": content[: len(content) // 2],
        "one byte short": content[:-1],
        "one byte more": content + b"x",
        "header length": (2**62).to_bytes(8, "little") + content[8:],
        "header": content[:8] + b"[" * 20 + content[28:],
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x08builtins.",
    }


@pytest.mark.parametrize("way", list(damaged(b"")))
def test_a_damaged_file_is_told(tmp_path: Path, way: str) -> None:
    tiny().save(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(damaged(path.read_bytes())[way])
    with pytest.raises(WeightsError, match="is damaged"):
        zoo.load(tmp_path)


def test_missing_weights_are_told(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors is missing"):
        zoo.load(tmp_path)


def test_a_folder_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "discreg").mkdir()
    with pytest.raises(UnknownName, match='did you mean "discreg"'):
        zoo.load(tmp_path / "discrge")
    with pytest.raises(UnknownName, match="no such folder"):
        zoo.load("x" * 5000)
    with pytest.raises(RunError, match="no such home folder"):
        zoo.load("~nobody-of-this-name/x")


def test_networks_for_training_only_are_left_out(tmp_path: Path, toys: None) -> None:
    model = tiny(objective=["elbo", "toy-owner"])
    model.save(tmp_path)
    names = set(load_file(tmp_path / "model.safetensors"))
    assert names == set(model.state_dict()) - {"objectives.toy-owner.critic.weight", "objectives.toy-owner.critic.bias"}
    with torch.no_grad():
        model.objectives["toy-owner"].scale.fill_(2.5)
    model.save(tmp_path)
    assert zoo.load(tmp_path).objectives["toy-owner"].scale == 2.5


def test_a_frozen_net_with_published_weights_is_not_saved_again_but_one_without_is(tmp_path: Path, toys: None) -> None:
    for weights, saved in (("default", False), (None, True)):
        model = tiny(objective=["elbo", "discreg"], classifier={"name": "toy-net", "weights": weights})
        model.save(tmp_path)
        names = load_file(tmp_path / "model.safetensors")
        assert any(name.startswith("parts.classifier.") for name in names) is saved
        assert same(zoo.load(tmp_path).state_dict(), model.state_dict())


# ------------------------------------------------------------------------------------------------ atomic writes


@pytest.fixture(params=["fsync", "replace", "write"])
def failing_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full: at the flush, at the move, or at the first byte."""

    def fail(*args: Any, **named: Any) -> Any:
        raise OSError(28, "No space left on device")

    if request.param == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    elif request.param == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    else:
        monkeypatch.setattr(Path, "write_bytes", fail)


def test_a_write_that_fails_leaves_the_old_file_whole(
    tmp_path: Path, failing_disk: None, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(RunError, match="x cannot be written: No space left on device"):
        write_bytes(tmp_path / "x", b"new" * 1000)
    assert (tmp_path / "x").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"], "and nothing beside it"


def test_a_model_whose_saving_fails_is_still_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tiny(seed=1)
    old.save(tmp_path)
    monkeypatch.setattr(Path, "replace", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(RunError):
        tiny(seed=2).save(tmp_path)
    assert same(zoo.load(tmp_path).state_dict(), old.state_dict())


def test_a_value_that_json_has_not_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        tiny().save(tmp_path / "file" / "model")
