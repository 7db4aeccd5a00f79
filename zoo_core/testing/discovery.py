"""Checks of a plugin as a whole: what discovery costs, and whether all that it names is there."""

from __future__ import annotations

import os
import subprocess
import sys

from zoo_core.testing.results import CheckFailed
from zoo_core.testing.subject import PluginSubject, Subject

HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "tensorflow",
    "jax",
    "sklearn",
    "scipy",
    "pandas",
    "matplotlib",
    "transformers",
)
_DISCOVER = """
import sys
from importlib.metadata import EntryPoint
from zoo_core.registry.loading import load_plugins
status, = load_plugins([EntryPoint(name=sys.argv[1], value=sys.argv[2], group="zoo_core")]).statuses
print(status.error or "")
print(" ".join(name for name in sys.argv[3].split(",") if name in sys.modules))
"""


def check_loads(subject: PluginSubject) -> None:
    """The plugin is found and its hooks run: no error in its entry module, no unknown hook, no malformed registration."""
    if subject.status.error is not None:
        raise CheckFailed("the plugin to load", found=subject.status.error)


def check_registers_something(subject: PluginSubject) -> None:
    """The plugin registers at least one component, or a catalogue."""
    from zoo_core.registry.loading import loaded_plugins

    catalogues = {name for name, _ in loaded_plugins().catalogues}
    if subject.status.error is None and not subject.status.components and subject.name not in catalogues:
        raise CheckFailed(
            "at least one component",
            found="none",
            do='call register("encoder", "mine", "zoo_mine.encoder:Mine", summary="…")',
        )


def check_discovery_imports_no_torch(subject: PluginSubject) -> None:
    """In a new process, finding the plugin and its components' names imports no torch and nothing else that is heavy."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for variable in ("ZOO_PLUGINS", "ZOO_BLOCK_PLUGINS"):
        environment.pop(variable, None)
    done = subprocess.run(
        [sys.executable, "-c", _DISCOVER, subject.name, subject.module, ",".join(HEAVY)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise CheckFailed(
            "the plugin to load in a new process", found=(done.stderr.strip().splitlines() or ["no reason"])[-1]
        )
    error, heavy, *_ = [*done.stdout.splitlines(), "", ""]
    if error:
        raise CheckFailed("the plugin to load in a new process", found=error)
    if heavy:
        raise CheckFailed(
            "discovery without heavy imports",
            found=f"{heavy} imported",
            do='register components as text ("zoo_mine.encoder:Mine"), and import torch in the modules behind it only',
        )


def check_class_is_there(subject: Subject) -> None:
    """The registered target can be imported, and is a complete class of its kind."""
    subject.entry.load()
