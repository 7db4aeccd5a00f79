"""Names: the kinds of components, what a component may be called, and the entry that a name stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from zoo_core.errors import PluginFailed, UnknownName, did_you_mean, shown
from zoo_core.registry.guarded import described, guarded

INTERFACES = (
    ("encoder", "Encoder"),
    ("decoder", "Decoder"),
    ("feature-extractor", "FeatureExtractor"),
    ("objective", "Objective"),
    ("sampler", "Sampler"),
    ("prior", "Prior"),
    ("head", "Head"),
    ("network", "Part"),
    ("attack", "Attack"),
    ("dataset", "Dataset"),
    ("metric", "Metric"),
    ("plot", "Plot"),
)
"""Each kind and the class in ``zoo_core.interfaces`` that its components inherit from."""

KINDS = tuple(kind for kind, _ in INTERFACES)

GRAMMAR = "a name is lower-case letters, digits, dots, dashes and underscores, and starts with a letter or digit"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_ARCHITECTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def is_name(text: str) -> bool:
    """Whether ``text`` may be the short name of a component, a recipe or a plugin."""
    return _NAME.fullmatch(text) is not None


def is_family(text: str) -> bool:
    """Whether ``text`` may be the name of a family: a short name and a slash."""
    return text.endswith("/") and is_name(text[:-1])


def is_target(text: str) -> bool:
    """Whether ``text`` has the form ``package.module:Class``."""
    return _TARGET.fullmatch(text) is not None


def check_kind(kind: str) -> None:
    """Refuse what is no kind.

    Raises:
        UnknownName: with the kinds there are.
    """
    if kind not in KINDS:
        raise UnknownName(
            f'there is no kind "{shown(kind)}"',
            hint=f"{(near + ' ') if (near := did_you_mean(kind, KINDS)) else ''}kinds are {', '.join(KINDS)}",
            name=kind,
        )


@dataclass(frozen=True)
class ComponentName:
    """A component's name, taken apart.

    Arguments:
        plugin: its owner, where the name says so.
        name: the short name; a family's ends in ``/``.
        architecture: for a member of a family, what stands after the slash.
    """

    plugin: str | None
    name: str
    architecture: str | None

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> ComponentName:
        """``name``, ``family/architecture``, or either with ``plugin:`` before it.

        Raises:
            UnknownName: ``text`` has none of these forms.
        """
        owner, colon, local = text.rpartition(":")
        head, slash, architecture = local.partition("/")
        if (
            (colon and not is_name(owner))
            or not is_name(head)
            or (architecture and not _ARCHITECTURE.fullmatch(architecture))
        ):
            raise UnknownName(f'"{shown(text)}" cannot be the name of a component', hint=GRAMMAR, name=text)
        if slash and not architecture:
            raise UnknownName(
                f'"{shown(text)}" is a family, not a component',
                hint=f"add an architecture: {text}NAME; they are listed by: zoo info {text} --json",
                name=text,
            )
        return cls(owner if colon else None, head + slash, architecture or None)


@dataclass(frozen=True)
class Entry:
    """A registered component.

    Arguments:
        kind: what it is, one of :data:`KINDS`.
        name: its short name; a family's ends in ``/``.
        plugin: name of the plugin that registered it.
        version: that plugin's version.
        target: ``package.module:Class``.
        summary: one line.
        paper: authors and year, or empty.
        family: whether ``name`` stands for many components, ``name`` + architecture.
    """

    kind: str
    name: str
    plugin: str
    version: str
    target: str
    summary: str
    paper: str
    family: bool

    @property
    def qualified(self) -> str:
        """``plugin:name``, which is unambiguous."""
        return f"{self.plugin}:{self.name}"

    def load(self) -> type[Any]:
        """The class, imported at the first call.

        Raises:
            PluginFailed: it cannot be imported, or is not what its kind promises.
        KeyboardInterrupt: the user pressed Ctrl-C meanwhile.
        """
        return self._class

    @cached_property
    def _class(self) -> type[Any]:
        from importlib import import_module

        module, _, attribute = self.target.partition(":")
        try:
            with guarded(self.plugin, f"importing {module}", in_use=True):
                found = getattr(import_module(module), attribute)
        except Exception as error:
            raise self._failed(f"could not be imported: {described(error)}") from error
        expected = getattr(import_module("zoo_core.interfaces"), dict(INTERFACES)[self.kind])
        if not isinstance(found, type) or not issubclass(found, expected):
            what = f"class {found.__name__}" if isinstance(found, type) else f"object of type {type(found).__name__}"
            raise self._failed(f"should be a subclass of zoo_core.interfaces.{expected.__name__}, is a {what}")
        abstract = sorted(getattr(found, "__abstractmethods__", ()))
        if abstract:
            raise self._failed(f"does not define {', '.join(abstract)}")
        if self.family and not callable(getattr(found, "architectures", None)):
            raise self._failed("is a family and needs a class method architectures() -> list[str]")
        return found

    def _failed(self, reason: str) -> PluginFailed:
        return PluginFailed(
            f'plugin "{self.plugin}": {self.kind} "{self.name}" ({self.target}) {reason}',
            plugin=self.plugin,
            component=self.name,
            reason=reason,
        )
