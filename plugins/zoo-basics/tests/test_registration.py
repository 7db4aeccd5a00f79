"""What the plugin registers can be built, and registering imports no torch."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Any

import pytest
import zoo_basics

from zoo_core.interfaces import (
    Attack,
    Dataset,
    Decoder,
    Encoder,
    FeatureExtractor,
    Head,
    Metric,
    Objective,
    Plot,
    Prior,
    Sampler,
)

KINDS = {
    "encoder": Encoder,
    "decoder": Decoder,
    "feature-extractor": FeatureExtractor,
    "prior": Prior,
    "head": Head,
    "attack": Attack,
    "objective": Objective,
    "sampler": Sampler,
    "metric": Metric,
    "plot": Plot,
    "dataset": Dataset,
}


def registered() -> list[tuple[str, str, str, dict[str, Any]]]:
    found: list[tuple[str, str, str, dict[str, Any]]] = []

    def register(kind: str, name: str, target: str, **about: Any) -> None:
        found.append((kind, name, target, about))

    zoo_basics.register_components(register)
    return found


@pytest.mark.parametrize(
    ("kind", "name", "target", "about"), registered(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_name_leads_to_a_class_of_its_kind(kind: str, name: str, target: str, about: dict[str, Any]) -> None:
    module, cls = target.split(":")
    assert issubclass(getattr(importlib.import_module(module), cls), KINDS[kind])
    assert about["summary"]


def test_registering_imports_no_torch() -> None:
    code = "import sys, zoo_basics; zoo_basics.register_components(lambda *a, **k: None); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
