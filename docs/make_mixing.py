"""Writes the matrix of mixing.md anew, by building every combination: python docs/make_mixing.py (a minute)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.mixing.games_page import judged_games
from tests.mixing.page import PAGE, judged, matrix, with_matrix

made = matrix(judged(), judged_games())
PAGE.write_text(with_matrix(PAGE.read_text(), made))
