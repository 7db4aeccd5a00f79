"""zoo push: publish a model on the Hub."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.description = (
        "Publish a trained or saved model: config, weights (safetensors), card, figures and pictures, in one commit. "
        "Log in first: hf auth login."
    )
    parser.epilog = (
        "examples:\n  zoo push runs/discreg org/discreg-digits --license mit --dry-run\n"
        "  zoo push runs/discreg org/discreg-digits --license mit --tag v1.0\n"
        "  zoo push --catalogue --namespace org       every model that travels with the catalogue"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", nargs="?", help="a run folder or a saved model")
    parser.add_argument("repo", nargs="?", metavar="org/name", help="the repository; made if it is not there")
    parser.add_argument(
        "--license", metavar="ID", help="e.g. mit, apache-2.0, cc-by-4.0 (default: the one of its own card)"
    )
    parser.add_argument("--private", action="store_true", help="make the repository private")
    parser.add_argument("--branch", metavar="NAME", help="commit to this branch (default: the main one)")
    parser.add_argument("--tag", metavar="NAME", help="call the commit so, e.g. v1.0")
    parser.add_argument("--message", metavar="TEXT", help="the commit's message")
    parser.add_argument("--max-shard-size", default="5GB", metavar="SIZE", help="split larger weights (default: 5GB)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be published, and send nothing")
    parser.add_argument("--catalogue", action="store_true", help="publish every model that travels with the catalogue")
    parser.add_argument("--namespace", metavar="ORG", help="with --catalogue: whose repositories")


def run(args: argparse.Namespace) -> int:
    """Publish, or say what would be."""
    from zoo_core.errors import SettingError

    if args.catalogue:
        if args.model or not args.namespace:
            raise SettingError(
                "--catalogue takes no model and needs --namespace", hint="zoo push --catalogue --namespace org"
            )
        return _push_catalogue(args)
    if not args.model or not args.repo or args.namespace:
        raise SettingError("push needs a model and a repository", hint="zoo push runs/x org/name --license mit")
    if args.dry_run:
        return _rehearse(args.model, args.repo, args.license, args)
    from zoo_core.publishing.push import push

    pushed = push(
        args.model,
        args.repo,
        license=args.license,
        private=args.private,
        branch=args.branch,
        tag=args.tag,
        message=args.message,
        max_shard_size=args.max_shard_size,
    )
    print(f"{pushed.url}  {'at commit' if pushed.changed else 'unchanged, at commit'} {pushed.commit}")
    print(f'load it: zoo.load("{pushed.repo}", revision="{args.tag or pushed.commit[:7]}")')
    return 0


def _rehearse(model: str, repo: str, licence: str | None, args: argparse.Namespace) -> int:
    from zoo_core.hub.download import check_repo
    from zoo_core.publishing.push import staged

    check_repo(repo)
    with staged(model, repo, licence=licence, max_shard_size=args.max_shard_size) as ready:
        print(f"would publish {repo} under {ready.licence}:")
        for file in ready.files:
            print(f"  {(ready.folder / file).stat().st_size:>12,}  {file}")
        print("\n" + (ready.folder / "README.md").read_text("utf-8"))
    return 0


def _push_catalogue(args: argparse.Namespace) -> int:
    """Publish what has a folder, and print the entries that then replace it in registry.toml."""
    from zoo_core.errors import SettingError
    from zoo_core.publishing.lock import entry_text
    from zoo_core.publishing.push import push
    from zoo_core.registry.catalogue import catalogue

    entries = [entry for entry in catalogue().weights.values() if entry.folder is not None]
    if not entries:
        raise SettingError("the catalogue has no models in folders", hint="see them with: zoo list")
    for entry in entries:
        repo, licence = f"{args.namespace}/{entry.name}", args.license or entry.licence or None
        if args.dry_run:
            _rehearse(entry.name, repo, licence, args)
            continue
        pushed = push(entry.name, repo, license=licence, private=args.private, tag=args.tag)
        files = {
            name: digest
            for name, digest in pushed.files.items()
            if name.endswith((".safetensors", ".json")) and name != "metrics.json"
        }
        print(
            entry_text(
                entry.name, recipe=entry.recipe, repo=repo, revision="", commit=pushed.commit, licence=entry.licence, files=files,
                summary=entry.summary,
            )
            + "\n",
            flush=True,
        )  # fmt: skip
    return 0
