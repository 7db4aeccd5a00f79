"""Feature extractors: torchvision and timm classifiers, VGG, CIFAR ResNets and small trainable classifiers."""

from __future__ import annotations

from collections.abc import Callable

from zoo_core.hookspecs import hookimpl

VGG_PAPER = "Simonyan and Zisserman 2014, arXiv:1409.1556"
RESNET_PAPER = "He et al. 2015, arXiv:1512.03385"
DISCREG_PAPER = "Lamb, Dumoulin and Courville 2016, arXiv:1602.03220"


@hookimpl
def register_components(register: Callable[..., None]) -> None:
    """Every feature extractor, by name."""

    def add(name: str, target: str, summary: str, paper: str = "") -> None:
        register("feature-extractor", name, f"zoo_features.{target}", summary=summary, paper=paper)

    add(
        "digit-classifier",
        "digit_classifier:DigitClassifier",
        "trained on scikit-learn's digits; its weights travel along",
    )
    add("small-cnn", "small_cnn:SmallCNN", "a small trainable classifier for any image size")
    add(
        "celeba-classifier",
        "celeba_classifier:CelebAClassifier",
        "the paper's net for CelebA's 40 attributes",
        DISCREG_PAPER,
    )
    for depth in (11, 13, 16, 19):
        add(f"vgg{depth}", f"vgg:VGG{depth}", "layers relu1_1, conv1_1, pool1 …; max or average pooling", VGG_PAPER)
    for depth in (20, 32, 44, 56, 110):
        add(
            f"cifar-resnet{depth}",
            f"cifar_resnet:CifarResNet{depth}",
            "for 32x32 images; parameter-free shortcuts",
            RESNET_PAPER,
        )
    add("torchvision/", "torchvision_family:Torchvision", "every torchvision classifier, e.g. torchvision/resnet18")
    add("timm/", "timm_family:Timm", "every timm model, e.g. timm/resnet18")
