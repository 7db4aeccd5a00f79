"""A plugin-based zoo of generative models: parts mixed by name, trained, measured and shared as safetensors.

>>> import zoo_core as zoo
>>> model = zoo.build("vae", data="digits", encoder="mlp")
>>> run = zoo.train(model, data="digits", epochs=5, out="runs/vae")
>>> zoo.load("runs/vae").sample(64)

Nothing heavy is imported before it is used: ``import zoo_core`` takes milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo_core import compat
from zoo_core.version import VERSION as __version__

if TYPE_CHECKING:
    from zoo_core.building.builder import build as build
    from zoo_core.data import open_dataset as open_dataset
    from zoo_core.errors import ZooError as ZooError
    from zoo_core.evaluation.metrics import evaluate as evaluate
    from zoo_core.evaluation.plots import plot as plot
    from zoo_core.model import Model as Model
    from zoo_core.publishing.inspect import inspect as inspect
    from zoo_core.publishing.push import push as push
    from zoo_core.registry.listing import list_components as list_components
    from zoo_core.registry.listing import list_models as list_models
    from zoo_core.registry.listing import list_weights as list_weights
    from zoo_core.saving import load as load
    from zoo_core.training import Run as Run
    from zoo_core.training import rounds as rounds
    from zoo_core.training import train as train

compat.install()

_WHERE = {
    "Model": "zoo_core.model",
    "Run": "zoo_core.training",
    "ZooError": "zoo_core.errors",
    "build": "zoo_core.building.builder",
    "evaluate": "zoo_core.evaluation.metrics",
    "inspect": "zoo_core.publishing.inspect",
    "list_components": "zoo_core.registry.listing",
    "list_models": "zoo_core.registry.listing",
    "list_weights": "zoo_core.registry.listing",
    "load": "zoo_core.saving",
    "open_dataset": "zoo_core.data",
    "plot": "zoo_core.evaluation.plots",
    "push": "zoo_core.publishing.push",
    "rounds": "zoo_core.training",
    "train": "zoo_core.training",
}

__all__ = [
    "Model",
    "Run",
    "ZooError",
    "__version__",
    "build",
    "evaluate",
    "inspect",
    "list_components",
    "list_models",
    "list_weights",
    "load",
    "open_dataset",
    "plot",
    "push",
    "rounds",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return __all__
