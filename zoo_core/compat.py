"""Names of before: plugins that were written for them go on working, and are told the new ones.

A module that has moved is found under its old name, a class or function that was renamed under its old one. Each use gives a
:class:`FutureWarning`, once, with what to write instead. Nothing of the zoo itself uses these names.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

MOVED: Mapping[str, str] = {
    "axes": "drawing.axes",
    "building": "building.builder",
    "catalogue": "registry.catalogue",
    "config": "storage.config",
    "derived": "registry.derived",
    "diverted": "registry.diverted",
    "entry_points": "registry.entry_points",
    "evaluation": "evaluation.metrics",
    "extractors": "building.extractors",
    "figures": "evaluation.results",
    "files": "storage.files",
    "float64": "devices.doubles",
    "given": "data.given",
    "guarded": "registry.guarded",
    "hooks": "registry.hooks",
    "hub.fetched": "hub.download",
    "hub.inspected": "publishing.inspect",
    "hub.located": "hub.reference",
    "hub.lock": "publishing.lock",
    "labels": "data.labels",
    "listing": "registry.listing",
    "lookers": "building.components",
    "migration": "building.migration",
    "names": "registry.names",
    "parameters": "registry.parameter",
    "pictures": "drawing.grids",
    "plan": "building.plan",
    "plotting": "evaluation.plots",
    "plugins": "registry.loading",
    "publishing.local_paths": "evaluation.public_names",
    "publishing.staged": "publishing.staging",
    "recipes": "registry.recipes",
    "registration": "registry.registration",
    "registry": "registry.components",
    "remedies": "building.suggestions",
    "saved_labels": "building.saved_labels",
    "saved_parts": "building.load_part",
    "seams": "building.compatibility",
    "tensors.bounded": "tensors.meta",
    "tensors.fitting": "tensors.assign",
    "tensors.opened": "tensors.reader",
    "tensors.written": "tensors.writer",
    "training.callbacks": "interfaces.callback",
    "training.processes": "devices.process",
}
"""Modules, below ``zoo_core``: where they were, and where they are."""

RENAMED: Mapping[str, Mapping[str, str]] = {
    "zoo_core.distributions": {"promote": "to_float32"},
    "zoo_core.errors": {"SeamError": "IncompatibleError"},
    "zoo_core.interfaces": {"Figure": "MetricResult"},
    "zoo_core.interfaces.metric": {"Figure": "MetricResult"},
}
"""What is called otherwise now, by module."""

MEMBERS: Mapping[str, str] = {
    "aside": "isolated",
    "asks": "needs_for",
    "at_rest": "evaluating",
    "looks_back": "retained_values",
    "outdate": "invalidate",
    "own_loss": "trained_by",
    "placed": "to_device",
}
"""Attributes and methods of a model, an objective or a step that are called otherwise now."""


def renamed(module: str) -> Callable[[str], Any]:
    """A ``__getattr__`` for ``module``: what was renamed there, by its old name; with what was in the module of the package's name
    before, where there was one."""

    def get(name: str) -> Any:
        if name in RENAMED.get(module, {}):
            new = RENAMED[module][name]
            _warn(f"{module}.{name}", f"{module}.{new}")
            return getattr(sys.modules[module], new)
        moved = MOVED.get(module.removeprefix("zoo_core."))
        if moved is not None and not name.startswith("_"):
            inside = importlib.import_module(f"zoo_core.{moved}")
            if hasattr(inside, name):
                _warn(f"{module}.{name}", f"zoo_core.{moved}.{name}")
                return getattr(inside, name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return get


def member(owner: object, name: str) -> Any:
    """The attribute that was called ``name``.

    Raises:
        AttributeError: nothing was.
    """
    if name not in MEMBERS or not hasattr(type(owner), MEMBERS[name]):
        raise AttributeError(f"{type(owner).__name__!r} object has no attribute {name!r}")
    _warn(f"{type(owner).__name__}.{name}", MEMBERS[name])
    return getattr(owner, MEMBERS[name])


def adopt_members(cls: type) -> None:
    """What a subclass defines under old names it has under the new ones too."""
    for old, new in MEMBERS.items():
        if old in vars(cls) and new not in vars(cls):
            _warn(f"{cls.__name__}.{old}", new)
            setattr(cls, new, vars(cls)[old])


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is called {new} now", FutureWarning, stacklevel=3)


class _Moved:
    """Finds modules under their old names; asked only for what is not there. A finder and a loader by what it has, as importlib.abc would
    be half of the time of ``import zoo_core``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        old = fullname.removeprefix("zoo_core.")
        return ModuleSpec(fullname, cast(Any, self)) if fullname != old and old in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        new = f"zoo_core.{MOVED[spec.name.removeprefix('zoo_core.')]}"
        warnings.warn(f"{spec.name} is {new} now", FutureWarning, stacklevel=2)
        return _Alias(spec.name, importlib.import_module(new))

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it is the new one."""


class _Alias(ModuleType):
    """A module under its old name."""

    def __init__(self, name: str, module: ModuleType) -> None:
        super().__init__(name, module.__doc__)
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> Any:
        module: ModuleType = self.__dict__["_module"]
        if not hasattr(module, name):
            name = RENAMED_IN_MOVED.get(name, name)
        return getattr(module, name)


RENAMED_IN_MOVED: Mapping[str, str] = {
    "Empty": "NoInit",
    "Making": "WeightInit",
    "Skeleton": "MetaInit",
    "add_figures": "add_results",
    "looker": "bind_component",
    "parse_figures": "parse_results",
    "read_figures": "read_results",
    "settle_lazy": "materialize_lazy",
}
"""What is called otherwise now in modules that have moved."""


def install() -> None:
    """Have Python find modules under their old names."""
    if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
        sys.meta_path.append(_Moved())
