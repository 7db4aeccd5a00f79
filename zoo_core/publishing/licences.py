"""Licences by the identifiers that the Hub documents for a card's metadata."""

from __future__ import annotations

from zoo_core.errors import SettingError, did_you_mean, shown

LICENCES: tuple[str, ...] = (
    *("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "isc", "zlib", "ncsa", "ms-pl"),
    *("afl-3.0", "artistic-2.0", "bsl-1.0", "ecl-2.0", "lppl-1.3c", "ofl-1.1", "osl-3.0", "postgresql", "unlicense"),
    *("wtfpl", "epl-1.0", "epl-2.0", "eupl-1.1", "etalab-2.0", "mpl-2.0", "agpl-3.0", "gfdl", "gpl", "gpl-2.0"),
    *("gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "lgpl-lr", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0"),
    *("cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0"),
    *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "c-uda"),
    *("cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "odc-by", "odbl", "pddl", "openrail"),
    *("openrail++", "creativeml-openrail-m", "bigscience-openrail-m", "bigscience-bloom-rail-1.0"),
    *("bigcode-openrail-m", "deepfloyd-if-license", "apple-amlr", "gemma", "llama2", "llama3", "llama3.1", "llama3.2"),
    "llama3.3",
)
"""The Hub's list (its documentation, "Licenses") without ``unknown``, which grants nobody anything, and ``other``."""

COMMON = ("apache-2.0", "mit", "cc-by-4.0")
"""What most models are under; named in hints."""

OTHER = "other"
"""The Hub's word for a licence that is not on its list. It needs a name and a link, and so a card of one's own."""


def check_licence(text: str) -> str:
    """``text`` in lower case, if it is the identifier of a licence.

    Raises:
        SettingError: it is none, is ``other`` (which only a README.md of one's own can explain), or ``unknown``.
    """
    licence = text.strip().lower()
    if licence in LICENCES:
        return licence
    if licence == OTHER:
        raise SettingError(
            'the licence "other" needs a name and a link',
            hint="write a README.md with license: other, license_name and license_link into the folder",
        )
    near = did_you_mean(licence, LICENCES)
    if not licence:
        raise SettingError("no licence given", hint=f"common ones are {', '.join(COMMON)}")
    raise SettingError(
        f'"{shown(text)}" is no licence that the Hub knows',
        hint="; ".join(filter(None, [near, f"common ones are {', '.join(COMMON)}"])),
    )
