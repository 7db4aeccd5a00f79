"""``python -m zoo_core``: the command ``zoo``."""

from __future__ import annotations

import sys

from zoo_core.cli import main

sys.exit(main())
