"""A Hub server for each test, and a client that knows no other: empty cache, no token, no waiting."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub.constants as constants
import pytest
from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

import zoo_core as zoo
from zoo_core.testing.hub import HubServer

TINY: dict[str, Any] = {"encoder.hidden": [6], "decoder.hidden": [5], "latent_dim": 3}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """A server that takes any token, and none."""
    with HubServer(tmp_path / "hub") as server:
        yield server


@pytest.fixture
def point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Path], None]]:
    """``point(endpoint, home)``: from now on the client of this process knows this Hub and this cache, as if it had been started
    with ``HF_ENDPOINT`` and ``HF_HOME``, which it reads at import only."""

    def to(endpoint: str, home: Path) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + template[template.index("/{repo_id}") :]
        )
        for name, path in {"HF_HOME": "", "HF_HUB_CACHE": "hub", "HF_ASSETS_CACHE": "assets", "HF_TOKEN_PATH": "token",
                           "HF_STORED_TOKENS_PATH": "stored_tokens", "AGENT_HARNESSES_PATH": "harnesses.json"}.items():  # fmt: skip
            monkeypatch.setattr(constants, name, str(home / path))

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("huggingface_hub.utils._detect_agent._registry", {"standardEnvVars": [], "harnesses": {}})
    disable_progress_bars()
    yield to
    enable_progress_bars()


@pytest.fixture
def client(hub: HubServer, point: Callable[[str, Path], None], tmp_path: Path) -> SimpleNamespace:
    """The client of this process, pointed at ``hub``: ``home``, ``cache`` and ``fresh()``, which empties the cache."""
    homes = iter(range(10**6))
    here = SimpleNamespace(hub=hub)

    def fresh() -> None:
        here.home = tmp_path / f"home-{next(homes)}"
        here.cache = here.home / "hub"
        point(hub.endpoint, here.home)

    here.fresh = fresh
    fresh()
    return here


@pytest.fixture
def fresh_process(hub: HubServer, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a Python script in a process of its own with an empty cache, ``tmp_path / "empty"``, that knows ``hub``."""

    def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING_FACE", "ZOO_"))}
        own = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "empty"), "HF_HUB_DISABLE_XET": "1"}
        return subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env={**inherited, "OMP_NUM_THREADS": "1", **own, **environment},
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def tiny() -> zoo.Model:
    """A VAE of a few hundred weights."""
    return zoo.build("vae-mlp", image_shape=(1, 8, 8), seed=5, **TINY)


@pytest.fixture
def folder(tiny: zoo.Model, tmp_path: Path) -> Path:
    """The same, saved, and measured."""
    from zoo_core.evaluation.results import add_results
    from zoo_core.interfaces import MetricResult

    tiny.save(tmp_path / "saved")
    add_results(tmp_path / "saved", [MetricResult("mse", 0.25, protocol={"data": "digits", "split": "test"})])
    return tmp_path / "saved"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """Run a command in this process: its exit code ``code``, what it printed, ``out`` and ``err``, and the ``line`` of its error."""
    from zoo_core.cli import main

    def run(*arguments: str | Path) -> SimpleNamespace:
        capsys.readouterr()
        with contextlib.suppress(SystemExit):
            code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        lines = [line for line in said.err.splitlines() if line.startswith("zoo:")]
        return SimpleNamespace(code=code, out=said.out, err=said.err, lines=lines, line=lines[-1] if lines else "")

    return run
