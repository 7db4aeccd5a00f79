"""``zoo hub serve``: a Hub of your own, for tests and private networks."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from zoo_core.errors import SettingError, shown


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="serve")
    serve = actions.add_parser("serve", help="serve the models in a folder until Ctrl-C", allow_abbrev=False)
    serve.add_argument("folder", metavar="DIR", type=Path, help="where models are kept; made if absent")
    serve.add_argument("--port", type=int, default=8484, help="0 for any that is free (default: %(default)s)")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: %(default)s)")
    serve.add_argument(
        "--token-file", type=Path, metavar="FILE", help="who may write: a line TOKEN USER for each token"
    )
    serve.add_argument(
        "--redirect", action="store_true", help="give large files from a second host name, as the Hub does"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from zoo_core.testing.hub import HubServer

    tokens = None if args.token_file is None else read_tokens(args.token_file)
    with HubServer(
        args.folder.expanduser(), port=args.port, tokens=tokens, redirect=args.redirect, host=args.host
    ) as hub:
        if not hub.loopback and tokens is None:
            print(f"zoo: anyone who reaches {shown(args.host)} can write here; see --token-file", file=sys.stderr)
        try:
            # Xet, the Hub's own storage protocol, is not spoken here, and the client does not fall back by itself.
            print(f"export HF_ENDPOINT={hub.endpoint} HF_HUB_DISABLE_XET=1", flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            print("zoo: stopped", file=sys.stderr)
    return 0


def read_tokens(path: Path) -> dict[str, str]:
    """The tokens in a file: a line ``TOKEN USER`` each; empty lines and lines with ``#`` in front are passed over.

    Raises:
        SettingError: it cannot be read, or a line is something else; the line's text, a secret, is not told.
    """
    try:
        lines = path.expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        raise SettingError(
            f"{shown(path)} cannot be read: {shown(getattr(error, 'strerror', None) or error)}"
        ) from None
    tokens: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            raise SettingError(f"{shown(path)} line {number}: expected a token and a user name")
        tokens[words[0]] = words[1]
    return tokens
