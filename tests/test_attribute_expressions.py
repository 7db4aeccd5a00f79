"""Attributes made of others: the language, and what it means of data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from zoo_core.data import AttributeSet, open_dataset
from zoo_core.data.expressions import parse
from zoo_core.errors import DataError, SettingError
from zoo_core.interfaces import Dataset, Labels, Split

FACES = ("Eyeglasses", "Goatee", "Mustache", "No_Beard")


class Faces(Dataset):
    """Every combination of four attributes, yes, no and not known, each image of another shade; a class for each combination of two."""

    def __init__(self) -> None:
        self.name, self.image_shape = "faces", (1, 1, 2)
        self.labels = Labels("attributes", FACES)
        self.marks = torch.cartesian_prod(*[torch.tensor([0, 1, -1], dtype=torch.int8)] * 4)

    def split(self, name: Any) -> Split:
        shades = torch.arange(len(self.marks), dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 1, 2).contiguous()
        return Split(shades, attributes=self.marks, groups=torch.arange(len(self.marks)) // 3)


class Clothes(Dataset):
    """Ten classes, 20 of each and 5 of which nobody knows."""

    NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

    def __init__(self) -> None:
        self.name, self.image_shape = "clothes", (1, 1, 1)
        self.labels = Labels("classes", self.NAMES)

    def split(self, name: Any) -> Split:
        y = torch.cat([torch.arange(200) % 10, torch.full((5,), -1)])
        return Split(torch.arange(205, dtype=torch.uint8)[:, None, None, None], y)


def attributes(data: Dataset, text: str) -> torch.Tensor:
    found = AttributeSet(data, text).split("train").attributes
    assert found is not None and found.dtype == torch.int8
    return found


def by_hand(text: str, marks: dict[str, int]) -> int:
    """What Python makes of ``text`` for every way in which the unknown marks may be, −1 where the ways differ."""
    ways: list[dict[str, bool]] = [{}]
    for name, mark in marks.items():
        ways = [{**way, name: value} for way in ways for value in ((False, True) if mark < 0 else (bool(mark),))]
    python = text.replace("!", " not ").replace("&", " and ").replace("|", " or ")
    results = {bool(eval(python, {}, way)) for way in ways}
    return int(results.pop()) if len(results) == 1 else -1


@pytest.mark.parametrize(
    "text",
    [
        "Eyeglasses",
        "!Eyeglasses",
        "!!Eyeglasses",
        "Goatee|Mustache|!No_Beard",
        "Goatee & Mustache",
        "Eyeglasses & Goatee | Mustache",
        "Eyeglasses|Goatee&Mustache",
        "(Eyeglasses|Goatee)&!(Mustache|No_Beard)",
        " ( Eyeglasses ) ",
        "!(Goatee&!Mustache)&No_Beard",
    ],
)
def test_an_expression_means_what_it_means_in_logic(text: str) -> None:
    data = Faces()
    expected = [by_hand(text, dict(zip(FACES, row))) for row in data.marks.tolist()]
    assert attributes(data, text).flatten().tolist() == expected


@pytest.mark.parametrize(
    "text, names",
    [
        ("Eyeglasses", ["Eyeglasses"]),
        ("Goatee | Mustache | ! No_Beard", ["Goatee|Mustache|!No_Beard"]),
        ("beard = Goatee|Mustache|!No_Beard, Eyeglasses", ["beard", "Eyeglasses"]),
        ("No_Beard,Goatee", ["No_Beard", "Goatee"]),
        ('"with | bar"=Goatee', ["with | bar"]),
        ("(a|b)&!(c&d)", ["(a|b)&!(c&d)"]),
        ('"a,b"|c', ['"a,b"|c']),
    ],
)
def test_an_attribute_is_called_as_it_is_named_or_written(text: str, names: list[str]) -> None:
    made = parse(text)
    assert [one.name for one in made] == names
    assert parse(",".join(map(str, made))) == made


def test_columns_are_taken_in_the_order_in_which_they_are_named() -> None:
    data = Faces()
    assert torch.equal(attributes(data, "No_Beard,Eyeglasses"), data.marks[:, [3, 0]])
    made = AttributeSet(data, "No_Beard,Eyeglasses").split("train")
    assert torch.equal(made.groups, data.split("train").groups) and torch.equal(made.x, data.split("train").x)


@pytest.mark.parametrize(
    "text",
    [
        "has-sleeves=0|2|4|6",
        "has-sleeves=T-shirt/top|Pullover|Coat|Shirt",
        "has-sleeves = T-shirt/top|2|Coat | 6",
    ],
)
def test_classes_go_by_name_or_by_number(text: str) -> None:
    data = AttributeSet(Clothes(), f"{text}, is-shoe=5|7|Ankle boot")
    assert data.labels == Labels("attributes", ("has-sleeves", "is-shoe"))
    split, y = data.split("train"), Clothes().split("train").y
    expected = torch.stack([torch.isin(y, torch.tensor(one)) for one in ([0, 2, 4, 6], [5, 7, 9])], 1).to(torch.int8)
    expected[y < 0] = -1
    assert split.y is None and torch.equal(split.attributes, expected)


def test_numbers_are_names_where_classes_have_such() -> None:
    data = Clothes()
    data.labels = Labels("classes", ("7", "3", *Clothes.NAMES[2:]))
    assert attributes(data, "3").flatten().tolist() == [
        (-1 if y < 0 else int(y == 1)) for y in data.split("train").y.tolist()
    ]
    with pytest.raises(DataError, match='no class "4"'):
        AttributeSet(data, "4")


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "expected a name, ! or \\( at its end"),
        ("Goatee|", "expected a name, ! or \\( at its end"),
        ("Goatee Mustache", 'no attribute "Goatee Mustache"'),
        ("Goatee|&Mustache", "in place of '&' at character 8"),
        ("(Goatee", "expected \\) at its end"),
        ("Goatee)", "or the end in place of '\\)'"),
        ("a=b=c", "in place of '='"),
        ("=Goatee", "in place of '=' at character 1"),
        ('"Goatee', "quote that does not end"),
        ("Goatee,Goatee", 'two attributes called "Goatee"'),
        ("(" * 50 + "Goatee", "more than 40 parentheses"),
        ("Goatee|" * 400, "at most 2,000 characters"),
        ("Gotee|Mustache", 'no attribute "Gotee"; did you mean "Goatee"?'),
        ("eyeglasses", 'did you mean "Eyeglasses"?'),
        ("0|1", "its attributes are Eyeglasses, Goatee"),
    ],
)
def test_what_is_no_expression_is_refused_with_what_was_expected(text: str, said: str) -> None:
    with pytest.raises((SettingError, DataError), match=said):
        AttributeSet(Faces(), text)


@pytest.mark.parametrize(
    "text, said",
    [
        ("Sandals", 'did you mean "Sandal"'),
        ("10", r"by name or number \(0 to 9\)"),
        ("-1", 'no class "-1"'),
    ],
)
def test_what_is_no_class_is_refused(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        AttributeSet(Clothes(), text)


def test_data_without_labels_have_nothing_to_be_made_of() -> None:
    with pytest.raises(DataError, match="neither attributes nor classes"):
        open_dataset(torch.zeros(10, 1, 4, 4), settings={"attributes": "a"})


# ------------------------------------------------------------------------------------------------------------ negatives


@pytest.mark.parametrize("negatives", [0, 0.5, 1, 2])
def test_so_many_negatives_are_kept_for_each_positive(negatives: float) -> None:
    whole = Clothes().split("train")
    split = AttributeSet(Clothes(), "bag=Bag,Trouser", negatives=negatives, order="first").split("train")
    positive = torch.isin(whole.y, torch.tensor([1, 8]))
    first = (~positive & (whole.y >= 0)).nonzero().flatten()[: int(negatives * 40)]
    expected = torch.cat([positive.nonzero().flatten(), first]).sort().values
    assert torch.equal(split.x, whole.x[expected])
    assert split.attributes.sum().item() == 40 and len(split) == 40 * (1 + negatives)


def test_random_negatives_are_the_same_every_time_and_not_the_first() -> None:
    drawn, again, first = (
        AttributeSet(Clothes(), "Bag", negatives=2, order=order).split("train").x
        for order in ("random", "random", "first")
    )
    assert torch.equal(drawn, again) and not torch.equal(drawn, first)
    assert torch.equal(drawn.flatten().sort().values, drawn.flatten())  # in the data's order


def test_examples_of_which_it_is_not_known_are_neither() -> None:
    split = AttributeSet(Faces(), "Eyeglasses,Goatee", negatives=0.2).split("train")
    known = (split.attributes == 1).any(1) | (split.attributes == 0).all(1)
    assert (
        known.all() and (split.attributes == -1).any()
    )  # one that has the one attribute is kept whatever the other is


def test_more_negatives_than_there_are_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"80 negatives for 120 positives, 240 were asked for; --set data.negatives=0.66 or less"
    ):
        AttributeSet(Clothes(), "0|1|2|3|4|5", negatives=2).split("train")
    data = AttributeSet(Clothes(), "Bag&Shirt", negatives=1)
    with pytest.raises(DataError, match="no example in the train split"):
        data.split("train")


# ------------------------------------------------------------------------------------------------------------ references


def test_every_way_to_name_them_means_the_same(tmp_path: Any) -> None:
    digits = open_dataset("digits").split("validation")
    np.savez(tmp_path / "digits.npz", x=digits.x.numpy(), y=digits.y.numpy(), class_names=np.array([*"0123456789"]))
    even = (digits.y % 2 == 0).to(torch.int8)[:, None]
    for reference, settings in (
        ("digits:even=0|2|4|6|8", {}),
        ("zoo-basics:digits:even=0|2|4|6|8", {}),
        ("digits", {"attributes": "even=0|2|4|6|8"}),
        ((digits.x, digits.y), {"attributes": "even=0|2|4|6|8"}),
    ):
        data = open_dataset(reference, settings=settings)
        assert data.labels == Labels("attributes", ("even",))
        assert isinstance(reference, tuple) or torch.equal(data.split("validation").attributes, even)
    data = open_dataset(f"npz:{tmp_path / 'digits.npz'}", settings={"attributes": "even=0|2|4|6|8"})
    assert data.labels.names == ("even",) and data.split("train").attributes is not None


def test_resized_images_keep_them() -> None:
    data = open_dataset("digits:7", image_size=8)
    assert (
        data.image_shape == (1, 8, 8)
        and data.labels.names == ("7",)
        and data.split("test").attributes.shape == (250, 1)
    )


@pytest.mark.parametrize(
    "reference, settings, said",
    [
        ("digits:0", {"attributes": "1"}, "names its attributes already"),
        ("digits", {"negatives": 1}, "balanced by an attribute, and none is named"),
        ("digits:0", {"negatives": -1}, "≥ 0"),
        ("digits:0", {"negatives_order": "last"}, "random, first"),
        ("digits:0", {"flipp": True}, 'did you mean "flip"'),
        (torch.zeros(10, 1, 4, 4), {"layout": "nhwc"}, "take no settings but attributes, negatives"),
    ],
)
def test_settings_that_mean_nothing_are_refused(reference: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        open_dataset(reference, settings=settings)
