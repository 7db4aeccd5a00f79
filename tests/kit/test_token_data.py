"""The kit looks at data sets of tokens: ids, vocabulary, and stretches of the text that do not overlap."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoo_core.interfaces import Dataset, Labels, Split, Vocabulary
from zoo_core.interfaces.dataset import SplitName

from .holding import results

POEM = "to be, or not to be: that is the question.\nwhether 'tis nobler in the mind to suffer\n" * 40


class TextLike(Dataset):
    """Windows of a long text without repetitions."""

    name, labels, modality = "textlike", Labels(), "tokens"
    length, vocabulary = 20, Vocabulary(tuple("abcdefgh"))

    def __init__(self) -> None:
        self.image_shape = (1, 1, self.length)
        self.text = torch.randint(8, (4000,), generator=torch.Generator().manual_seed(0))

    def split(self, name: SplitName) -> Split:
        stretch = {"train": slice(0, 3000), "validation": slice(3000, 3400), "test": slice(3400, 4000)}[name]
        return Split(self.text[stretch].view(-1, self.length))


class Shuffled(TextLike):
    """Overlapping windows that are shuffled before they are cut into splits."""

    def split(self, name: SplitName) -> Split:
        windows = self.text.unfold(0, self.length, 5)
        order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(1))
        start, stop = {"train": (0, 600), "validation": (600, 700), "test": (700, len(windows))}[name]
        return Split(windows[order[start:stop]])


class TooFew(TextLike):
    """An id more than there are tokens."""

    vocabulary = Vocabulary(tuple("abcdefg"))


class Floats(TextLike):
    """Ids as floating-point numbers."""

    def split(self, name: SplitName) -> Split:
        split = super().split(name)
        assert isinstance(split.x, Tensor)
        return Split(split.x.float())


class Untold(TextLike):
    """A vocabulary of what are said to be images."""

    modality = "image"


class Tall(TextLike):
    """Windows said to be of another shape."""

    def __init__(self) -> None:
        super().__init__()
        self.image_shape = (1, 20, 1)


@pytest.mark.parametrize(
    ("dataset", "fails"),
    [
        (TextLike, set()),
        (Shuffled, {"windows_do_not_overlap"}),
        (TooFew, {"splits_are_as_promised"}),
        (Floats, {"splits_are_as_promised"}),
        (Untold, {"splits_are_as_promised"}),
        (Tall, {"splits_are_as_promised"}),
    ],
)
def test_the_kit_looks_at_token_data(dataset: type[Dataset], fails: set[str]) -> None:
    found = {result.check for result in results("dataset", dataset) if result.status == "failed"}
    assert found == fails


@pytest.mark.parametrize("text", [POEM, "a" * 5000, "".join(chr(97 + (n * n) % 26) for n in range(5000))])
def test_the_kit_takes_any_text(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo_basics.datasets.text import TextDataset

    file = tmp_path / "text.txt"
    file.write_text(text)
    monkeypatch.setattr(TextDataset, "examples", classmethod(lambda cls: [{"path": str(file), "length": 20}]))
    assert {result.status for result in results("dataset", TextDataset)} == {"passed"}
