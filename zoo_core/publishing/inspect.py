"""Looking at a saved model without its weights: what it is, what it needs, how large it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo_core.errors import HubError, shown
from zoo_core.hub.external import External, externals
from zoo_core.hub.reference import Target, parse_reference
from zoo_core.hub.requirements import Requirement, requirements
from zoo_core.storage.config import entries, parse, read_config, read_small
from zoo_core.tensors.reader import DTYPES, LARGEST_INDEX, TensorInfo, open_weights, read_index
from zoo_core.tensors.writer import INDEX, WEIGHTS


@dataclass(frozen=True)
class Inspection:
    """What a saved model is.

    Arguments:
        label: its name, with the commit for one of the Hub.
        recipe, image_shape, labels, modality: as its config says.
        vocabulary: how many tokens it knows.
        parts, objectives: slot to component; one inside another stands under ``SLOT.SETTING``.
        parameters: how many numbers are saved.
        dtypes: dtype to how many tensors; of the first shard, where there are several.
        size_bytes: of the weights' files.
        licence: identifier, or empty where none is named.
        plugins: what it needs, and whether that is installed.
        externals: weights that it takes from second repositories.
        verified: whether every file was read and held against its hash.
    """

    label: str
    recipe: str
    image_shape: tuple[int, ...]
    labels: str
    parts: Mapping[str, str]
    objectives: Mapping[str, str]
    parameters: int
    dtypes: Mapping[str, int]
    size_bytes: int
    licence: str
    plugins: tuple[Requirement, ...]
    externals: tuple[External, ...]
    commit: str = ""
    verified: bool = False
    files: Mapping[str, int] = field(default_factory=dict)
    modality: str = "image"
    vocabulary: int = 0

    @property
    def missing(self) -> tuple[Requirement, ...]:
        """Plugins that it needs and that are not here."""
        return tuple(one for one in self.plugins if one.installed is None)

    def as_table(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def inspect(reference: str | Path, *, revision: str | None = None, verify: bool = False) -> Inspection:
    """What the model ``reference`` is. From the Hub come only its config and the header of its weights.

    Arguments:
        reference, revision: see :func:`zoo_core.load`.
        verify: fetch and read everything: each file against the Hub's hash or the catalogue's, the weights against the config.

    Raises:
        UnknownName, HubError, ConfigError, WeightsError: there is none, or what is there is damaged.
    """
    target = parse_reference(reference, revision=revision)
    if target.here is not None:
        name, licence = (str(reference), "") if target.entry is None else (target.entry.name, target.entry.licence)
        found = _folder(target.here, name, licence)
    else:
        found = _repository(target)
    return _verified(target, found) if verify else found


def _verified(target: Target, found: Inspection) -> Inspection:
    from zoo_core.hub.download import check_cached, check_pinned, fetch
    from zoo_core.saving import verify_folder

    folder = target.here
    if folder is None:
        repo, _ = target.origin
        check_cached(repo, found.commit)  # what is fetched now is held against its hash then
        folder = fetch(repo, found.commit).folder
    if target.entry is not None:
        check_pinned(folder, target.entry.files, target.entry.name)
    verify_folder(folder)
    return replace(found, verified=True)


def _folder(folder: Path, label: str, licence: str = "", commit: str = "") -> Inspection:
    saved = open_weights(folder)
    files = {file: (folder / file).stat().st_size for file in saved.files}
    from zoo_core.publishing.card import CARD_FILE, card_licence

    licence = licence or card_licence(folder / CARD_FILE)
    return _described(label, read_config(folder), saved.tensors, files, licence, commit)


def _repository(target: Target) -> Inspection:
    from zoo_core.hub.client import api, reachable, translate_hub_errors, unreachable
    from zoo_core.hub.download import CONFIG, fetch_file, in_cache, list_files, resolve

    repo, revision = target.origin
    commit = resolve(repo, revision)
    if not reachable():
        folder = in_cache(repo, commit)
        if folder is None:
            raise unreachable(f"{repo}@{revision}" if revision else repo, "fetch")
        return _folder(folder, f"{repo}@{commit[:7]}", target.entry.licence if target.entry is not None else "", commit)
    listed = list_files(repo, commit)
    sizes = {file.path: file.size for file in listed}
    config = read_config(fetch_file(repo, CONFIG, commit, listed=listed)[0].parent)
    with translate_hub_errors(repo, revision):
        card = api().model_info(repo, revision=commit).card_data
    index: Path | None = None
    if WEIGHTS in sizes:
        names = [WEIGHTS]
    elif INDEX in sizes:
        index, _ = fetch_file(repo, INDEX, commit, listed=listed)
        names = sorted(set(read_index(index).values()))
    else:
        raise HubError(f"{shown(repo)} has no weights as safetensors")
    with translate_hub_errors(repo, revision):
        header = api().parse_safetensors_file_metadata(repo, names[0], revision=commit)
    tensors = {name: TensorInfo(DTYPES.get(t.dtype), tuple(t.shape), names[0]) for name, t in header.tensors.items()}
    files = {name: sizes.get(name, 0) for name in names}
    found = _described(
        f"{repo}@{commit[:7]}", config, tensors, files, str((card.get("license") if card else "") or ""), commit
    )
    if index is None or len(names) == 1:
        return found
    return replace(found, parameters=_indexed_parameters(index, files))


def _indexed_parameters(index: Path, files: Mapping[str, int]) -> int:
    """As the index says, which we write there; without it, as if every number took four bytes."""
    table = parse(read_small(index, LARGEST_INDEX), str(index))
    metadata = table.get("metadata")
    said = metadata.get("total_parameters") if isinstance(metadata, dict) else None
    return said if isinstance(said, int) and said >= 0 else sum(files.values()) // 4


def _described(
    label: str,
    config: Mapping[str, Any],
    tensors: Mapping[str, TensorInfo],
    files: Mapping[str, int],
    licence: str,
    commit: str = "",
) -> Inspection:
    found = list(entries(config))
    return Inspection(
        label,
        config["recipe"],
        tuple(config["image_shape"]),
        config["labels"]["type"],
        {place: entry["name"] for place, entry in found if not place.startswith("objective.")},
        {place.removeprefix("objective."): entry["name"] for place, entry in found if place.startswith("objective.")},
        sum(info.count for info in tensors.values()),
        dict(Counter(str(info.dtype).removeprefix("torch.") for info in tensors.values())),
        sum(files.values()),
        shown(licence, 60),
        tuple(requirements(config)),
        tuple(externals(config)),
        commit,
        files=files,
        modality=config.get("modality", "image"),
        vocabulary=len(config.get("vocabulary", ())),
    )
