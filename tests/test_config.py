"""config.json: what is one, and what a hostile one does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
from zoo_core.errors import ConfigError, UnknownName, ZooError
from zoo_core.storage.config import LARGEST, check_config, parse, read_config


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The config of a tiny model."""
    model = zoo.build("vae-mlp", image_shape=(1, 8, 8), latent_dim=4, **{"encoder.hidden": [6], "decoder.hidden": [5]})
    return model.config


def test_a_config_survives_the_way_through_a_file(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_config(tmp_path) == config


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": -Infinity}', "no JSON number"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' is there twice"),
        ('{"x": {"a": 1, "a": 1}}', "'a' is there twice"),
        ("[" * 10**5, "more than 32 levels"),
        ("[" * 10**5 + "]" * 10**5, "more than 32 levels"),
        ('{"a": ' * 33 + "1" + "}" * 33, "more than 32 levels"),
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "beyond"),
        ('{"a": 9007199254740993}', "beyond"),
        ('{"a": -1e999}', "no JSON number"),
        ("{'a': 1}", "not valid JSON"),
        ('{"a": 1} {}', "not valid JSON"),
    ],
)
def test_json_is_read_strictly(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse(text, "config.json")


def test_thirty_two_levels_are_read() -> None:
    assert parse("[" * 32 + "]" * 32, "x") == json.loads("[" * 32 + "]" * 32)


def test_many_keys_are_read_in_a_moment() -> None:
    keys = [f'"{i}":1' for i in range(60_000)]
    started = time.monotonic()
    with pytest.raises(ConfigError, match="'59999' is there twice"):
        parse("{" + ",".join([*keys, '"59999":1']) + "}", "x")
    assert time.monotonic() - started < 5


def test_what_is_larger_than_a_megabyte_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(" " * (LARGEST + 1))
    with pytest.raises(ConfigError, match="larger than 1,000,000 bytes"):
        read_config(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x80abc"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path)


def test_a_folder_without_a_config_says_how_one_gets_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config.json is missing.*model.save"):
        read_config(tmp_path)


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        for key in path[:-1]:
            config = config[key]
        config[path[-1]] = to

    return change


def _drop(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        for key in path[:-1]:
            config = config[key]
        del config[path[-1]]

    return change


PINNED = {"repo": "x/y", "commit": "a" * 40, "file": "model.safetensors", "sha256": "b" * 64}
INSIDE = {"kind": "decoder", "name": "zoo-basics:mlp", "format": 1, "version": "0.1.0", "params": {}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_set("format", to=2), "has format 2.*reads up to 1.*pip install -U zoo-core"),
        (_set("format", to=True), "format"),
        (_set("format", to="1"), "format should be of type int"),
        (_set("format", to=0), "no format 0"),
        (_set("format", to=-1), "no format -1"),
        (_drop("parts"), "parts is missing"),
        (_drop("training"), "training is missing"),
        (_set("part", to={}), "unknown key 'part'; did you mean \"parts\""),
        (_set("parts", to=[]), "parts should be of type dict"),
        (_set("image_shape", to=[1, 8]), "channels, height, width"),
        (_set("image_shape", to=[1, 8, 0]), "channels, height, width"),
        (_set("image_shape", to=[1, 8, True]), "channels, height, width"),
        (_set("image_shape", to=[1, 8, 1e9]), "channels, height, width"),
        (_set("labels", to={}), "type is missing"),
        (_set("labels", to={"type": "names"}), "none, classes, attributes"),
        (_set("labels", to={"type": "classes", "names": [1, {}]}), "list of names"),
        (_set("parts", "encoder", to=3), "parts.encoder: should be a table"),
        (_set("parts", "encoder", "path", to="/etc/passwd"), "unknown key 'path'"),
        (_set("parts", "encoder", "trainable", to=1), "trainable should be of type bool"),
        (_set("parts", "encoder", "weights", to="default"), "weights should be of type dict"),
        (_set("parts", "encoder", "weights", to={"repo": "x/y"}), "weights should have repo, commit, file and sha256"),
        (
            _set("parts", "encoder", "weights", to={**PINNED, "commit": "main"}),
            "commit should be 40 hex digits, got 'main'",
        ),
        (_set("parts", "encoder", "weights", to={**PINNED, "sha256": ""}), "sha256 should be 64 hex digits"),
        (_set("parts", "encoder", "weights", to={**PINNED, "file": 3}), "each a string"),
        (
            _set("parts", "encoder", "params", "net", to={**INSIDE, "kind": "dataset"}),
            "encoder.net is of kind 'dataset'",
        ),
        (
            _set("parts", "encoder", "params", "net", to={**INSIDE, "format": "1"}),
            "encoder.net: format should be of type int",
        ),
        (
            _set("objectives", "elbo", "params", "net", to={**INSIDE, "params": []}),
            "elbo.net: params should be of type dict",
        ),
        (_set("parts", "encoder", "kind", to="dataset"), "of kind 'dataset'.*holds only encoder, decoder"),
        (_set("parts", "encoder", "kind", to="metric"), "of kind 'metric'"),
        (_set("parts", "encoder", "kind", to="sampler"), "of kind 'sampler'"),
        (_set("parts", "a.b", to={}), "nothing can be called 'a.b'"),
        (_set("parts", "", to={}), "nothing can be called ''"),
        (_set("objectives", "../x", to={}), "nothing can be called"),
        (_set("objectives", "elbo", "kind", to="objective"), "unknown key 'kind'"),
    ],
)
def test_a_config_of_another_shape_is_refused_with_the_key(
    config: dict[str, Any], change: Callable[[dict[str, Any]], None], says: str
) -> None:
    hostile = json.loads(json.dumps(config))
    change(hostile)
    with pytest.raises(ConfigError, match=says):
        check_config(hostile)


def test_a_config_is_a_table() -> None:
    with pytest.raises(ConfigError, match="should be a table"):
        check_config([])


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (_set("parts", "encoder", "name", to="os:system"), UnknownName, "no encoder"),
        (_set("parts", "encoder", "name", to="zoo_basics.encoders.mlp:MLPEncoder"), UnknownName, "MLPEncoder"),
        (_set("parts", "encoder", "name", to="zoo-basics:mpl"), UnknownName, "mlp"),
        (_set("parts", "encoder", "params", "hiden", to=[3]), ZooError, "hidden"),
        (_set("parts", "encoder", "params", "hidden", to="wide"), ZooError, "list of integers"),
        (_set("parts", "encoder", "params", "hidden", to=[float("inf")]), ZooError, "list of integers"),
        (
            _set("parts", "encoder", "format", to=99),
            ConfigError,
            "saved by zoo-basics .* in format 99.*pip install -U zoo-basics",
        ),
        (_set("parts", "encoder", "weights", to=PINNED), ConfigError, "takes no weights of its own"),
        (_set("sampler", to="nobody"), UnknownName, "no sampler"),
        (_set("objectives", "elbo", "name", to="elbow"), UnknownName, "elbo"),
        (_set("training", "epochs", to="many"), ZooError, "training.epochs"),
        (_set("training", "exec", to="rm"), ZooError, "training.exec"),
        (_set("training", "turns", to=[{"losses": 3}]), ZooError, "training.turns"),
        (_set("training", "players", to={"x": {"trains": 3}}), ZooError, "training.players"),
    ],
)
def test_a_config_that_names_what_is_not_there_is_refused(
    config: dict[str, Any], change: Callable[[dict[str, Any]], None], error: type[Exception], says: str
) -> None:
    hostile = json.loads(json.dumps(config))
    change(hostile)
    with pytest.raises(error, match=says):
        zoo.build(hostile)


def test_text_from_a_config_reaches_no_terminal_raw(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as told:
        check_config({**config, "\x1b[2J" + "x" * 5000: 1})
    assert "\x1b" not in str(told.value) and len(str(told.value)) < 600
