"""What `zoo lock` writes is TOML, whatever stands in names, licences and summaries."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_core.publishing.lock import entry_text, toml_string
from zoo_core.registry.catalogue import core_source, read_catalogue

# All code points, the surrogates too, which a JSON config of somebody else's may hold.
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def as_unicode(text: str) -> str:
    """``text`` with its pairs of surrogates joined and those left over replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(text=ANY_TEXT)
def test_every_text_comes_back(text: str) -> None:
    written = toml_string(text)
    assert written.isascii() and written.isprintable()
    assert tomllib.loads(f"{written} = {written}") == {as_unicode(text): as_unicode(text)}


@given(recipe=ANY_TEXT, licence=ANY_TEXT, summary=ANY_TEXT, file=ANY_TEXT)
def test_every_entry_comes_back(recipe: str, licence: str, summary: str, file: str) -> None:
    written = entry_text(
        "mine",
        recipe=recipe,
        repo="org/mine",
        revision="v1",
        commit="0" * 40,
        licence=licence,
        files={file: "f" * 64},
        summary=summary,
    )
    texts = {"recipe": recipe, "licence": licence, "summary": summary}
    expected = {key: as_unicode(text) for key, text in texts.items() if text}
    assert tomllib.loads(written)["weights"]["mine"] == {
        **expected,
        "repo": "org/mine",
        "revision": "v1",
        "commit": "0" * 40,
        "files": {as_unicode(file): "f" * 64},
    }


@pytest.mark.parametrize(
    "summary", ["digits \U0001f600", "a\x7fb", "a\x00\x1f\r\n\tb", 'a "quoted" \\ back', "\ud83d\ude00", "\ud83d"]
)
def test_a_catalogue_with_it_is_read(tmp_path: Path, summary: str) -> None:
    entry = entry_text(
        "mine", recipe="vae", repo="org/mine", revision="", commit="0" * 40, licence="mit", files={}, summary=summary
    )
    (tmp_path / "locked.toml").write_text(f"format = 1\n\n{entry}\n", "utf-8")
    read = read_catalogue(core_source(), extra=tmp_path / "locked.toml")
    assert read.weights["mine"].summary == as_unicode(summary)
