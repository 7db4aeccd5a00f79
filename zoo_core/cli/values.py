"""--set KEY=VALUE, and the arguments that several verbs share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from zoo_core.errors import SettingError, did_you_mean, shown


def add_settings(parser: argparse.ArgumentParser, example: str) -> None:
    """``--set``, repeatable."""
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"change a setting, e.g. {example}; VALUE is JSON, else a string; repeatable",
    )


def add_data(parser: argparse.ArgumentParser, help: str) -> None:
    """``--data`` and ``--data-root``."""
    parser.add_argument("--data", metavar="DATA", help=help)
    parser.add_argument("--data-root", metavar="DIR", help="where data sets lie (default: $ZOO_DATA)")


def add_device(parser: argparse.ArgumentParser) -> None:
    """``--device``."""
    parser.add_argument(
        "--device", metavar="DEVICE", help="cpu, cuda, cuda:1, mps … (default: the first accelerator, else cpu)"
    )


def parse_settings(texts: Sequence[str]) -> dict[str, Any]:
    """``["encoder.width=32", "encoder=resnet"]`` to ``{"encoder.width": 32, "encoder": "resnet"}``.

    Raises:
        SettingError: no ``=``, a key that is there twice, or a list or table that is not JSON.
    """
    settings: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise SettingError(f"--set {shown(text)!r} has no KEY=VALUE", hint="e.g. --set encoder.width=32")
        if key in settings:
            raise SettingError(f"--set {shown(key)} is there twice")
        try:
            settings[key] = json.loads(value)
        except (ValueError, RecursionError) as error:
            if value.startswith(("[", "{")):
                raise SettingError(
                    f"{shown(key)}: {shown(value)} begins like JSON and is not",
                    hint="texts in a list or table need double quotes, and the whole single ones for the shell: "
                    f"""--set '{shown(key)}=["a", "b"]'""",
                ) from error
            settings[key] = value
    return settings


def data_settings(texts: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The data set's settings among ``--set`` texts, ``data.KEY=VALUE`` without the prefix, and the other texts.

    Raises:
        SettingError: as :func:`parse_settings`.
    """
    of_data = [text for text in texts if text.startswith("data.")]
    settings = {key.removeprefix("data."): value for key, value in parse_settings(of_data).items()}
    return settings, [text for text in texts if not text.startswith("data.")]


def refuse_all_but_data(texts: Sequence[str]) -> None:
    """Refuse ``--set`` texts that are not of the data set, where nothing else has settings.

    Raises:
        SettingError: as :func:`parse_settings`; one that is not of the data set.
    """
    _, others = data_settings(texts)
    if others:
        raise SettingError(
            f"--set {shown(others[0])}: only the data set has settings here", hint="--set data.KEY=VALUE"
        )


def settings_by_name(
    names: Iterable[str], texts: Sequence[str], what: Literal["metric", "plot"]
) -> list[dict[str, Any]]:
    """A table with its ``name`` and its settings for each of ``names``, from ``NAME.KEY=VALUE`` texts.

    ``metric.KEY=VALUE`` sets KEY of every one of them that has such a setting; what is set by name goes before it.

    Arguments:
        what: what the names are of.

    Raises:
        SettingError: a key that is none of theirs.
    """
    tables: dict[str, dict[str, Any]] = {name: {"name": name} for name in names}
    for_all: dict[str, Any] = {}
    for key, value in parse_settings(texts).items():
        name, _, parameter = key.rpartition(".")
        if name == what and tables:
            for_all[parameter] = value
        elif name in tables:
            tables[name][parameter] = value
        else:
            raise SettingError(
                f"--set {shown(key)}: should be {what.upper()}.KEY with one of the {what}s asked for ({shown(', '.join(tables))}), "
                f"or {what}.KEY for all of them",
                hint=did_you_mean(name, [*tables, what]),
            )
    for parameter, value in for_all.items():
        for name in _having(parameter, tables, what):
            tables[name].setdefault(parameter, value)
    return list(tables.values())


def _having(parameter: str, names: Iterable[str], what: Literal["metric", "plot"]) -> list[str]:
    """Those of ``names`` that have a setting called ``parameter``.

    Raises:
        SettingError: none has.
    """
    from zoo_core.registry.components import registry
    from zoo_core.registry.parameter import parameters

    known = {name: list(parameters(registry().resolve(what, name).entry.load())) for name in names}
    found = [name for name, settings in known.items() if parameter in settings]
    if not found:
        own = sorted({setting for settings in known.values() for setting in settings})
        raise SettingError(
            f"--set {what}.{shown(parameter)}: none of the {what}s asked for ({shown(', '.join(known))}) has such a setting",
            hint=did_you_mean(parameter, own)
            or (f"they have {shown(', '.join(own), 300)}" if own else "they have none"),
        )
    return found


def whole(text: str) -> int:
    """An argparse type for seeds: a whole number from 0 to 2⁶³ − 1."""
    number = _integer(text)
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 2**63 - 1")
    return number


def count(text: str) -> int:
    """An argparse type: a whole number from 1 up."""
    number = _integer(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shown(text)!r} is no whole number") from None
