"""BibTeX from what the catalogue and the registry say of papers ("Lamb, Dumoulin and Courville 2016, arXiv:1602.03220")."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from zoo_core.publishing.markdown import plain

_PAPER = re.compile(r"(?P<authors>[^\d,]+(?:, [^\d,]+)*?),? (?P<year>(?:19|20)\d\d)\b")
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})", re.IGNORECASE)
_UNSAFE = re.compile(r"[{}\\$%#&_^~\"`@<>]")


@dataclass(frozen=True)
class Paper:
    """One paper.

    Arguments:
        authors: family names; ``others`` stands for those who are not named.
        year: of the paper.
        arxiv: its arXiv number, or empty.
    """

    authors: tuple[str, ...]
    year: int
    arxiv: str = ""

    def is_also(self, other: Paper) -> bool:
        """Whether ``other``, which may say less, is the same paper."""
        if self.arxiv and other.arxiv:
            return self.arxiv == other.arxiv
        # A preprint and the proceedings are often a year apart.
        same = self.authors == other.authors and abs(self.year - other.year) <= 1
        return same or (
            "others" in (*self.authors, *other.authors) and (self._first, self.year) == (other._first, other.year)
        )

    @property
    def _first(self) -> str:
        return self.authors[0]

    @property
    def named(self) -> str:
        """For a sentence: ``Lamb et al. 2016``; text, not Markdown."""
        if len(self.authors) > 3 or "others" in self.authors:
            return f"{self._first} et al. {self.year}"
        return f"{' and '.join(filter(None, [', '.join(self.authors[:-1]), self.authors[-1]]))} {self.year}"


def papers(said: Iterable[str]) -> list[Paper]:
    """The papers in these texts, several with semicolons between, each once; what has no author and year is left out."""
    found: list[Paper] = []
    for one in (one for text in said for one in text.split(";")):
        paper = _paper(plain(one, 300))
        if paper is None:
            continue
        known = next((i for i, other in enumerate(found) if paper.is_also(other)), None)
        if known is None:
            found.append(paper)
        elif paper.arxiv and not found[known].arxiv:
            found[known] = paper
    return found


def bibtex(found: Iterable[Paper]) -> str:
    """An ``@misc`` entry for each paper."""
    keys: set[str] = set()
    entries = []
    for paper in found:
        stem = re.sub("[^a-z]", "", unicodedata.normalize("NFKD", paper.authors[0].lower())) or "paper"
        names = [f"{stem}{paper.year}{suffix}" for suffix in ("", *"abcdefghijklmnopqrstuvwxyz")]
        key = next((name for name in names if name not in keys), f"{stem}{paper.year}x{len(keys)}")
        keys.add(key)
        fields = {"author": " and ".join(paper.authors), "year": str(paper.year)}
        if paper.arxiv:
            fields |= {"eprint": paper.arxiv, "archivePrefix": "arXiv", "url": f"https://arxiv.org/abs/{paper.arxiv}"}
        entries.append(
            "\n".join([f"@misc{{{key},", *(f"  {name} = {{{value}}}," for name, value in fields.items()), "}"])
        )
    return "\n\n".join(entries)


def _paper(text: str) -> Paper | None:
    match = _PAPER.match(text.strip())
    if match is None:
        return None
    authors = match["authors"].replace(" et al.", ", others").replace(" et al", ", others").replace(" and ", ", ")
    names = tuple(filter(None, (_UNSAFE.sub("", name).strip() for name in authors.split(","))))
    number = _ARXIV.search(text)
    return Paper(names, int(match["year"]), number[1] if number else "") if names else None
