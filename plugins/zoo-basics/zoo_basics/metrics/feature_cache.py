"""What is known of real images through an extractor, kept on disk: nobody should wait for the same features twice."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

from safetensors import SafetensorError, safe_open
from torch import Tensor

from zoo_basics.metrics.extractor import ChosenExtractor
from zoo_core.errors import RunError
from zoo_core.storage import write_tensors
from zoo_core.tensors import tensor_digest

FORMAT = 1

_log = logging.getLogger("zoo_basics")


def cache_folder() -> Path:
    """``$ZOO_CACHE``, else ``zoo`` in ``$XDG_CACHE_HOME``, else ``~/.cache/zoo``: where huggingface_hub would put its own."""
    if own := os.environ.get("ZOO_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "zoo"


@final
class FeatureCache:
    """Tensors by what they were computed from: the images' content and number, and the extractor with its weights, layer and resizing.

    Each stands in a safetensors file of its own, written atomically; one that is damaged, or of something else, is computed
    again. A folder that cannot be written costs a warning, and nothing else.

    Arguments:
        images: sha256 of the images.
        enabled: False computes everything and writes nothing.
    """

    def __init__(self, extractor: ChosenExtractor, images: str, *, enabled: bool) -> None:
        self._enabled = enabled
        self._about = {
            "format": FORMAT,
            "images": images,
            "extractor": extractor.name,
            "version": extractor.version,
            "sha256": extractor.sha256,
            "layer": extractor.layer,
            "resize": extractor.resize,
            "device": extractor.device.type,
        }

    def get(self, what: str, compute: Callable[[], dict[str, Tensor]], **more: Any) -> dict[str, Tensor]:
        """The tensors called ``what`` (and told apart by ``more``), computed where they are not there."""
        if not self._enabled:
            return compute()
        key = json.dumps({**self._about, "what": what, **more}, sort_keys=True)
        path = cache_folder() / "features" / f"{hashlib.sha256(key.encode()).hexdigest()}.safetensors"
        found = _read(path, key)
        if found is None:
            found = compute()
            try:
                write_tensors(path, found, {"key": key, "sha256": tensor_digest(found)})
            except RunError as error:
                _log.warning("statistics of real images are not kept: %s (ZOO_CACHE says where)", error.what)
        return found


def _read(path: Path, key: str) -> dict[str, Tensor] | None:
    """What ``path`` holds, None where it is not there, damaged, or not of ``key``."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
    except (OSError, SafetensorError, ValueError):
        return None
    whole = about.get("key") == key and about.get("sha256") == tensor_digest(tensors)
    return tensors if whole else None
