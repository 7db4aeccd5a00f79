"""Hostile weights: safetensors files, indices and shards that lie."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

import zoo_core as zoo
from zoo_core.errors import WeightsError
from zoo_core.publishing.inspect import inspect
from zoo_core.saving import load_folder, verify_folder

from .budget import Attack, rounds
from .conftest import Victim
from .json_trees import PATHS, TERMINAL, damaged, torn, tree, written
from .safetensors_bytes import damaged_files, put_together, taken_apart
from .watch import Watch

Victims = Callable[[str], Victim]


def judge(watch: Watch, folder: Path) -> None:
    """Every way to look at weights."""
    watch.judge(lambda: inspect(folder))
    watch.judge(lambda: load_folder(folder))
    watch.judge(lambda: load_folder(folder, mmap=True))


def build_with(folder: Path, part: str) -> None:
    """A new model that takes a part from ``folder``."""
    zoo.build(
        "vae-mlp", image_shape=(1, 8, 8), latent_dim=4, **{"encoder.hidden": [6], "decoder.hidden": [5], part: folder}
    )


@rounds
def test_a_file_that_says_something_else_of_its_tensors(
    round: int, victim: Victims, watch: Watch, attack: Attack
) -> None:
    model = victim("vae")
    sound = (model.sound / "model.safetensors").read_bytes()

    def judged(content: bytes) -> None:
        model.put("model.safetensors", content)
        judge(watch, model.folder)

    attack(300, damaged_files(sound), judged)


@rounds
def test_a_file_torn_and_patched(round: int, victim: Victims, watch: Watch, attack: Attack) -> None:
    model = victim("vae")
    sound = (model.sound / "model.safetensors").read_bytes()

    def judged(content: bytes) -> None:
        model.put("model.safetensors", content)
        judge(watch, model.folder)

    attack(150, torn(sound), judged)


@rounds
def test_a_part_taken_from_a_damaged_model(round: int, victim: Victims, watch: Watch, attack: Attack) -> None:
    model = victim("vae")
    sound = (model.sound / "model.safetensors").read_bytes()
    config = tree(json.loads((model.sound / "config.json").read_bytes()))

    def judged(case: tuple[bytes, str, str]) -> None:
        weights, text, part = case
        model.put("model.safetensors", weights)
        model.put("config.json", text)
        watch.judge(lambda: build_with(model.folder, part))
        watch.judge(lambda: verify_folder(model.folder))

    weights = st.one_of(st.just(sound), damaged_files(sound))
    configs = st.one_of(st.just(written(config)), damaged(config).map(written))
    cases = st.tuples(weights, configs, st.sampled_from(("encoder", "decoder", "prior")))
    attack(150, cases, judged)


def sharded(model: Victim, sound: Callable[[str], Path]) -> None:
    """The model in three shards in the place of its one file."""
    zoo.load(sound("vae")).save(model.folder, max_shard_size=1500)


SHARDS = ("model-00001-of-00003.safetensors", "MODEL-00001-of-00003.safetensors", "model-00001-OF-00003.safetensors")
ASTRAY = (
    *PATHS,
    *TERMINAL,
    *SHARDS,
    "model-00009-of-00003.safetensors",
    "model-00000-of-00000.safetensors",
    "../model-00001-of-00003.safetensors",
    "./model-00001-of-00003.safetensors",
    "model-00001-of-00003.safetensors\n",
    "model-٠٠٠٠١-of-٠٠٠٠٣.safetensors",
    "config.json",
    "model.safetensors",
    "pytorch_model.bin",
    "secret",
    "",
    "a" * 300,
)


@rounds
def test_an_index_with_anything_in_it(
    round: int, victim: Victims, sound: Callable[[str], Path], watch: Watch, attack: Attack
) -> None:
    model = victim("vae")
    sharded(model, sound)
    whole = json.loads((model.folder / "model.safetensors.index.json").read_bytes())
    names = list(whole["weight_map"])

    def judged(text: str | bytes) -> None:
        model.put("model.safetensors.index.json", text)
        judge(watch, model.folder)

    def astray(case: tuple[str, str]) -> str:
        return json.dumps({**whole, "weight_map": {**whole["weight_map"], case[0]: case[1]}})

    one_astray = st.tuples(st.sampled_from((*names, "x", "\x1b[1m")), st.sampled_from(ASTRAY)).map(astray)
    inputs = st.one_of(damaged(tree(whole)).map(written), one_astray, torn(json.dumps(whole).encode()))
    attack(150, inputs, judged)


@rounds
def test_shards_that_are_missing_exchanged_or_damaged(
    round: int, victim: Victims, sound: Callable[[str], Path], watch: Watch, attack: Attack
) -> None:
    model = victim("vae")
    sharded(model, sound)
    files = {path.name: path.read_bytes() for path in sorted(model.folder.glob("model-*.safetensors"))}
    first = next(iter(files.values()))

    def judged(case: tuple[str, bytes | None]) -> None:
        for name, content in files.items():
            model.put(name, content)
        if case[1] is None:
            (model.folder / case[0]).unlink()
        else:
            model.put(case[0], case[1])
        judge(watch, model.folder)

    contents = st.one_of(st.none(), st.sampled_from(list(files.values())), damaged_files(first), torn(first))
    attack(80, st.tuples(st.sampled_from(list(files)), contents), judged)


def test_a_header_of_a_million_tensors_is_refused_before_it_is_read(victim: Victims, watch: Watch) -> None:
    model = victim("vae")
    entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    model.put("model.safetensors", put_together("{" + ",".join(f'"{i}":{entry}' for i in range(1_000_000)) + "}", b""))
    for look in (inspect, load_folder):
        assert isinstance(watch.judge(lambda look=look: look(model.folder)), WeightsError)  # type: ignore[misc]


@pytest.mark.parametrize("gigabytes", [3, 10])
def test_a_file_of_gigabytes_of_nothing_is_refused_by_its_header(gigabytes: int, victim: Victims, watch: Watch) -> None:
    model = victim("vae")
    header, payload = taken_apart((model.sound / "model.safetensors").read_bytes())
    bulk = gigabytes * 10**9
    claim = {"dtype": "U8", "shape": [bulk], "data_offsets": [len(payload), len(payload) + bulk]}
    model.put(
        "model.safetensors",
        put_together(written(header)[:-1] + f',"parts.encoder.bulk":{json.dumps(claim)}}}', payload),
    )
    path = model.folder / "model.safetensors"
    os.truncate(path, path.stat().st_size + bulk)
    refused = watch.judge(lambda: load_folder(model.folder))
    assert isinstance(refused, WeightsError) and "unexpected parts.encoder.bulk" in str(refused)
    assert isinstance(watch.judge(lambda: load_folder(model.folder, mmap=True)), WeightsError)
    watch.judge(lambda: inspect(model.folder))
    model.restore()
