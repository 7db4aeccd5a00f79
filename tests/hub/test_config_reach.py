"""A config from a stranger reaches nothing: whatever stands in whichever of its fields, no file outside the model's folder is opened and
no repository is asked for anything that the config does not list, pinned."""

from __future__ import annotations

import copy
import itertools
import json
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.errors import HubError, WeightsError, ZooError
from zoo_core.registry.catalogue import catalogue

from .small_models import small

RECIPES = sorted(catalogue().recipes)
PROJECT = Path(zoo.__file__).parent.parent
PYTHON = (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *filter(None, sys.path))
OURS = (str(PROJECT), *PYTHON, "/proc/", "/sys/", "/dev/")
"""Code, and what torch reads of the machine."""

NETS = ("net", "denoiser")
"""Settings that name a component inside another."""


class Opened:
    """Every file that is opened while it is active."""

    def __init__(self) -> None:
        self.active = False
        self.paths: list[str] = []
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.active and event == "open" and isinstance(arguments[0], str | bytes):
            self.paths.append(os.path.abspath(os.fsdecode(arguments[0])))

    @contextmanager
    def watched(self) -> Iterator[None]:
        self.paths, self.active = [], True
        try:
            yield
        finally:
            self.active = False

    def outside(self, *folders: Path) -> list[str]:
        """Those that lie neither in ``folders`` nor among what Python itself reads."""
        allowed = (*OURS, *map(str, folders))
        return [path for path in self.paths if not path.startswith(allowed) and ".dist-info/" not in path]


OPENED = Opened()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON tree where something can be put: in place of each value, and as a new key ``weights`` of each table."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
        yield (*path, "weights")
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def put(config: dict[str, Any], path: tuple[Any, ...], bait: Any) -> dict[str, Any]:
    changed: Any = copy.deepcopy(config)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = bait
    result: dict[str, Any] = changed
    return result


def baits(secret: Path, endpoint: str) -> list[Any]:
    """What names a file or a repository, in every form that something in the zoo takes."""
    digest = "0" * 64
    pinned = {"repo": "evil/tracker", "commit": "a" * 40, "file": "model.safetensors", "sha256": digest}
    inside = {"kind": "feature-extractor", "name": "zoo-features:cifar-resnet20", "format": 1, "version": "0"}
    return [
        "hf:evil/tracker",
        str(secret),
        {"name": "zoo-features:cifar-resnet20", "weights": "hf:evil/tracker"},
        "zoo-features:vgg11",
        {**pinned, "commit": "main"},
        {"name": "zoo-features:cifar-resnet20", "weights": str(secret)},
        pinned,
        f"{endpoint}/evil/tracker",
        {**inside, "params": {"weights": "hf:evil/tracker"}},
        "evil/tracker",
        {**inside, "params": {}, "weights": pinned},
        "timm/resnet18",
        {**inside, "name": "zoo-features:vgg19", "params": {}},
        f"file://{secret}",
        {"name": "zoo-features:vgg16", "weights": pinned},
        os.path.relpath(secret),
        {"package": "zoo-features", "file": f"../../../../../../../../{secret}", "sha256": digest},
        f"folder:{secret.parent}",
    ]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the user's, elsewhere than the model."""
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "secret.safetensors"
    path.write_text("not yours")
    return path


def reach(client: SimpleNamespace, folder: Path, secret: Path, changed: dict[str, Any]) -> None:
    """Look at the model and load it, with and without second repositories; nothing unlisted may be reached."""
    (folder / "config.json").write_text(json.dumps(changed))
    client.hub.clear()
    with OPENED.watched():
        with suppress(ZooError):
            zoo.inspect(folder)
        with suppress(ZooError):
            zoo.load(folder, allow_external=False)
        with suppress(ZooError):
            zoo.build(json.loads((folder / "config.json").read_text())) if "repo" not in json.dumps(changed) else None
    assert not client.hub.requests, [request.path for request in client.hub.requests]
    assert not OPENED.outside(folder), OPENED.outside(folder)
    listed: tuple[Any, ...] = ()
    with OPENED.watched():
        with suppress(ZooError):
            listed = zoo.inspect(folder).externals
        with suppress(ZooError):
            zoo.load(folder)
    asked = {request.path for request in client.hub.requests}
    assert not asked or any(one.repo == "evil/tracker" and one.commit == "a" * 40 for one in listed), asked
    ours = (folder, client.home, folder.parent / "hub")  # the Hub's server runs in this process
    assert not OPENED.outside(*ours), OPENED.outside(*ours)


@pytest.mark.parametrize("recipe", [*RECIPES, "toy-nest", "score-head"])
@pytest.mark.parametrize("thorough", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["sample", "all"])
def test_no_field_of_a_config_reaches_a_file_or_a_repository(
    recipe: str, thorough: bool, client: SimpleNamespace, secret: Path, tmp_path: Path, toys: None
) -> None:
    """Whatever names a component inside another gets each of the baits, a third of the other places one of them, in turn; all places get
    each of them in the slow test."""
    folder = made(recipe).save(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    every = baits(secret, client.hub.endpoint)
    turns = itertools.cycle(every)
    first = RECIPES.index(recipe) if recipe in RECIPES else 0
    for number, place in enumerate(places(config), first):
        inside = place[-1] in NETS or (place[-1] == "weights" and place[-2:-1] and place[-2] in NETS)
        some = every if thorough or inside else [next(turns)] if number % 3 == 0 else []
        for bait in some:
            try:
                reach(client, folder, secret, put(config, place, bait))
            except AssertionError as error:
                error.add_note(f"{place} = {bait!r}")
                raise


def made(recipe: str) -> zoo.Model:
    """The recipe, or a GAN whose discriminator has a net inside."""
    if recipe in RECIPES:
        return small(recipe)
    net = {"name": "cifar-resnet20", "weights": None}
    discriminator = {"name": recipe, "net": net, **({"features": 8} if recipe == "score-head" else {})}
    return zoo.build("gan", image_shape=(3, 32, 32), objective="hinge", width=8, discriminator=discriminator)


# ------------------------------------------------------------------------------------------------ the judge sees what it should


def test_a_file_that_is_opened_and_a_repository_that_is_asked_are_seen(
    client: SimpleNamespace, secret: Path, tmp_path: Path
) -> None:
    with OPENED.watched():
        secret.read_text()
    assert OPENED.outside(tmp_path / "model") == [str(secret)]
    with OPENED.watched(), pytest.raises(WeightsError):
        zoo.build("discreg-vae", classifier={"name": "cifar-resnet20", "weights": str(secret)})
    assert str(secret) in OPENED.outside(tmp_path / "model"), "a path that the user gives is opened"
    with pytest.raises(WeightsError):
        zoo.build("discreg-vae", classifier={"name": "cifar-resnet20", "weights": "hf:evil/tracker"})
    assert any("evil/tracker" in request.path for request in client.hub.requests), (
        "a repository that the user names is asked"
    )


def test_a_listed_repository_is_asked_only_where_that_is_allowed(
    client: SimpleNamespace, secret: Path, tmp_path: Path
) -> None:
    folder = small("discreg-vae").save(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["parts"]["classifier"] |= {"weights": baits(secret, "")[6], "trainable": False}
    (folder / "config.json").write_text(json.dumps(config))
    assert [(one.part, one.repo) for one in zoo.inspect(folder).externals] == [("classifier", "evil/tracker")]
    with pytest.raises(HubError, match="a second repository; load it with allow_external=True"):
        zoo.load(folder, allow_external=False)
    assert not client.hub.requests
    with pytest.raises(WeightsError, match="evil/tracker"):
        zoo.load(folder)
    assert any("evil/tracker" in request.path for request in client.hub.requests)


def test_a_component_that_asks_for_more_than_is_listed_gets_nothing(
    client: SimpleNamespace, secret: Path, tmp_path: Path, toys: None
) -> None:
    """A plugin's code may ask for what it likes; a config cannot make it."""
    folder = made("toy-nest").save(tmp_path / "model")
    for asked in ("hf:evil/tracker", str(secret)):
        config = json.loads((folder / "config.json").read_text())
        config["parts"]["discriminator"]["params"]["inside"] = asked
        (folder / "config.json").write_text(json.dumps(config))
        with OPENED.watched(), pytest.raises(ZooError, match=r"does not list as a second repository|cannot name files"):
            zoo.load(folder)
        assert not client.hub.requests and not OPENED.outside(folder)


def test_published_weights_of_a_part_that_is_taken_from_a_folder_are_announced(
    client: SimpleNamespace, secret: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = small("discreg-vae").save(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["parts"]["classifier"] |= {"weights": baits(secret, "")[6], "trainable": False}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError):
        zoo.build("discreg-vae", image_shape=tuple(config["image_shape"]), classifier=folder)
    assert "takes its weights from evil/tracker@aaaaaaa" in caplog.text


def test_a_part_taken_from_a_strangers_folder_reaches_no_more_than_the_model_would(
    client: SimpleNamespace, secret: Path, tmp_path: Path, toys: None
) -> None:
    folder = made("toy-nest").save(tmp_path / "model")
    sound = (folder / "config.json").read_text()
    for bait in ("hf:evil/tracker", str(secret)):
        config = json.loads(sound)
        config["parts"]["discriminator"]["params"]["net"]["weights"] = bait
        (folder / "config.json").write_text(json.dumps(config))
        with OPENED.watched():
            zoo.build("gan", image_shape=(3, 32, 32), objective="hinge", width=8, discriminator=folder)
        assert not client.hub.requests and not OPENED.outside(folder)


def test_by_hand_a_net_inside_may_have_weights(toys: None) -> None:
    nest: Callable[..., Any] = lambda **net: build_part(  # noqa: E731
        "feature-extractor", {"name": "toy-nest", "net": {"name": "cifar-resnet20", **net}}, image_shape=(3, 32, 32)
    )
    with pytest.raises(WeightsError, match="there is no file"):
        nest(weights="nowhere.safetensors")
    assert nest(weights=None).layers == ("score",)
