"""scikit-learn's handwritten digits: real images that come with the package."""

from __future__ import annotations

from typing import final

import torch
from torch.nn import functional as F

from zoo_core.data import cut, indices_of
from zoo_core.interfaces import Dataset, Labels, Split, SplitName


@final
class DigitsDataset(Dataset):
    """The 1,797 handwritten digits of the UCI "Optical Recognition of Handwritten Digits" test set, at 32×32 in grey.

    The 8×8 originals (values 0 to 16) are divided by 16, enlarged bilinearly and rounded to bytes. Cut with seed 0
    into 1,297 for training, 250 for validation and 250 for test. Source: Alpaydin and Kaynak 1998, as in
    ``sklearn.datasets.load_digits``.
    """

    def __init__(self) -> None:
        self.name = "digits"
        self.image_shape = (1, 32, 32)
        self.labels = Labels("classes", tuple("0123456789"))

    def split(self, name: SplitName) -> Split:
        from sklearn.datasets import load_digits  # half a second to import

        digits = load_digits()
        small = torch.from_numpy(digits.images).to(torch.float32)[:, None] / 16
        large = F.interpolate(small, size=(32, 32), mode="bilinear", align_corners=False).clamp_(0, 1)
        x = (large * 255).round_().to(torch.uint8)
        y = torch.from_numpy(digits.target).to(torch.int64)
        return Split(x, y).subset(indices_of(cut(len(x), 250, 250, seed=0), name))
