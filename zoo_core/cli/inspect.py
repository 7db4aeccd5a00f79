"""zoo inspect: what a saved or published model is, without its weights."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = (
        "Say what a model is: parts, size, licence, plugins needed and missing. Of a model on the Hub only the config and the "
        "header of the weights are fetched."
    )
    parser.epilog = (
        "examples:\n  zoo inspect runs/vae-digits\n  zoo inspect org/name@v1.0\n  zoo inspect --verify org/name"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", help="a folder, a name of the catalogue, or org/name[@revision]")
    parser.add_argument("--verify", action="store_true", help="fetch and read everything, each file against its hash")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Look and print."""
    from zoo_core.cli.output import print_json, print_sections
    from zoo_core.publishing.inspect import inspect

    found = inspect(args.model, verify=args.verify)
    if args.json:
        print_json(found.as_table())
        return 0
    print_sections(
        [
            (
                "model",
                [
                    ("name", found.label),
                    ("recipe", found.recipe),
                    ("tokens", f"windows of {found.image_shape[2]} tokens, a vocabulary of {found.vocabulary}")
                    if found.modality == "tokens"
                    else ("images", " × ".join(map(str, found.image_shape))),
                    ("labels", found.labels),
                    ("numbers", f"{found.parameters:,}"),
                    ("dtypes", ", ".join(f"{dtype} ({count} tensors)" for dtype, count in found.dtypes.items())),
                    (
                        "size",
                        f"{found.size_bytes:,} bytes in {len(found.files)} file{'s' if len(found.files) > 1 else ''}",
                    ),
                    ("licence", found.licence or "not named"),
                    *([("commit", found.commit)] if found.commit else []),
                    *([("verified", "every file read; hashes and weights are right")] if found.verified else []),
                ],
            ),
            ("parts", list(found.parts.items())),
            ("objectives", list(found.objectives.items())),
            (
                "plugins",
                [
                    (
                        one.plugin,
                        f"saved by {one.version}" if one.version else "",
                        f"installed {one.installed}" if one.installed else f"MISSING: {one.install}",
                    )
                    for one in found.plugins
                ],
            ),
            ("second repositories", [(one.part, f"{one.repo}@{one.commit[:7]}", one.file) for one in found.externals]),
        ]
    )
    return 0
