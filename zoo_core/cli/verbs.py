"""The verbs of ``zoo``, and how one is run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from zoo_core.errors import SettingError, shown


class Verb(NamedTuple):
    """One subcommand: its name, the group it is listed in, what it does, and its module."""

    name: str
    group: str
    summary: str
    module: str


VERBS = (
    Verb("list", "look", "recipes and components, by name", "zoo_core.cli.list"),
    Verb("info", "look", "everything that can be set on a recipe or component", "zoo_core.cli.info"),
    Verb("plugins", "look", "what is installed, and what could not be loaded", "zoo_core.cli.plugins"),
    Verb("train", "train", "build a recipe, with parts swapped by name, and train it", "zoo_core.cli.train"),
    Verb("sample", "use", "pictures from a saved model", "zoo_core.cli.sample"),
    Verb("reconstruct", "use", "held-out images over their reconstructions", "zoo_core.cli.reconstruct"),
    Verb("eval", "use", "figures of a saved model on held-out data", "zoo_core.cli.evaluate"),
    Verb("plot", "use", "figures for people: codes, manifolds, curves …, by name", "zoo_core.cli.plot"),
    Verb(
        "new-plugin",
        "author",
        "a package with an encoder, an objective … of your own, to fill in",
        "zoo_core.cli.new_plugin",
    ),
    Verb("check", "author", "hold a plugin's components against their contracts", "zoo_core.cli.check"),
    Verb("inspect", "share", "what a saved or published model is, without its weights", "zoo_core.cli.inspect"),
    Verb("push", "share", "publish a model on the Hub, with a card", "zoo_core.cli.push"),
    Verb("pull", "share", "fetch published models, each file against its hash", "zoo_core.cli.pull"),
    Verb("lock", "share", "pin published models by commit and sha256", "zoo_core.cli.lock"),
    Verb("hub", "share", "a Hub of your own, for tests and private networks", "zoo_core.cli.hub"),
)


class Parser(argparse.ArgumentParser):
    """Wrong arguments are errors like all others: one line."""

    def error(self, message: str) -> NoReturn:
        raise SettingError(shown(message, 500), hint=f"see: {self.prog} --help")


def run_verb(name: str, summary: str, module: Any, argv: Sequence[str]) -> int:
    """Parse ``argv`` with what ``module`` declares, and run it."""
    parser = Parser(prog=f"zoo {name}", description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False)
    module.configure(parser)
    try:
        args = parser.parse_args(argv)
    except SystemExit as end:  # --help
        return int(end.code or 0)
    code: int = module.run(args)
    return code
