"""A new plugin's files: templates filled in, then written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Template

from zoo_core.authoring.kinds import Authored, authored
from zoo_core.authoring.names import PluginNames, check_names
from zoo_core.errors import RunError, SettingError, shown
from zoo_core.version import VERSION

LICENCES = {"apache-2.0": "Apache-2.0", "mit": "MIT"}
"""What ``--licence`` takes, and its SPDX identifier."""

_CATALOGUE_HOOK = '''

@hookimpl
def register_catalogue() -> Traversable:
    """The recipes of this package."""
    return files(__name__) / "registry.toml"
'''
_CATALOGUE_IMPORTS = """
from importlib.resources import files
from importlib.resources.abc import Traversable
"""


def new_plugin(
    name: str,
    kinds: Sequence[str],
    *,
    out: str | Path | None = None,
    author: str = "",
    licence: str = "apache-2.0",
) -> Path:
    """Write a package with one working component of each kind, ready to be installed, tested and changed.

    Arguments:
        name: of the plugin and its distribution, as in ``zoo-mine``; its components are called ``mine``.
        kinds: of :data:`zoo_core.authoring.kinds.KINDS`; one that is there twice counts once.
        out: the folder to write; None is ``name``, here.
        author: who holds the rights; empty is "the authors of NAME".
        licence: a key of :data:`LICENCES`.

    Returns:
        The folder.

    Raises:
        SettingError: a name, kind, author or licence that cannot be one.
        NameConflict: the name is taken.
        RunError: the folder is there and not empty, or cannot be written.
    """
    chosen = [_known(kind) for kind in dict.fromkeys(kinds)]
    if not chosen:
        raise SettingError("a plugin needs a component", hint="for instance kinds=['encoder']")
    if licence not in LICENCES:
        raise SettingError(f'no licence "{shown(licence)}" to write', hint=f"there are {', '.join(LICENCES)}")
    if not author.isprintable() or len(author) > 100:
        raise SettingError("the author should be one line of up to 100 characters")
    names = check_names(name, [one.kind for one in chosen], recipe=any(one.recipe for one in chosen))
    folder = Path(name if out is None else out)
    content = rendered(names, chosen, author=author.strip() or f"the authors of {name}", licence=licence)
    return _written(folder, content)


def rendered(names: PluginNames, kinds: Sequence[Authored], *, author: str, licence: str) -> dict[str, str]:
    """Path in the package to text, for every file."""
    recipes = _recipes(names, kinds)
    uses = [one.use.format(name=names.component) for one in kinds]
    values = {
        "name": names.plugin,
        "package": names.package,
        "component": names.component,
        "prefix": names.prefix,
        "kinds": _listed([one.kind.replace("-", " ") for one in kinds]),
        "spdx": LICENCES[licence],
        # A JSON string is a TOML string too.
        "author": json.dumps(author, ensure_ascii=False),
        "holder": author,
        "year": str(date.today().year),
        "core_versions": _compatible(VERSION),
        "registrations": "\n".join(_registration(names, one) for one in kinds),
        "catalogue_imports": _CATALOGUE_IMPORTS if recipes else "",
        "catalogue_hook": _CATALOGUE_HOOK if recipes else "",
        "recipes": recipes,
        "uses": "\n".join(uses),
        "build": kinds[0].build.format(name=names.component),
        "publish": _publishing(names, recipes, licence),
        "files": "\n".join(_described(names, one) for one in kinds),
    }
    content = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "LICENSE": f"LICENSE-{licence}",
        ".gitignore": "gitignore",
        ".github/workflows/test.yml": "workflow.yml",
        f"{names.package}/__init__.py": "entry.py",
        "tests/test_conformance.py": "conformance.py",
    }
    if recipes:
        content[f"{names.package}/registry.toml"] = "registry.toml"
    for one in kinds:
        content[f"{names.package}/{one.module}.py"] = f"{one.kind}/component.py"
        content[f"tests/test_{one.module}.py"] = f"{one.kind}/behaviour.py"
    texts = {path: _filled(template, values) for path, template in content.items()}
    return {**texts, f"{names.package}/py.typed": ""}


def _known(kind: str) -> Authored:
    from zoo_core.authoring.kinds import KINDS
    from zoo_core.errors import did_you_mean

    if kind not in KINDS:
        raise SettingError(
            f'no template for a component of kind "{shown(kind)}"',
            hint=did_you_mean(kind, KINDS) or f"there is one for {', '.join(KINDS)}",
        )
    return authored(kind)


def _filled(template: str, values: Mapping[str, str]) -> str:
    text = (files("zoo_core.authoring") / "template" / f"{template}.tmpl").read_text("utf-8")
    return Template(text).substitute(values).rstrip("\n") + "\n"


def _registration(names: PluginNames, one: Authored) -> str:
    target = f"{names.package}.{one.module}:{names.prefix}{one.noun}"
    lines = [
        f'"{one.kind}",',
        f'"{names.component}",',
        f'"{target}",',
        f'summary="{one.summary}",',
        *([f'paper="{one.paper}",'] if one.paper else []),
    ]
    return "\n".join(["    register(", *(f"        {line}" for line in lines), "    )"])


def _recipes(names: PluginNames, kinds: Sequence[Authored]) -> str:
    """Tables of a recipe for each model that one of the kinds changes; a second model's is called NAME-MODEL."""
    texts: list[str] = []
    for like in dict.fromkeys(one.like for one in kinds if one.recipe):
        with_it = [one for one in kinds if one.recipe and one.like == like]
        recipe = names.component if not texts else f"{names.component}-{like}"
        own = _listed([one.kind.replace("-", " ") for one in with_it]).lower()
        summary = f"{like} with the {own} of {names.plugin}"
        lines = [one.recipe.format(name=names.component, recipe=recipe) for one in with_it]
        keys = "".join(text for text in lines if not text.startswith("["))
        tables = "".join(f"\n{text}" for text in lines if text.startswith("["))
        texts.append(f'\n[recipes.{recipe}]\nlike = "{like}"\nsummary = "{summary}"\n{keys}{tables}')
    return "".join(texts)


def _publishing(names: PluginNames, recipes: str, licence: str) -> str:
    run = f"runs/{names.component}"
    trained = names.component if recipes else "vae"
    return f"zoo train {trained} --data digits --out {run}\nzoo push {run} org/name --license {licence}"


def _described(names: PluginNames, one: Authored) -> str:
    return (
        f"| `{names.package}/{one.module}.py` | the {one.kind.replace('-', ' ')}: {one.summary} |\n"
        f"| `tests/test_{one.module}.py` | what it promises beyond the kit |"
    )


def _listed(words: Sequence[str]) -> str:
    """``["encoder", "objective"]`` as "Encoder and objective"."""
    text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return text[0].upper() + text[1:]


def _compatible(version: str) -> str:
    """Versions that keep the promises of ``version``: of 0.1.3 those from 0.1 up to 0.2."""
    major, minor = version.split(".")[:2]
    after = f"0.{int(minor) + 1}" if major == "0" else str(int(major) + 1)
    return f">={major}.{minor},<{after}"


def _written(folder: Path, content: Mapping[str, str]) -> Path:
    """``folder``, its ``~`` put in full, with ``content`` in it."""
    try:
        folder = folder.expanduser()
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{shown(folder)} is there and not empty", hint="choose another folder with --out")
        for path, text in content.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8", newline="\n")
    except (OSError, RuntimeError) as error:  # a RuntimeError: there is no such home folder
        raise RunError(
            f"{shown(folder)} cannot be written: {shown(getattr(error, 'strerror', None) or error)}",
            hint="choose another folder with --out",
        ) from None
    return folder
