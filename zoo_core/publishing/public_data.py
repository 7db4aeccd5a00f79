"""Public data sets, as a card speaks of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublicData:
    """One data set.

    Arguments:
        name: its registered name.
        title: what people call it.
        hub: its identifier on the Hub where its own repository is there, else empty.
        note: what a user of a model trained on it should know, one sentence.
    """

    name: str
    title: str
    hub: str
    note: str


_SMALL = "It is a small research data set; what was learnt from it says little about other pictures."

_KNOWN = (
    PublicData("digits", "scikit-learn's handwritten digits", "", f"The set has 1,797 examples. {_SMALL}"),
    PublicData("mnist", "MNIST", "ylecun/mnist", _SMALL),
    PublicData("fashion-mnist", "Fashion-MNIST", "zalando-datasets/fashion_mnist", _SMALL),
    PublicData("cifar10", "CIFAR-10", "uoft-cs/cifar10", _SMALL),
    PublicData("svhn", "SVHN", "ufldl-stanford/svhn", "It is a research data set, for non-commercial use."),
    PublicData("stl10", "STL-10", "", _SMALL),
    PublicData(
        "celeba",
        "CelebA",
        "",
        "Its pictures are of real and well-known people, were gathered for non-commercial research, and are not a fair "
        "sample of people; the model must not be used to identify, judge or imitate anybody.",
    ),
)


def public_data(name: str) -> PublicData | None:
    """The public data set registered as ``name`` by zoo-basics, also with an expression behind it; None for any other."""
    short = name.removeprefix("zoo-basics:").partition(":")[0]
    return next((data for data in _KNOWN if data.name == short), None)
