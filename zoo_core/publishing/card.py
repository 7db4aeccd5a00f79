"""The model card: README.md, from a config, a run and figures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo_core.errors import SettingError, shown
from zoo_core.interfaces.metric import MetricResult
from zoo_core.publishing import sections
from zoo_core.publishing.facts import Facts
from zoo_core.publishing.front_matter import card_data
from zoo_core.publishing.licences import COMMON, OTHER, check_licence
from zoo_core.publishing.plugin_sections import plugin_sections
from zoo_core.storage.config import read_small

CARD_FILE = "README.md"
LARGEST = 1_000_000
"""Characters; a longer card is none that the Hub shows."""

MARK = "<!-- written by zoo-core from the model itself; a card without this line is left as it is -->"

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?", re.ASCII)
_SECTIONS = (
    sections.opening,
    sections.pictures,
    sections.usage,
    sections.figures,
    sections.parts,
    sections.objectives,
    sections.training,
    plugin_sections,
    sections.plugins,
    sections.limits,
    sections.citation,
    sections.licence,
)


def model_card(
    config: Mapping[str, Any],
    *,
    repo: str,
    licence: str,
    run: Mapping[str, Any] | None,
    figures: Sequence[MetricResult],
    pictures: Sequence[str],
    parameters: int,
    size_bytes: int,
    dtypes: Sequence[str],
) -> str:
    """The text of the README.md of a saved model.

    Values from config, run, figures and plugins are shown as literal text. Of data that a path stands for the card says
    ``own images``; no local path gets into it.

    Arguments:
        config: as :func:`zoo_core.storage.config.check_config` passes it.
        repo: what ``zoo.load`` is to be given: ``org/name``, or a catalogue name.
        licence: an identifier of :data:`zoo_core.publishing.licences.LICENCES`.
        run: what run.json says (:func:`zoo_core.training.run.read_run`), with ``rounds`` and ``seconds`` where they are
            known; None where there was no run.
        figures: what was measured; those that are not finite are told, and left out of ``model-index``.
        pictures: file names relative to the card (``pictures/samples.png``).
        parameters: how many numbers the weights hold.
        size_bytes: of the weights' files.
        dtypes: of the weights.

    Raises:
        SettingError: no such licence, or ``repo`` or a picture's name cannot be one.
    """
    from huggingface_hub import ModelCard

    if _REPO.fullmatch(repo) is None:
        raise SettingError(f"{shown(repr(repo))} cannot be the name of a repository", hint='as in "org/name"')
    licence = check_licence(licence)
    facts = Facts(config, repo, licence, run, figures, pictures, parameters, size_bytes, dtypes)
    body = "\n\n".join(filter(None, (section(facts) for section in _SECTIONS)))
    return str(ModelCard(f"---\n{card_data(facts).to_yaml()}\n---\n\n{body}\n\n{MARK}\n"))


def card_licence(path: Path) -> str:
    """The licence that the card at ``path`` names; empty where there is no card, or none that says it."""
    import yaml  # type: ignore[import-untyped]
    from huggingface_hub import ModelCard

    try:
        text = read_small(path, LARGEST)
        return str(ModelCard(text).data.get("license") or "") if text.lstrip().startswith("---") else ""
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError):
        return ""


def validate_card(text: str) -> None:
    """Refuse a card that the Hub, or a reader, could not tell the licence from.

    Raises:
        SettingError: its metadata are missing or cannot be read, or name no licence of the Hub's list; ``other`` needs
            ``license_name`` and ``license_link`` beside it.
    """
    import yaml  # type: ignore[import-untyped]
    from huggingface_hub import ModelCard

    hint = f"begin it with lines of ---, license: {COMMON[0]}, ---"
    if len(text) > LARGEST:
        raise SettingError(f"{CARD_FILE} is longer than {LARGEST:,} characters")
    if not text.lstrip().startswith("---"):
        raise SettingError(f"{CARD_FILE} has no metadata", hint=hint)
    try:
        data = ModelCard(text).data
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise SettingError(
            f"{CARD_FILE} has metadata that cannot be read: {shown(' '.join(str(error).split()), 300)}"
        ) from None
    licence = data.get("license")
    if not licence:
        raise SettingError(f"{CARD_FILE} names no licence", hint=hint)
    if not isinstance(licence, str):
        raise SettingError(f"{CARD_FILE} should name one licence, names {shown(licence)}", hint=hint)
    if licence.strip().lower() == OTHER:
        missing = [key for key in ("license_name", "license_link") if not isinstance(data.get(key), str)]
        if missing:
            raise SettingError(f'{CARD_FILE} has the licence "other" without {" and ".join(missing)}')
        return
    check_licence(licence)
