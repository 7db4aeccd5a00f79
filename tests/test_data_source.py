"""Where the images of a source wait, and what happens when one cannot be read."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo_core.data import MemorySource, Stream, StreamingSource, open_source, source
from zoo_core.data.memory import free_bytes
from zoo_core.errors import DataError
from zoo_core.interfaces import Split


class Drawn:
    """Images read one at a time; number 7 is broken."""

    def __init__(self, count: int, broken: int | None = None) -> None:
        self.count, self.broken = count, broken

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Tensor:
        if index == self.broken:
            raise DataError("broken.png cannot be read", hint="remove it")
        return torch.full((1, 2, 3), index, dtype=torch.uint8)


def test_images_in_memory_stay_there_without_a_copy() -> None:
    x = torch.zeros(4, 1, 2, 3, dtype=torch.uint8)
    opened = open_source(Split(x))
    assert isinstance(opened, MemorySource) and opened.x.data_ptr() == x.data_ptr()
    assert opened.image_shape == (1, 2, 3) and len(opened) == 4


def test_few_small_images_read_from_files_are_read_once() -> None:
    opened = open_source(Split(Drawn(10)))
    assert isinstance(opened, MemorySource)
    assert opened.x[:, 0, 0, 0].tolist() == list(range(10))


def test_a_set_larger_than_its_share_of_memory_streams() -> None:
    opened = open_source(Split(Drawn(10)), share=1e-12)
    assert isinstance(opened, StreamingSource) and opened.image_shape == (1, 2, 3)


def test_many_images_read_from_files_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "READ_AHEAD", 9)
    assert isinstance(open_source(Split(Drawn(10))), StreamingSource)


def test_single_batches_are_the_same_from_both_kinds() -> None:
    split, indices = Split(Drawn(10), torch.arange(10)), torch.tensor([3, 0, 3])
    a, b = MemorySource(split).batch(indices), StreamingSource(split, workers=0).batch(indices)
    assert torch.equal(a.x, b.x) and torch.equal(a.y, b.y) and a.y.tolist() == [3, 0, 3]


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_read_is_named_in_one_line(workers: int) -> None:
    stream = Stream(StreamingSource(Split(Drawn(10, broken=7)), workers=workers), 5, seed=0, shuffle=False)
    stream.next()
    with pytest.raises(DataError) as raised:
        stream.next()
    assert str(raised.value) == "broken.png cannot be read; remove it"


def test_a_split_without_images_is_refused() -> None:
    with pytest.raises(DataError, match="no images"):
        open_source(Split(torch.zeros(0, 1, 2, 3, dtype=torch.uint8)))


def test_some_memory_is_free_and_less_than_a_petabyte() -> None:
    assert 2**20 < free_bytes(torch.device("cpu")) < 2**50


class Points:
    """Points of a plane, read one at a time, in ``dtype``."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Tensor:
        value = index if self.dtype == torch.uint8 else index / 10
        return torch.full((1, 1, 2), value, dtype=self.dtype)


@pytest.mark.parametrize(
    ("dtype", "needed"), [(torch.uint8, 20), (torch.bfloat16, 40), (torch.float32, 80), (torch.float64, 160)], ids=str
)
@pytest.mark.parametrize("in_memory", [True, False], ids=["tensor", "read one at a time"])
def test_the_room_that_a_set_takes_is_counted_in_bytes(
    dtype: torch.dtype, needed: int, in_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = Points(dtype)
    split = Split(torch.stack([images[i] for i in range(10)]) if in_memory else images)
    # A tensor on the CPU stays there in any case: the room is that on another device.
    device = "meta" if in_memory else "cpu"
    for free, kind in ((2 * needed, MemorySource), (2 * needed - 1, StreamingSource)):
        monkeypatch.setattr(source, "free_bytes", lambda device, free=free: free)
        assert isinstance(open_source(split, device, share=0.5), kind)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32], ids=str)
def test_images_read_ahead_are_those_that_are_read_one_at_a_time(dtype: torch.dtype) -> None:
    split, indices = Split(Points(dtype)), torch.tensor([9, 0, 4])
    ahead, later = open_source(split), StreamingSource(split, workers=0)
    assert isinstance(ahead, MemorySource) and ahead.x.dtype == dtype
    assert torch.equal(ahead.batch(indices).x, later.batch(indices).x)
