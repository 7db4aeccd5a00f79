"""Loading: strict, without first weights, whatever a part does in its constructor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import ConfigError, PluginMissing, WeightsError
from zoo_core.saving import verify_folder
from zoo_core.storage.files import write_json
from zoo_core.tensors.meta import MetaInit, NoInit, TooLarge, left_on_meta
from zoo_core.tensors.reader import open_weights

SHAPE = (1, 8, 8)
X = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))
TRAPS = ("buffer", "attribute", "list", "orthogonal", "item", "tied", "lazy", "kept")


def tiny(encoder: Any = None, **settings: Any) -> zoo.Model:
    """A VAE of a few hundred weights."""
    own: dict[str, Any] = {"encoder": encoder} if encoder else {"encoder.hidden": [6]}
    return zoo.build("vae-mlp", image_shape=SHAPE, latent_dim=4, **{"decoder.hidden": [5], **own, **settings})


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """The same names and the same bits."""
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) and a[n].dtype == b[n].dtype for n in a)


def edit_config(folder: Path, *path: str, value: Any) -> None:
    """Set one key of a saved config."""
    config = json.loads((folder / "config.json").read_text())
    table = config
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    write_json(folder / "config.json", config)


# ------------------------------------------------------------------------------------------------ traps


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("kind", TRAPS)
def test_a_part_that_is_hard_to_build_without_memory_comes_back(
    tmp_path: Path, toys: None, kind: str, mmap: bool
) -> None:
    model = tiny({"name": "toy-trap", "kind": kind}, seed=3)
    model.save(tmp_path)
    again = zoo.load(tmp_path, mmap=mmap)
    assert left_on_meta(again) == []
    assert same(again.state_dict(), model.state_dict())
    assert torch.equal(again.encode(X), model.encode(X))
    if kind == "kept":
        encoder: Any = again.parts["encoder"]
        assert encoder.kept[0] is encoder.inner.weight


def test_a_tied_weight_is_saved_once_and_tied_again(tmp_path: Path, toys: None) -> None:
    model = tiny({"name": "toy-trap", "kind": "tied"}, seed=3)
    model.save(tmp_path)
    names = set(load_file(tmp_path / "model.safetensors"))
    assert "parts.encoder.inner.weight" in names and "parts.encoder.again.weight" not in names
    encoder: Any = zoo.load(tmp_path).parts["encoder"]
    assert encoder.again.weight is encoder.inner.weight


def test_a_tied_weight_that_is_in_the_file_twice_is_read_too(tmp_path: Path, toys: None) -> None:
    model = tiny({"name": "toy-trap", "kind": "tied"}, seed=3)
    model.save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["parts.encoder.again.weight"] = tensors["parts.encoder.inner.weight"].clone()
    save_file(tensors, tmp_path / "model.safetensors")
    assert torch.equal(zoo.load(tmp_path).encode(X), model.encode(X))


def test_a_part_can_be_taken_from_a_model_with_tied_weights(tmp_path: Path, toys: None) -> None:
    model = tiny({"name": "toy-trap", "kind": "tied"}, seed=3)
    model.save(tmp_path)
    other = tiny(str(tmp_path), seed=9)
    assert torch.equal(other.encode(X), model.encode(X))


def test_lazy_shapes_are_settled_when_it_is_built(toys: None) -> None:
    model = tiny({"name": "toy-trap", "kind": "lazy"})
    assert model.parts["encoder"].inner.weight.shape == (64, 64)


def test_a_skeleton_takes_no_memory_and_draws_nothing() -> None:
    from zoo_core.building.builder import build_plan, plan_from_config

    config = tiny().config
    before = torch.get_rng_state()
    skeleton = build_plan(plan_from_config(config), device=None, making=MetaInit())
    assert all(p.is_meta for p in skeleton.parameters())
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_drawn_where_weights_are_given_afterwards() -> None:
    before = torch.get_rng_state()
    with NoInit().loaded():
        layers = [nn.Linear(3, 4), nn.Conv2d(3, 4, 3), nn.Embedding(5, 6)]
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(tensor.is_meta for layer in layers for tensor in layer.parameters())


def test_the_requires_grad_of_frozen_parts_comes_back(tmp_path: Path, toys: None) -> None:
    model = tiny(objective=["elbo", "discreg"], classifier={"name": "toy-net", "weights": None})
    model.save(tmp_path)
    again = zoo.load(tmp_path)
    assert {n for n, p in again.named_parameters() if p.requires_grad} == {
        n for n, p in model.named_parameters() if p.requires_grad
    }


# ------------------------------------------------------------------------------------------------ mapped and copied


def test_a_copied_model_does_not_care_what_becomes_of_the_file(tmp_path: Path) -> None:
    tiny(seed=1).save(tmp_path)
    model = zoo.load(tmp_path)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    content = (tmp_path / "model.safetensors").read_bytes()
    with (tmp_path / "model.safetensors").open("r+b") as file:  # in place: the same inode
        file.write(b"\xff" * len(content))
        file.truncate(10)
    assert same(model.state_dict(), before)


def test_a_mapped_model_reads_from_the_file_and_saving_over_it_is_safe(tmp_path: Path) -> None:
    original = tiny(seed=1)
    original.save(tmp_path)
    mapped = zoo.load(tmp_path, mmap=True)
    assert str(tmp_path / "model.safetensors") in Path("/proc/self/maps").read_text()
    with torch.no_grad():
        mapped.parts["encoder"].head.bias.add_(1)  # the mapping is private
    assert same(zoo.load(tmp_path).state_dict(), original.state_dict())
    mapped.save(tmp_path)
    assert same(zoo.load(tmp_path).state_dict(), mapped.state_dict())


# ------------------------------------------------------------------------------------------------ shards


def test_a_sharded_model_comes_back_and_a_later_whole_one_replaces_it(tmp_path: Path) -> None:
    model = tiny(seed=2)
    model.save(tmp_path, max_shard_size=600)
    assert len(open_weights(tmp_path).files) > 2
    assert same(zoo.load(tmp_path).state_dict(), model.state_dict())
    other = tiny(seed=3)
    other.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert same(zoo.load(tmp_path).state_dict(), other.state_dict())
    model.save(tmp_path, max_shard_size="1KB")
    assert not (tmp_path / "model.safetensors").exists()
    assert same(zoo.load(tmp_path).state_dict(), model.state_dict())


def test_an_index_that_does_not_fit_its_shards_is_refused(tmp_path: Path) -> None:
    tiny().save(tmp_path, max_shard_size=600)
    index = tmp_path / "model.safetensors.index.json"
    good = json.loads(index.read_text())
    name, file = next(iter(good["weight_map"].items()))
    other = next(f for f in good["weight_map"].values() if f != file)
    for weight_map, told in (
        ({**good["weight_map"], name: other}, "does not say|does not hold|do not hold"),
        ({**good["weight_map"], "more": file}, "lists more"),
        ({**good["weight_map"], name: "../model-00001-of-00002.safetensors"}, "no shard can be called"),
        ({}, "no table weight_map"),
    ):
        write_json(index, {**good, "weight_map": weight_map})
        with pytest.raises(WeightsError, match=told):
            zoo.load(tmp_path)
    write_json(index, good)
    (tmp_path / file).unlink()
    with pytest.raises(WeightsError, match="is missing"):
        zoo.load(tmp_path)


@pytest.mark.parametrize("size", ["many", "5 apples", "-3GB", ""])
def test_a_shard_size_that_is_none_is_refused(tmp_path: Path, size: str) -> None:
    from zoo_core.errors import SettingError

    with pytest.raises(SettingError, match="is no size"):
        tiny().save(tmp_path, max_shard_size=size)


# ------------------------------------------------------------------------------------------------ bounds


def test_a_config_that_describes_far_more_than_the_file_holds_is_stopped_early(tmp_path: Path, toys: None) -> None:
    tiny("toy-deep").save(tmp_path)
    edit_config(tmp_path, "parts", "encoder", "params", "depth", value=10**9)  # a setting without bounds
    with pytest.raises(TooLarge, match="describes a model of more than"):
        zoo.load(tmp_path)


def test_a_giant_layer_takes_no_memory_before_it_is_refused(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    edit_config(tmp_path, "parts", "encoder", "params", "hidden", value=[65_536, 65_536])  # 17 GB
    with pytest.raises(WeightsError):
        zoo.load(tmp_path)


# ------------------------------------------------------------------------------------------------ headers, digests, formats


def test_the_header_says_the_format_and_the_configs_digest(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert list(file.metadata()) == ["zoo_core"]
        about = json.loads(file.metadata()["zoo_core"])
    assert about["format"] == 1 and len(about["config_sha256"]) == 64
    verify_folder(tmp_path)
    edit_config(tmp_path, "parts", "prior", "params", "std", value=2.0)
    zoo.load(tmp_path)  # somebody's own edit
    with pytest.raises(WeightsError, match="is not the config that these weights were saved with"):
        verify_folder(tmp_path)


def test_weights_of_a_newer_format_are_refused(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    save_file(load_file(tmp_path / "model.safetensors"), tmp_path / "model.safetensors", {"zoo_core": '{"format": 2}'})
    with pytest.raises(
        WeightsError, match="has format 2, this zoo_core reads up to 1; update it: pip install -U zoo-core"
    ):
        zoo.load(tmp_path)


def test_a_part_of_an_older_format_is_brought_up_to_date_names_and_all(tmp_path: Path, toys: None) -> None:
    model = tiny("toy-renamed", seed=5)
    model.save(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    older = {name.replace("encoder.head.", "encoder.old."): tensor for name, tensor in tensors.items()}
    save_file(older, tmp_path / "model.safetensors")
    edit_config(tmp_path, "parts", "encoder", "format", value=1)
    edit_config(tmp_path, "parts", "encoder", "params", value={"latent": 4})
    assert same(zoo.load(tmp_path).state_dict(), model.state_dict())
    assert torch.equal(tiny(str(tmp_path)).encode(X), model.encode(X)), "as a part, too"
    edit_config(tmp_path, "parts", "encoder", "format", value=3)
    with pytest.raises(ConfigError, match="in format 3, the installed"):
        zoo.load(tmp_path)


def test_a_missing_plugin_is_told_with_its_version_and_what_to_type(tmp_path: Path) -> None:
    tiny().save(tmp_path)
    edit_config(tmp_path, "parts", "encoder", "name", value="zoo-absent:mlp")
    edit_config(tmp_path, "parts", "encoder", "version", value="7.1")
    with pytest.raises(PluginMissing, match=r"zoo-absent \(saved by 7\.1\).*pip install zoo-absent"):
        zoo.load(tmp_path)
    found = zoo.inspect(tmp_path)
    assert [one.plugin for one in found.missing] == ["zoo-absent"]


def test_a_plugin_that_is_installed_but_broken_is_told_so(
    tmp_path: Path, toys: None, monkeypatch: pytest.MonkeyPatch, fresh_registry: Any
) -> None:
    tiny("toy-renamed").save(tmp_path)
    monkeypatch.setenv("ZOO_BLOCK_PLUGINS", "zoo-toys")
    fresh_registry()
    with pytest.raises(PluginMissing, match="zoo-toys"):
        zoo.load(tmp_path)


def test_inspect_reads_no_tensor(tmp_path: Path) -> None:
    model = tiny()
    model.save(tmp_path)
    found = zoo.inspect(tmp_path)
    assert found.parameters == sum(t.numel() for t in model.published_state().values())
    assert found.parts["encoder"] == "zoo-basics:mlp" and found.missing == () and not found.verified
    assert zoo.inspect(tmp_path, verify=True).verified
