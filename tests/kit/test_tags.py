"""Tags: what images and labels a component takes, told by build before anything is made."""

from __future__ import annotations

import pytest

from zoo_core import build
from zoo_core.errors import IncompatibleError
from zoo_core.interfaces import Labels, Tags

SIXTEEN = Tags(sides_multiple_of=16, smallest_side=32, largest_side=100)


@pytest.mark.parametrize(("tags", "image_shape", "labels", "fits"), [
    (Tags(), (5, 1, 999), "none", True),
    (Tags(channels=(1, 3)), (3, 8, 8), "none", True),
    (Tags(channels=(1, 3)), (2, 8, 8), "none", False),
    (SIXTEEN, (1, 32, 96), "none", True),
    (SIXTEEN, (1, 32, 40), "none", False),
    (SIXTEEN, (1, 16, 32), "none", False),
    (SIXTEEN, (1, 112, 32), "none", False),
    (Tags(square=True), (1, 8, 8), "none", True),
    (Tags(square=True), (1, 8, 9), "none", False),
    (Tags(labels="classes"), (1, 8, 8), "classes", True),
    (Tags(labels="classes"), (1, 8, 8), "attributes", False),
    (Tags(conditional=True), (1, 8, 8), "none", True),
])  # fmt: skip
def test_tags_say_which_data_do(tags: Tags, image_shape: tuple[int, int, int], labels: str, fits: bool) -> None:
    assert (tags.refusal(image_shape, labels) == "") is fits


@pytest.mark.parametrize(
    "tags", [Tags(), SIXTEEN, Tags(square=True, sides_multiple_of=7), Tags(smallest_side=9, largest_side=9)]
)
@pytest.mark.parametrize("sides", [(1, 1), (8, 31), (40, 41), (500, 3)])
def test_the_nearest_size_does(tags: Tags, sides: tuple[int, int]) -> None:
    assert tags.refusal((1, *tags.nearest((1, *sides))), "none") == ""


def test_a_size_that_does_is_its_own_nearest() -> None:
    assert SIXTEEN.nearest((1, 48, 80)) == (48, 80)


def test_build_refuses_a_size_and_says_which_would_do_and_which_parts_take_it() -> None:
    with pytest.raises(IncompatibleError) as refused:
        build("vae", image_shape=(1, 40, 40), encoder="discgen", decoder="mlp")
    text = str(refused.value)
    assert text.startswith(
        'encoder: "discgen" takes sides that are multiples of 16, of at least 16, not 40x40; image_size='
    )
    assert "image_size=32 would do" in text or "image_size=48 would do" in text
    assert "encoder=dcgan, mlp, resnet" in text


def test_the_size_that_is_suggested_is_taken() -> None:
    settings = {"encoder": {"name": "discgen", "width": 2, "hidden": 4}, "decoder": "mlp", "latent_dim": 2}
    with pytest.raises(IncompatibleError) as refused:
        build("vae", image_shape=(1, 20, 36), **settings)
    sides = str(refused.value).split("image_size=")[1].split(" would")[0]
    height, width = map(int, sides.strip("[]").split(","))
    assert build("vae", image_shape=(1, height, width), **settings).image_shape == (1, height, width)


def test_build_refuses_channels_that_a_frozen_net_does_not_take() -> None:
    classifier = {"name": "vgg11", "weights": None}
    with pytest.raises(IncompatibleError, match='classifier: "vgg11" takes 1 or 3 channels, not 4'):
        build("vae", image_shape=(4, 16, 16), objective=["elbo", "discreg"], classifier=classifier)


def test_build_refuses_an_objective_that_needs_other_labels() -> None:
    with pytest.raises(
        IncompatibleError, match=r'"attribute-bce" takes data with attributes, not with labels of type classes'
    ):
        build("classifier", image_shape=(1, 16, 16), labels=Labels("classes", ("a", "b")), objective="attribute-bce")
