"""What is attacked: small real models, saved once."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from huggingface_hub import constants
from hypothesis.strategies import SearchStrategy

import zoo_core as zoo
from zoo_core.registry.components import registry
from zoo_core.registry.parameter import parameters

from .budget import LONG, Attack
from .budget import attack as try_all
from .watch import Watch

TINY: dict[str, Any] = {"image_shape": (1, 8, 8), "latent_dim": 4}


@dataclass(frozen=True)
class Victim:
    """A saved model.

    Arguments:
        sound: where it lies whole.
        folder: a copy, to be damaged.
    """

    sound: Path
    folder: Path

    def put(self, name: str, content: bytes | str) -> None:
        """Write a file of the copy."""
        (self.folder / name).write_bytes(
            content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        )

    def restore(self) -> None:
        """Make the copy whole again."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.sound, self.folder)


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything of these tests lies."""
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="session")
def _watch(ground: Path) -> Watch:
    (ground / "secret").write_text("not yours")
    # Before the clock runs. torch imports its compiler, for seconds, when weights are first drawn without memory for them.
    ours = ("zoo_core.saving", "zoo_core.hub.download", "zoo_core.publishing.inspect")
    for module in (*ours, "huggingface_hub.hf_api", "torch._dynamo"):
        import_module(module)
    for entry in registry().entries():
        if LONG or not entry.family:
            parameters(entry.load())  # Python evaluates a class's annotations when they are first asked for
    return Watch(ground, ground / "secret")


@pytest.fixture(scope="module", autouse=True)
def offline(ground: Path) -> Iterator[None]:
    """No network, an empty cache, and modules to be taken for import paths."""
    with pytest.MonkeyPatch.context() as patch:
        (ground / "cache").mkdir(exist_ok=True)
        (ground / "hostile_bait.py").write_text("run = print\n")
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        patch.setattr(constants, "HF_HUB_CACHE", str(ground / "cache"))
        patch.setattr(sys, "path", [*sys.path, str(ground)])
        yield


@pytest.fixture(scope="session")
def sound(ground: Path) -> Callable[[str], Path]:
    """The model called so: ``vae``, ``discreg`` or ``classifier``; saved when it is first asked for."""

    def saved(name: str) -> Path:
        folder = ground / "sound" / name
        if not folder.is_dir():
            _made(name).save(folder)
            zoo.load(folder)
            zoo.inspect(folder)
        return folder

    return saved


def _made(name: str) -> zoo.Model:
    if name == "vae":
        return zoo.build(
            "vae-mlp", **TINY, **{"encoder.hidden": [6], "encoder.batch_norm": True, "decoder.hidden": [5]}
        )
    if name == "discreg":
        narrow = {"encoder.width": 2, "decoder.width": 2}
        return zoo.build("discreg-vae", **TINY, classifier={"name": "digit-classifier", "layers": ["conv1"]}, **narrow)
    labels = zoo.interfaces.Labels("classes", ("a", "b"))
    small = {"classifier.width": 2, "classifier.hidden": 3}
    return zoo.build("classifier", image_shape=(1, 8, 8), labels=labels, **small)


@pytest.fixture
def victim(ground: Path, sound: Callable[[str], Path]) -> Callable[[str], Victim]:
    """A whole copy of the model called so."""

    def copied(name: str) -> Victim:
        one = Victim(sound(name), ground / "damaged" / name)
        one.restore()
        return one

    return copied


@pytest.fixture
def watch(_watch: Watch) -> Watch:
    """The judge of each call."""
    return _watch


@pytest.fixture
def attack(record_property: Callable[[str, object], None]) -> Attack:
    """:func:`.budget.attack`; how many inputs there were, and how long they took, goes into the test's report."""

    def attacked(cases: int, inputs: SearchStrategy[Any], judged: Callable[[Any], None]) -> None:
        started = process_time()
        record_property("hostile inputs", try_all(cases, inputs, judged))
        record_property("hostile seconds", process_time() - started)

    return attacked


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many hostile inputs were tried."""
    sums: dict[str, float] = {}
    for report in [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]:
        for name, value in report.user_properties:
            if name.startswith("hostile "):
                sums[name] = sums.get(name, 0) + value
                if name == "hostile seconds" and terminalreporter.config.option.verbose > 0:
                    terminalreporter.write_line(f"{value:8.1f} s {report.nodeid}")
    if sums:
        terminalreporter.write_line(
            f"hostile inputs: {sums['hostile inputs']:,}, in {sums['hostile seconds']:.0f} s of processor time"
        )
