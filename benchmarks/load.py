"""How fast and how large a load is: ours, mapped and copied, beside safetensors' and torch's own.

The same weights of about 500 MB, in one process, interleaved, medians of several rounds; each way's peak memory in a process of its own.
A mapped file is read when it is used, so the time until the call returns says little (ours builds a model in it, load_file does
next to nothing). Told too: the time until every number was read once, from the page cache and, the file dropped from it before, from disk.

    python benchmarks/load.py
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import load_file

import zoo_core as zoo

WAYS: dict[str, Callable[[Path], Any]] = {
    "zoo.load, mapped": lambda folder: zoo.load(folder, mmap=True),
    "zoo.load, copied": lambda folder: zoo.load(folder, mmap=False),
    "safetensors.torch.load_file": lambda folder: load_file(folder / "model.safetensors"),
    "torch.load(mmap=True)": lambda folder: torch.load(folder / "model.pt", mmap=True, weights_only=True),
    "torch.load": lambda folder: torch.load(folder / "model.pt", weights_only=True),
}
"""The last two read a pickled copy, made for the comparison and deleted with it."""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--width", type=int, default=7_500, help="of the hidden layers; 7,500 makes about 500 MB")
    parser.add_argument("--peak", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak:
        return peak(*args.peak)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        hidden = {"encoder.hidden": [args.width, args.width], "decoder.hidden": [args.width, args.width]}
        model = zoo.build("vae-mlp", **hidden)
        model.save(folder)
        torch.save(model.published_state(), folder / "model.pt")
        del model
        size = (folder / "model.safetensors").stat().st_size
        opened: dict[str, list[float]] = {way: [] for way in WAYS}
        used: dict[str, list[float]] = {way: [] for way in WAYS}
        cold: dict[str, list[float]] = {way: [] for way in WAYS}
        for load in WAYS.values():
            read(tensors_of(load(folder)))  # from here on its code is imported and its file in the page cache
        for _ in range(args.rounds):
            for way, load in WAYS.items():
                gc.collect()
                started = time.perf_counter()
                loaded = load(folder)
                opened[way].append(time.perf_counter() - started)
                tensors = tensors_of(loaded)
                started = time.perf_counter()
                read(tensors)
                used[way].append(opened[way][-1] + time.perf_counter() - started)
                del loaded, tensors
        # Not between the rounds above: how a file came into the page cache decides how fast it is read from there.
        for _ in range(args.rounds):
            for way, load in WAYS.items():
                gc.collect()
                drop_from_page_cache(folder)
                started = time.perf_counter()
                read(tensors_of(load(folder)))
                cold[way].append(time.perf_counter() - started)
        plain = "safetensors.torch.load_file"
        print(
            f"{size / 1e6:.0f} MB, median of {args.rounds}; peak memory above that after imports, over the file's size\n"
        )
        print(f"{'way':28} {'returns':>9} {'all read':>9} {'ratio':>6} {'from disk':>10} {'ratio':>6} {'peak':>6}")
        for way in WAYS:
            command = [sys.executable, __file__, "--peak", way, str(folder)]
            above = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            warm, disk = median(used[way]), median(cold[way])
            print(
                f"{way:28} {median(opened[way]):8.4f}s {warm:8.4f}s {warm / median(used[plain]):6.2f} "
                f"{disk:9.3f}s {disk / median(cold[plain]):6.2f} {above / size:6.2f}"
            )
    return 0


def tensors_of(loaded: Any) -> list[torch.Tensor]:
    """What was loaded; looking for them in a model is no part of what is timed warm."""
    return [*loaded.parameters(), *loaded.buffers()] if isinstance(loaded, zoo.Model) else list(loaded.values())


def read(tensors: list[torch.Tensor]) -> None:
    """Touch every number once, without a copy."""
    with torch.no_grad():
        for tensor in tensors:
            tensor.sum()


def drop_from_page_cache(folder: Path) -> None:
    """Ask the system to forget the files' content, so that it comes from disk again."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def peak_bytes() -> int:
    """The peak of this process; getrusage's would count its parent's."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def peak(way: str, folder: str) -> int:
    """Print by how many bytes a load, with every tensor read once, raises the peak."""
    tiny = zoo.build("vae-mlp", **{"encoder.hidden": [8], "decoder.hidden": [8]})
    with tempfile.TemporaryDirectory() as temporary:
        tiny.save(temporary)
        zoo.load(temporary)
    before = peak_bytes()
    loaded = WAYS[way](Path(folder))
    read(tensors_of(loaded))
    print(peak_bytes() - before)
    return 0


if __name__ == "__main__":
    sys.exit(main())
