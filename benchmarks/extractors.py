"""How many torchvision classifiers and timm models build as feature extractors, and whether they run.

    python benchmarks/extractors.py --run 60 --out benchmarks/results/extractors.json

Every name is built on the meta device (no values, random weights) with its stages as layers. ``--run N`` runs N of them, spread
evenly over both lists, forward and backward on the CPU: the gradient must reach the image, finite and not zero.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from zoo_features.timm_family import Timm
from zoo_features.torchvision_family import Torchvision

from zoo_core.errors import shown
from zoo_core.interfaces import FeatureExtractor

FAMILIES: dict[str, type[Timm] | type[Torchvision]] = {"torchvision": Torchvision, "timm": Timm}
IMAGE = (3, 64, 64)


def built(name: str, device: str) -> FeatureExtractor:
    """The extractor called ``family/architecture``, with random weights."""
    family, _, architecture = name.partition("/")
    torch.manual_seed(0)
    with torch.device(device):
        return FAMILIES[family](architecture=architecture, image_shape=IMAGE, weights=None)


def one_line(error: Exception) -> str:
    """The reason of a failure."""
    return f"{type(error).__name__}: {shown(str(error).splitlines()[0] if str(error) else '', 200)}"


def count_parameters(name: str) -> int | str:
    """Build a name on the meta device: how many parameters are kept, or why it cannot be built."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    try:
        return sum(p.numel() for p in built(name, "meta").parameters())
    except Exception as error:
        return one_line(error)


def build_all(names: list[str], pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Build every name on the meta device."""
    failed: dict[str, str] = {}
    parameters: dict[str, int] = {}
    start = time.perf_counter()
    for i, (name, outcome) in enumerate(zip(names, pool.map(count_parameters, names), strict=True)):
        if isinstance(outcome, int):
            parameters[name] = outcome
        else:
            failed[name] = outcome
            print(f"  {name}: {outcome}", flush=True)
        if i % 100 == 99:
            print(f"{i + 1} of {len(names)}, {len(failed)} failed, {time.perf_counter() - start:.0f} s", flush=True)
    return {
        "names": len(names),
        "built": len(parameters),
        "failed": failed,
        "seconds": round(time.perf_counter() - start, 1),
        "parameters": parameters,
    }


def run_one(name: str) -> str:
    """Forward and backward of two images; the empty text, or what is wrong."""
    extractor = built(name, "cpu").eval().requires_grad_(False)
    x = torch.rand(2, *IMAGE, requires_grad=True)
    activations = extractor(x)
    for layer, activation in zip(extractor.layers, activations, strict=True):
        if tuple(activation.shape[1:]) != extractor.shapes[layer]:
            return f"{layer} is {tuple(activation.shape[1:])}, its shape says {extractor.shapes[layer]}"
    # A random projection: the mean of a normalised map is constant, and its gradient zero.
    loss = sum((a * torch.randn_like(a)).mean() for a in activations)
    gradient = torch.autograd.grad(loss, x)[0]
    if not gradient.isfinite().all():
        return "the gradient is not finite"
    return "" if gradient.any() else "the gradient does not reach the image"


def run_some(families: dict[str, list[str]], count: int, parameters: dict[str, int], limit: int) -> dict[str, Any]:
    """Run ``count`` names, spread evenly over the lists; a net over ``limit`` parameters gives way to the next name."""
    names = [name for family in families.values() for name in family]
    ran: list[str] = []
    failed: dict[str, str] = {}
    skipped: list[str] = []
    start = time.perf_counter()
    for k in range(count):
        i = k * len(names) // count
        while names[i] in ran or names[i] not in parameters or parameters[names[i]] > limit:
            if parameters.get(names[i], 0) > limit:
                skipped.append(names[i])
            i = (i + 1) % len(names)
        ran.append(names[i])
        try:
            reason = run_one(names[i])
        except Exception as error:
            reason = one_line(error)
        if reason:
            failed[names[i]] = reason
        print(f"{k + 1} of {count}: {names[i]} {reason or 'ok'}, {time.perf_counter() - start:.0f} s", flush=True)
    return {
        "ran": ran,
        "failed": failed,
        "skipped_as_too_large": skipped,
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> int:
    """Build, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=int, default=0, metavar="N", help="how many to run on the CPU")
    parser.add_argument("--limit", type=int, default=100_000_000, help="parameters of the largest net to run")
    parser.add_argument("--jobs", type=int, default=2, help="processes that build")
    parser.add_argument("--only", choices=tuple(FAMILIES), help="one family")
    parser.add_argument("--match", default="", help="only names with this text")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result as JSON")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    families = {
        family: [f"{family}/{name}" for name in cls.architectures() if args.match in name]
        for family, cls in FAMILIES.items()
        if args.only in (None, family)
    }
    result: dict[str, Any] = {"torch": torch.__version__, "image_shape": IMAGE}
    parameters: dict[str, int] = {}
    with ProcessPoolExecutor(args.jobs) as pool:
        for family, names in families.items():
            result[family] = build_all(names, pool)
            parameters |= result[family].pop("parameters")
    if args.run:
        result["run"] = run_some(families, args.run, parameters, args.limit)
    for family in families:
        print(
            f"{family}: {result[family]['built']} of {result[family]['names']} built in {result[family]['seconds']} s"
        )
    if args.run:
        print(
            f"run: {len(result['run']['ran']) - len(result['run']['failed'])} of {len(result['run']['ran'])} forward and backward"
        )
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
