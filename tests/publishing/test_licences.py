"""A licence is one of the identifiers that the Hub lists."""

from __future__ import annotations

import pytest

from zoo_core.errors import SettingError
from zoo_core.publishing.licences import COMMON, LICENCES, check_licence


def test_identifiers_are_taken_whatever_their_case() -> None:
    assert check_licence("MIT") == "mit"
    assert check_licence(" Apache-2.0 ") == "apache-2.0"
    assert [check_licence(licence) for licence in LICENCES] == list(LICENCES)


def test_the_list_has_each_once_and_the_common_ones() -> None:
    assert len(set(LICENCES)) == len(LICENCES)
    assert set(COMMON) < set(LICENCES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("apache2", 'did you mean "apache-2.0"'),
        ("CC-BY-4", 'did you mean "cc-by-4.0"'),
        ("mine", "common ones are apache-2.0, mit, cc-by-4.0"),
        ("", "no licence given"),
        ("unknown", "no licence that the Hub knows"),
        ("other", "license_name and license_link"),
        ("mit\nlicense: evil", r"mit\\nlicense: evil"),
    ],
)
def test_all_else_is_refused_with_what_to_type(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        check_licence(text)
