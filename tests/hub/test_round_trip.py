"""What is pushed is what is loaded: in a fresh process, with an empty cache, over HTTP, bit for bit."""

from __future__ import annotations

import hashlib
import inspect
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import torch

import zoo_core as zoo
from zoo_core.registry.catalogue import catalogue
from zoo_core.storage.config import entries
from zoo_core.testing.hub import HubServer

from .small_models import small

RECIPES = sorted(catalogue().recipes)


def outputs(model: zoo.Model) -> dict[str, str]:
    """sha256 of everything that the model makes of the same images and draws, and of its weights."""
    x = torch.rand(4, *model.image_shape, generator=torch.Generator().manual_seed(3))
    found = {f"weights.{name}": tensor for name, tensor in model.published_state().items()}
    if "prior" in model.parts:
        found["sample"] = model.sample(4, seed=1)
    elif model.config["sampler"]:
        found["sample"] = model.sample(4, seed=1, x=x)
    y = (
        torch.arange(4) % 2
        if model.labels.type == "classes"
        else torch.arange(4)[:, None].repeat(1, model.labels.count) % 2
    )
    told = {part: y if "labels" in model.capabilities(part) else None for part in model.parts}
    if "decoder" in model.parts and "encoder" in model.parts:
        found["code"] = model.encode(x, told["encoder"])
        found["decoded"] = model.decode(found["code"], told["decoder"])
    for slot in ("classifier", "discriminator", "language_model"):
        if slot in model.parts:
            ids = torch.arange(4 * model.image_shape[2]).view(4, -1) % max(len(model.vocabulary), 1)
            given = {
                "x": ids if model.modality == "tokens" else x,
                "z": torch.ones(4, getattr(model.parts[slot], "latent_dim", 1)),
            }
            inputs = [given[name] for name in model.parts[slot].inputs]
            with model.evaluating():
                layers = model.parts[slot](*inputs) if told[slot] is None else model.parts[slot](*inputs, told[slot])
                found |= {f"{slot}.{number}": layer for number, layer in enumerate(layers)}
    return {
        name: f"{tensor.dtype} {tuple(tensor.shape)} {hashlib.sha256(tensor.detach().contiguous().numpy()).hexdigest()}"
        for name, tensor in found.items()
    }


LOADING = f"""
from __future__ import annotations
import hashlib, json, sys
import torch
import zoo_core as zoo

{inspect.getsource(outputs)}
told = {{}}
for recipe, revisions in json.loads(sys.argv[1]).items():
    looked = zoo.inspect(f"org/{{recipe}}@{{revisions[-1]}}")
    told[recipe] = dict(parameters=looked.parameters, parts=dict(looked.parts), licence=looked.licence, commit=looked.commit)
    told[recipe]["outputs"] = [outputs(zoo.load(f"org/{{recipe}}", revision=revision)) for revision in revisions]
print(json.dumps(told))
"""


def test_every_recipe_comes_back_bit_for_bit_by_branch_tag_and_commit(
    client: SimpleNamespace, fresh_process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    made, revisions = {}, {}
    for recipe in RECIPES:
        made[recipe] = small(recipe)
        pushed = made[recipe].push_to_hub(f"org/{recipe}", license="mit", branch="next", tag="v1.0")
        revisions[recipe] = ["next", "v1.0", pushed.commit]
    done = fresh_process(LOADING, json.dumps(revisions))
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert sorted(told) == RECIPES
    for recipe, model in made.items():
        expected = outputs(model)
        assert len(expected) > len(model.published_state()), "nothing was compared but weights"
        assert told[recipe] == {
            "parameters": sum(tensor.numel() for tensor in model.published_state().values()),
            "parts": {
                place: entry["name"] for place, entry in entries(model.config) if not place.startswith("objective.")
            },
            "licence": "mit",
            "commit": revisions[recipe][-1],
            "outputs": [expected] * 3,
        }


def test_shards_come_back_and_only_one_header_is_read_for_a_look(client: SimpleNamespace, hub: HubServer) -> None:
    model = zoo.build("vae-mlp", image_shape=(1, 16, 16), **{"encoder.hidden": [120] * 4, "decoder.hidden": [120] * 4})
    pushed = model.push_to_hub("org/shards", license="mit", max_shard_size="100KB")
    shards = sorted(name for name in pushed.files if name.endswith(".safetensors"))
    assert len(shards) >= 4 and "model.safetensors" not in pushed.files
    client.fresh()
    hub.clear()
    looked = zoo.inspect("org/shards")
    weights = [record.path for record in hub.requests if record.path.endswith(".safetensors")]
    assert {path.rpartition("/")[2] for path in weights} == {shards[0]}
    assert looked.parameters == sum(tensor.numel() for tensor in model.published_state().values())
    assert sorted(looked.files) == shards and looked.size_bytes > 4 * sum(p.numel() for p in model.parameters())
    assert outputs(zoo.load("org/shards")) == outputs(model)


def test_a_smaller_model_takes_the_place_of_a_larger_one(client: SimpleNamespace, tiny: zoo.Model) -> None:
    tiny.push_to_hub("org/model", license="mit", max_shard_size="2KB")
    before = zoo.load("org/model")
    tiny.push_to_hub("org/model", license="mit")
    listed = huggingface_hub.HfApi(endpoint=client.hub.endpoint).list_repo_files("org/model")
    assert [name for name in listed if name.startswith("model")] == ["model.safetensors"]
    assert outputs(zoo.load("org/model")) == outputs(tiny) == outputs(before)


def test_what_others_keep_in_the_repository_stays(client: SimpleNamespace, tiny: zoo.Model) -> None:
    api = huggingface_hub.HfApi(endpoint=client.hub.endpoint)
    api.create_repo("org/model")
    for name in ("notes.txt", "pictures/mine.jpg", "pictures/old.png", "LICENSE"):
        api.upload_file(path_or_fileobj=b"x", path_in_repo=name, repo_id="org/model")
    tiny.push_to_hub("org/model", license="mit")
    left = set(api.list_repo_files("org/model"))
    assert {"notes.txt", "pictures/mine.jpg", "LICENSE"} <= left and "pictures/old.png" not in left


@pytest.mark.slow
def test_a_gigabyte_in_shards_is_looked_at_with_less_than_200_kB_and_comes_back_whole(
    point: Callable[[str, Path], None], record_property: Callable[[str, object], None]
) -> None:
    wide = {"encoder.hidden": [5000] * 7, "decoder.hidden": [5000] * 7, "latent_dim": 8}
    model = zoo.build("vae-mlp", image_shape=(1, 32, 32), seed=1, **wide)
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.published_state().values())
    assert size > 1e9
    with TemporaryDirectory(prefix="zoo-gigabyte-") as name, HubServer(Path(name, "hub")) as hub:
        point(hub.endpoint, Path(name, "home"))
        pushed = model.push_to_hub("org/big", license="mit", max_shard_size="200MB")
        shards = sorted(file for file in pushed.files if file.endswith(".safetensors"))
        assert len(shards) >= 6 and "model.safetensors.index.json" in pushed.files

        def moved(work: Callable[[], Any]) -> tuple[Any, int]:
            hub.clear()
            return work(), sum(record.bytes_sent for record in hub.requests)

        looked, seen = moved(lambda: zoo.inspect("org/big"))
        assert seen < 200_000 and looked.parameters == size // 4 and not looked.verified
        verified, read = moved(lambda: zoo.inspect("org/big", verify=True))
        assert verified.verified and read >= size
        there, again = moved(lambda: zoo.load("org/big"))
        assert again < 10_000, "it is in the cache by now"
        assert outputs(there) == outputs(model)
        record_property("bytes", {"weights": size, "inspect": seen, "verify": read, "load from the cache": again})
        print(
            f"weights {size:,} in {len(shards)} shards; inspect moved {seen:,}, --verify {read:,}, load then {again:,} bytes"
        )
        del there
