"""The catalogue: recipes and published weights, by name, from ``registry.toml`` files.

Read in this order: the core's own, each plugin's own, and the file that ``$ZOO_REGISTRY`` names. Only the last may replace what an
earlier one says. A plugin whose file is wrong loses that file and nothing else; the other two must be right.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.errors import CatalogueError, UnknownName, did_you_mean, shown
from zoo_core.registry.derived import SECTIONS, derived, without, without_mentions
from zoo_core.registry.guarded import guarded, guarding, reason
from zoo_core.registry.loading import loaded_plugins
from zoo_core.registry.names import GRAMMAR, KINDS, ComponentName, is_name
from zoo_core.registry.recipes import ObjectiveSpec, PartSpec, PublishedWeights, Recipe, Shared
from zoo_core.storage.config import DEEPEST, read_small

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FORMAT = 1
LARGEST = 10_000_000
_SLOT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_RESERVED = ("objective", "sampler", "image_size", "image_shape", "attributes", "training")
_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_LINE = re.compile(rf"\s*(?:\[\[?\s*(?P<table>{_KEY}(?:\s*\.\s*{_KEY})*)\s*\]|(?P<key>{_KEY}(?:\s*\.\s*{_KEY})*)\s*=)")

_TOP = {"format": int, "plugins": dict, "recipes": dict, "weights": dict}
_RECIPE = {
    "like": str,
    "drop": list,
    "summary": str,
    "paper": str,
    "image_shape": list,
    "sampler": (str, dict),
    "shared": dict,
    "parts": dict,
    "objectives": dict,
    "training": dict,
    "on": dict,
}
_SHARED = {"default": object, "sum_of": list, "follows": str, "sets": list, "help": str}
_PART = {"kind": str, "name": str, "params": dict, "trainable": bool}
_OBJECTIVE = {"name": str, "params": dict}
_WEIGHTS = {
    "recipe": str,
    "repo": str,
    "revision": str,
    "commit": str,
    "licence": str,
    "summary": str,
    "path": str,
    "files": dict,
}
_TYPES = {
    int: "a whole number",
    dict: "a table",
    str: "a text",
    list: "a list",
    bool: "true or false",
    (str, dict): "a name or a table with a name",
}


@dataclass(frozen=True)
class Catalogue:
    """What all sources say together.

    Arguments:
        plugins: plugins that may not be installed, name to pip requirement.
        problems: plugin name to what is wrong with its own file.
        official: the plugins that the core's own file names.
    """

    recipes: Mapping[str, Recipe]
    weights: Mapping[str, PublishedWeights]
    plugins: Mapping[str, str]
    problems: Mapping[str, str]
    official: frozenset[str] = frozenset()

    def recipe(self, name: str) -> Recipe:
        """The recipe called ``name``.

        Raises:
            UnknownName: there is none.
        """
        if name in self.recipes:
            return self.recipes[name]
        advice = [did_you_mean(name, self.recipes)]
        if (plugin := f"zoo-{name}") in self.plugins:
            advice.append(f"it may be in a plugin: pip install {self.plugins[plugin]}")
        advice += [
            f"the catalogue of plugin {plugin} is left out: {problem}" for plugin, problem in self.problems.items()
        ]
        raise UnknownName(
            f'there is no recipe "{shown(name)}"',
            hint="; ".join(filter(None, [*advice, "see all with: zoo list"])),
            name=name,
        )


@cache
def catalogue() -> Catalogue:
    """The catalogue of this process, read at the first call.

    Raises:
        CatalogueError: the core's file or that of ``$ZOO_REGISTRY`` cannot be read, or says something wrong.
    """
    extra = os.environ.get("ZOO_REGISTRY")
    return read_catalogue(core_source(), loaded_plugins().catalogues, Path(extra).expanduser() if extra else None)


def core_source() -> Traversable:
    """The core's ``registry.toml``: in a source tree the one beside the package (an installed copy there may be stale), else the
    packaged one."""
    root = Path(__file__).parents[2]
    if (root / "registry.toml").is_file() and (root / "pyproject.toml").is_file():
        return root / "registry.toml"
    from importlib.resources import files

    return files("zoo_core") / "registry.toml"


def read_catalogue(
    core: Traversable, plugins: Iterable[tuple[str, Traversable]] = (), extra: Path | None = None
) -> Catalogue:
    """The catalogue of these files; see :func:`catalogue`."""
    raw: dict[str, dict[str, Any]] = {}
    found = Catalogue({}, {}, {}, {})
    found, raw = _Source(core, "zoo-core").added_to(found, raw)
    official = frozenset(found.plugins)
    problems = {}
    with guarding():
        for plugin, path in plugins:
            try:
                found, raw = _plugins_source(path, plugin).added_to(found, raw)
            except CatalogueError as error:
                problems[plugin] = str(error)
    if extra is not None:
        found, raw = _Source(extra, str(extra), replaces=True).added_to(found, raw)
    return Catalogue(found.recipes, found.weights, found.plugins, problems, official)


def _plugins_source(path: Traversable, plugin: str) -> _Source:
    """A plugin's file; its path may be an object of the plugin's own."""
    try:
        with guarded(plugin, "reading its catalogue"):
            return _Source(path, plugin)
    except CatalogueError:
        raise
    except Exception as error:
        raise CatalogueError(f"its catalogue cannot be read: {reason(error)}", plugin=plugin) from error


class _Source:
    """One file, its text kept for the line numbers in messages."""

    def __init__(self, path: Traversable, label: str, *, replaces: bool = False) -> None:
        self.path, self.label, self.replaces = path, label, replaces
        try:
            self.text = read_small(path, LARGEST) if isinstance(path, Path) else path.read_text("utf-8")
        except (OSError, ValueError) as error:
            raise CatalogueError(
                f"{shown(path, 300)}: cannot be read: {shown(error, 300)}", file=str(path), key="", line=0
            ) from None
        try:
            self.top = tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:  # TOMLDecodeError, or a number with too many digits
            at = re.search(r"at line (\d+)", str(error))
            line = int(at[1]) if at else self.text.count("\n") + 1
            raise CatalogueError(
                f"{shown(path, 300)}, line {line}: not valid TOML: {shown(error)}", file=str(path), key="", line=line
            ) from None

        self.check_bounds()

    def check_bounds(self) -> None:
        """Refuse what Python's reader lets through: whole numbers beyond 64 bits, and tables in tables without end."""
        left: list[tuple[tuple[str, ...], Any]] = [((), self.top)]
        while left:
            key, value = left.pop()
            if len(key) > DEEPEST:
                raise self.wrong(key[:DEEPEST], f"is nested more than {DEEPEST} levels deep")
            if isinstance(value, int) and value.bit_length() > 64:
                raise self.wrong(key, "is beyond 64 bits")
            if isinstance(value, dict):
                left += [((*key, name), inner) for name, inner in value.items()]
            elif isinstance(value, list):
                left += [((*key, ""), inner) for inner in value]

    def added_to(
        self, before: Catalogue, raw: Mapping[str, dict[str, Any]]
    ) -> tuple[Catalogue, dict[str, dict[str, Any]]]:
        """``before`` with what this file says, and the recipes' tables for later files to be ``like``."""
        self.check((), self.top, _TOP, required=("format",))
        if self.top["format"] != FORMAT:
            raise self.wrong(
                ("format",),
                f"should be {FORMAT}, is {shown(repr(self.top['format']), 30)}",
                "a newer zoo_core may read it",
            )
        own = self.top.get("recipes", {})
        for name in own:
            self.new(("recipes", name), before.recipes[name].source if name in before.recipes else None)
            self.check(("recipes", name), own[name], _RECIPE)
        tables = {**raw, **{name: self.completed(name, own, raw, ()) for name in own}}
        recipes = {name: self.recipe(name, tables[name]) for name in own}
        weights = {name: self.weights(name, table, before) for name, table in self.top.get("weights", {}).items()}
        plugins = self.top.get("plugins", {})
        for name, requirement in plugins.items():
            self.check(("plugins",), {name: requirement}, {name: str})
            if before.plugins.get(name, requirement) != requirement and not self.replaces:
                raise self.wrong(("plugins", name), f'is "{shown(before.plugins[name])}" already')
        return Catalogue(
            {**before.recipes, **recipes}, {**before.weights, **weights}, {**before.plugins, **plugins}, {}
        ), tables

    def new(self, key: tuple[str, ...], taken_by: str | None) -> None:
        if not is_name(key[-1]):
            raise self.wrong(key, GRAMMAR)
        if taken_by is not None and not self.replaces:
            raise self.wrong(
                key, f"this name is taken by {shown(taken_by)}", "only the file of $ZOO_REGISTRY may replace it"
            )

    def completed(
        self, name: str, own: Mapping[str, Any], raw: Mapping[str, dict[str, Any]], below: tuple[str, ...]
    ) -> dict[str, Any]:
        """The table of a recipe with what it takes over from the one it is ``like``; its own name means the one that it replaces."""
        table = own[name]
        if "like" not in table:
            if "drop" in table:
                raise self.wrong(("recipes", name, "drop"), "is for a recipe that is like another", 'add like = "NAME"')
            return dict(table)
        model, key = table["like"], ("recipes", name, "like")
        if model in (*below, name) and model not in raw:
            raise self.wrong(key, f"goes round in a circle: {shown(' → '.join([*below, name, model]), 300)}")
        if model in own and model != name:
            base = self.completed(model, own, raw, (*below, name))
        elif model in raw:
            base = raw[model]
        else:
            raise self.wrong(key, f'there is no recipe "{shown(model)}" to be like', did_you_mean(model, {*raw, *own}))
        return derived(self.less(name, base, table), {k: v for k, v in table.items() if k not in ("like", "drop")})

    def less(self, name: str, base: Mapping[str, Any], table: Mapping[str, Any]) -> Mapping[str, Any]:
        """``base`` without what the recipe ``name`` drops, and without what it says about parts and objectives that then are gone."""
        key = ("recipes", name, "drop")
        gone: dict[str, list[str]] = {section: [] for section in SECTIONS}
        for one in table.get("drop", ()):
            if not isinstance(one, str) or re.fullmatch(rf"{_KEY}(\.{_KEY})*", one) is None:
                raise self.wrong(
                    key, f"should hold keys, holds {shown(repr(one))}", 'write drop = ["parts.critic", "shared.width"]'
                )
            path = [re.sub(r"""^["']|["']$""", "", found) for found in re.findall(_KEY, one)]
            try:
                base = without(base, path)
            except KeyError as error:
                raise self.wrong(
                    key, f'"{shown(table["like"])}" has no {shown(one)}', _near(base, path, error.args[0])
                ) from None
            if len(path) == 2 and path[0] in gone and path[1] not in table.get(path[0], {}):
                gone[path[0]].append(path[1])
        return without_mentions(base, gone["parts"], gone["objectives"]) if any(gone.values()) else base

    def recipe(self, name: str, table: Mapping[str, Any]) -> Recipe:
        key = ("recipes", name)
        self.check(key, table, _RECIPE, required=("summary", "image_shape", "parts"))
        shape = table["image_shape"]
        if len(shape) != 3 or not all(type(n) is int and 1 <= n <= 4096 for n in shape):
            raise self.wrong((*key, "image_shape"), f"should be [channels, height, width], is {shown(shape)}")
        parts = {slot: self.part((*key, "parts", slot), spec) for slot, spec in table["parts"].items()}
        objectives = {
            slot: self.objective((*key, "objectives", slot), spec) for slot, spec in table.get("objectives", {}).items()
        }
        targets = [*parts, *(f"objective.{slot}" for slot in objectives)]
        shared = {
            one: self.shared((*key, "shared", one), spec, targets) for one, spec in table.get("shared", {}).items()
        }
        for one, summed in shared.items():
            for addend in summed.sum_of:
                if addend not in shared or type(shared[addend].default) is not int:
                    raise self.wrong(
                        (*key, "shared", one, "sum_of"),
                        f"{shown(repr(addend))} is no shared parameter with a whole number",
                    )
        on = {}
        for data, settings in table.get("on", {}).items():
            self.check((*key, "on"), {data: settings}, {data: dict})
            on[data] = _flat(self.plain((*key, "on", data), settings))
        training = self.plain((*key, "training"), dict(table.get("training", {})))
        sampler, sampler_params = self.sampler((*key, "sampler"), table.get("sampler", ""))
        return Recipe(
            name,
            table["summary"],
            table.get("paper", ""),
            (shape[0], shape[1], shape[2]),
            sampler,
            shared,
            parts,
            objectives,
            training,
            on,
            self.label,
            sampler_params,
        )

    def sampler(self, key: tuple[str, ...], spec: str | Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """A sampler's name, and its parameters, which stand beside the name in a table."""
        if isinstance(spec, str):
            return (self.component(key, spec) if spec else ""), {}
        self.check(key, {"name": spec.get("name", "")}, {"name": str})
        if not spec.get("name"):
            raise self.wrong(key, "has no name", 'write sampler = { name = "PLUGIN:NAME", … }')
        params = self.plain(key, {one: value for one, value in spec.items() if one != "name"})
        return self.component((*key, "name"), spec["name"]), params

    def part(self, key: tuple[str, ...], spec: Any) -> PartSpec:
        self.check(key, spec, _PART, required=("kind", "name"))
        if _SLOT.fullmatch(key[-1]) is None or key[-1] in _RESERVED:
            raise self.wrong(key, "a part cannot be called this")
        if spec["kind"] not in KINDS:
            raise self.wrong(
                (*key, "kind"),
                f'no such kind "{shown(spec["kind"])}"',
                did_you_mean(spec["kind"], KINDS) or f"kinds are {', '.join(KINDS)}",
            )
        params = self.plain((*key, "params"), spec.get("params", {}))
        return PartSpec(spec["kind"], self.component((*key, "name"), spec["name"]), params, spec.get("trainable", True))

    def objective(self, key: tuple[str, ...], spec: Any) -> ObjectiveSpec:
        self.check(key, spec, _OBJECTIVE)
        if _SLOT.fullmatch(key[-1]) is None:
            raise self.wrong(key, "an objective cannot be called this")
        params = self.plain((*key, "params"), spec.get("params", {}))
        return ObjectiveSpec(self.component((*key, "name"), spec.get("name", key[-1])), params)

    def shared(self, key: tuple[str, ...], spec: Any, targets: list[str]) -> Shared:
        self.check(key, spec, _SHARED, required=("sets",))
        if ("default" in spec) == ("sum_of" in spec):
            raise self.wrong(key, "needs a default or a sum_of, and not both")
        if _SLOT.fullmatch(key[-1]) is None or key[-1] in (*_RESERVED, *targets):
            raise self.wrong(key, "a shared parameter cannot be called this")
        for target in spec["sets"]:
            holder, dot, _ = target.rpartition(".") if isinstance(target, str) else ("", "", "")
            if not dot or holder not in targets:
                raise self.wrong(
                    (*key, "sets"),
                    f"{shown(repr(target))} is not PART.PARAMETER or objective.NAME.PARAMETER of this recipe",
                    did_you_mean(holder, targets) or f"it has {', '.join(targets)}",
                )
        default = self.plain((*key, "default"), spec["default"]) if "default" in spec else None
        follows = spec.get("follows", "")
        if follows not in ("", "classes", "labels") or (follows and type(default) is not int):
            raise self.wrong(
                (*key, "follows"), 'should be "classes" or "labels", beside a default that is a whole number'
            )
        return Shared(default, tuple(spec["sets"]), spec.get("help", ""), tuple(spec.get("sum_of", ())), follows)

    def weights(self, name: str, table: Any, before: Catalogue) -> PublishedWeights:
        key = ("weights", name)
        self.new(key, before.weights[name].source if name in before.weights else None)
        self.check(key, table, _WEIGHTS, required=("recipe",))
        commit = table.get("commit", "")
        if commit and re.fullmatch("[0-9a-f]{40}", commit) is None:
            raise self.wrong((*key, "commit"), f'should be 40 hex digits, is "{shown(commit)}"')
        if ("repo" in table) == ("path" in table):
            raise self.wrong(key, "needs a repo or a path, and not both")
        if "repo" in table and not commit and not table.get("revision"):
            raise self.wrong(key, "needs a revision or a commit")
        files = table.get("files", {})
        for file, digest in files.items():
            if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", file) is None:
                raise self.wrong((*key, "files"), f'no file can be called "{shown(file)}"')
            if not isinstance(digest, str) or re.fullmatch("[0-9a-f]{64}", digest) is None:
                raise self.wrong((*key, "files"), f"{file} should have a sha256, 64 hex digits, has {shown(digest)}")
        texts = {one: table.get(one, "") for one in _WEIGHTS if one not in ("path", "files")}
        return PublishedWeights(
            name, **texts, source=self.label, folder=self.beside(key, table.get("path")), files=files
        )

    def beside(self, key: tuple[str, ...], path: str | None) -> Path | None:
        """A folder named relative to this file."""
        if path is None:
            return None
        if Path(path).is_absolute() or ".." in Path(path).parts or not isinstance(self.path, Path):
            raise self.wrong((*key, "path"), "should be a folder beside or below this file")
        return self.path.parent / path

    def component(self, key: tuple[str, ...], name: str) -> str:
        try:
            ComponentName.parse(name)
        except UnknownName as error:
            raise self.wrong(key, error.what, error.hint) from None
        return name

    def check(self, key: tuple[str, ...], table: Any, known: Mapping[str, Any], required: tuple[str, ...] = ()) -> None:
        """Refuse what is no table, unknown and missing keys, and values of the wrong type."""
        if not isinstance(table, dict):
            raise self.wrong(key, "should be a table")
        for name, value in table.items():
            if name not in known:
                raise self.wrong(
                    (*key, name), "unknown key", did_you_mean(name, known) or f"known are {', '.join(known)}"
                )
            if not isinstance(value, known[name]) or (known[name] is int and isinstance(value, bool)):
                raise self.wrong((*key, name), f"should be {_TYPES[known[name]]}, is {shown(repr(value))}")
        missing = [name for name in required if name not in table]
        if missing:
            raise self.wrong(key, f"{' and '.join(missing)} missing")

    def plain(self, key: tuple[str, ...], value: Any) -> Any:
        """``value``, refused where JSON has nothing like it (dates, NaN)."""
        if isinstance(value, dict):
            return {name: self.plain((*key, name), inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.plain(key, inner) for inner in value]
        if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise self.wrong(
                key, f"should be a text, a finite number, true or false, a list or a table, is {shown(value)}"
            )
        return value

    def wrong(self, key: tuple[str, ...], what: str, hint: str = "") -> CatalogueError:
        line, dotted = self.line(key), ".".join(key)
        return CatalogueError(
            f"{shown(self.path, 300)}, line {line}: {shown(dotted, 200)}{': ' if dotted else ''}{what}",
            hint=hint,
            file=str(self.path),
            key=dotted,
            line=line,
        )

    def line(self, key: tuple[str, ...]) -> int:
        """The line where ``key`` is set, or else the nearest table around it; found by looking at the text, not by parsing."""
        table: tuple[str, ...] = ()
        best, best_line, in_text = 0, 1, False
        for number, line in enumerate(self.text.splitlines(), 1):
            found = None if in_text else _LINE.match(line)
            in_text ^= (line.count('"""') + line.count("'''")) % 2 == 1
            if found is None:
                continue
            names = tuple(
                re.sub(r"""^["']|["']$""", "", name) for name in re.findall(_KEY, found["table"] or found["key"])
            )
            if found["table"]:
                table = names
            here = names if found["table"] else (*table, *names)
            alike = next((i for i, (a, b) in enumerate(zip(here, key)) if a != b), min(len(here), len(key)))
            if alike > best and (alike == len(here) or alike == len(key)):
                best, best_line = alike, number
        return best_line


def _near(table: Any, path: Sequence[str], known: int) -> str:
    """What was meant by a ``path`` into ``table`` of which the first ``known`` names are there."""
    for name in path[:known]:
        table = table[name]
    there = list(table) if isinstance(table, dict) else []
    where = ".".join(path[:known]) or "it"
    return did_you_mean(path[known], there) or (f"{shown(where)} has {shown(', '.join(there), 300)}" if there else "")


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Settings with dotted keys. A table with a ``name`` is a component and stays whole, except in the training table."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        dotted = above + key
        if isinstance(value, dict) and ("name" not in value or dotted.startswith("training")):
            flat |= _flat(value, dotted + ".")
        else:
            flat[dotted] = value
    return flat
