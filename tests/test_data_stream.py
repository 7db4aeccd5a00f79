"""A stream's order, its place, and its share among processes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo_core.data import MemorySource, Source, Stream, StreamingSource, evaluation_batches
from zoo_core.errors import DataError
from zoo_core.interfaces import Batch, Split
from zoo_core.noise import derive_seed

COUNT = 23


def numbered(count: int = COUNT) -> Split:
    """Images that tell their index: the first pixel is it, the label too."""
    x = torch.randint(256, (count, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    x[:, 0, 0, 0] = torch.arange(count, dtype=torch.uint8)
    return Split(x, torch.arange(count), (torch.arange(count)[:, None] % 2).to(torch.int8))


class ReadImages:
    """Images read one at a time, which remember what was read."""

    def __init__(self, x: Tensor) -> None:
        self.x, self.read = x, []

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Tensor:
        self.read.append(index)
        return self.x[index]


def draw(stream: Stream, batches: int) -> list[Batch]:
    return [stream.next() for _ in range(batches)]


def numbers(batches: list[Batch]) -> list[int]:
    return [int(n) for batch in batches for n in batch.y]


@pytest.fixture(params=["memory", "streaming", "two workers"])
def source(request: pytest.FixtureRequest) -> Source:
    split = numbered()
    if request.param == "memory":
        return MemorySource(split)
    lazy = Split(ReadImages(split.x), split.y, split.attributes)
    return StreamingSource(lazy, workers=2 if request.param == "two workers" else 0)


def test_each_epoch_is_the_keyed_permutation_cut_into_whole_batches(source: Source) -> None:
    stream = Stream(source, 5, seed=7, name="labelled")
    assert stream.batches_per_epoch == 4
    for epoch in range(3):
        generator = torch.Generator().manual_seed(derive_seed(7, "labelled", epoch))
        assert numbers(draw(stream, 4)) == torch.randperm(COUNT, generator=generator)[:20].tolist()


def test_a_batch_has_the_pixels_over_255_and_the_labels_of_its_examples(source: Source) -> None:
    split = numbered()
    batch = Stream(source, 6, seed=0).next()
    assert batch.x.dtype == torch.float32
    assert torch.equal(batch.x, split.x[batch.y].to(torch.float32) / 255)
    assert torch.equal(batch.attributes, split.attributes[batch.y])


def test_pixels_come_in_the_precision_that_was_asked_for(source: Source) -> None:
    batch = Stream(source, 6, seed=0, dtype=torch.float64).next()
    assert torch.equal(batch.x, numbered().x[batch.y].double() / 255)


def test_a_restored_stream_goes_on_in_the_middle_of_an_epoch(source: Source) -> None:
    whole = Stream(source, 5, seed=3)
    draw(whole, 6)
    state = whole.state()
    assert state == {"epoch": 1, "batch": 2} and whole.position == (1, 2)
    rest = draw(whole, 7)
    resumed = Stream(source, 5, seed=3)
    resumed.next()  # a stream that is already under way can be restored too
    resumed.restore(state)
    for a, b in zip(rest, draw(resumed, 7), strict=True):
        assert torch.equal(a.x, b.x) and torch.equal(a.y, b.y)
    assert resumed.position == whole.position == (3, 1)


# ---------------------------------------------------------------------------------------------------------------- flips


def flipped(source: Source) -> Source:
    source.flip = True
    return source


def which(batch: Batch) -> list[bool]:
    """Which images of the batch are mirrored; all others have to be as they are."""
    own = numbered().x[batch.y].to(torch.float32) / 255
    found = [bool(torch.equal(x, o.flip(2))) for x, o in zip(batch.x, own)]
    assert all(f or torch.equal(x, o) for f, x, o in zip(found, batch.x, own))
    return found


def test_half_of_the_images_are_mirrored_anew_in_each_epoch(source: Source) -> None:
    stream = Stream(flipped(source), 5, seed=7)
    for epoch in range(3):
        generator = torch.Generator().manual_seed(derive_seed(7, "main", epoch, "flip"))
        expected = torch.randint(2, (COUNT,), generator=generator, dtype=torch.bool)[:20].tolist()
        assert [one for batch in draw(stream, 4) for one in which(batch)] == expected
        assert 3 <= sum(expected) <= 17


def test_flips_change_neither_the_order_nor_the_labels(source: Source) -> None:
    plain = numbers(draw(Stream(source, 5, seed=7), 8))
    assert numbers(draw(Stream(flipped(source), 5, seed=7), 8)) == plain


def test_flips_go_on_where_a_stream_is_restored_and_are_shared_out_among_processes(source: Source) -> None:
    whole = Stream(flipped(source), 6, seed=3)
    joint = draw(whole, 7)
    resumed = Stream(source, 6, seed=3)
    resumed.restore({"epoch": 1, "batch": 1})
    assert all(torch.equal(a.x, b.x) for a, b in zip(joint[4:], draw(resumed, 3), strict=True))
    parts = [draw(Stream(source, 6, seed=3, rank=rank, world=2), 7) for rank in range(2)]
    assert all(torch.equal(a.x, torch.cat([b.x, c.x])) for a, b, c in zip(joint, *parts, strict=True))


def test_an_evaluation_flips_nothing(source: Source) -> None:
    batches = list(evaluation_batches(flipped(source), 10))
    assert torch.equal(torch.cat([batch.x for batch in batches]), numbered().x.to(torch.float32) / 255)


def test_resuming_reads_no_image_before_the_place() -> None:
    split = numbered()
    images = ReadImages(split.x)
    stream = Stream(StreamingSource(Split(images, split.y), workers=0), 5, seed=3)
    stream.seek(2, 3)
    batch = stream.next()
    assert images.read == batch.y.tolist()


def test_the_rows_of_all_processes_in_order_are_the_joint_batch(source: Source) -> None:
    joint = draw(Stream(source, 6, seed=1), 5)
    parts = [draw(Stream(source, 6, seed=1, rank=rank, world=2), 5) for rank in range(2)]
    for whole, first, second in zip(joint, *parts, strict=True):
        assert len(first) == len(second) == 3
        assert torch.equal(whole.x, torch.cat([first.x, second.x]))
        assert torch.equal(whole.y, torch.cat([first.y, second.y]))


def test_other_names_and_seeds_have_other_orders(source: Source) -> None:
    orders = {tuple(numbers(draw(Stream(source, 20, seed=s, name=n), 1))) for s in (0, 1) for n in ("main", "labelled")}
    assert len(orders) == 4


def test_without_shuffling_and_dropping_every_epoch_is_the_whole_set_in_order(source: Source) -> None:
    stream = Stream(source, 10, seed=0, shuffle=False, drop_last=False)
    batches = draw(stream, 6)
    assert [len(b) for b in batches] == [10, 10, 3, 10, 10, 3]
    assert numbers(batches) == [*range(COUNT), *range(COUNT)]


def test_an_evaluation_sees_every_example_once_in_order(source: Source) -> None:
    batches = list(evaluation_batches(source, 10))
    assert [len(b) for b in batches] == [10, 10, 3]
    assert numbers(batches) == list(range(COUNT))
    assert torch.equal(torch.cat([b.x for b in batches]), numbered().x.to(torch.float32) / 255)


def test_two_streams_on_one_source_do_not_disturb_each_other(source: Source) -> None:
    alone = numbers(draw(Stream(source, 5, seed=0), 6))
    one, other = Stream(source, 5, seed=0), Stream(source, 4, seed=9)
    interleaved = []
    for _ in range(6):
        interleaved.append(one.next())
        other.next()
    assert numbers(interleaved) == alone


def test_drawing_leaves_the_global_generator_alone(source: Source) -> None:
    before = torch.get_rng_state()
    draw(Stream(source, 5, seed=0), 2)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"batch_size": 5, "world": 2}, "multiple of 2"),
        ({"batch_size": 0}, "batch size 0"),
        ({"batch_size": 24}, f"{COUNT} examples, fewer than a batch of 24"),
        ({"batch_size": 4, "world": 2, "drop_last": False}, "short last batch"),
    ],
)
def test_batches_that_cannot_be_made_are_refused(settings: dict, text: str) -> None:
    with pytest.raises(DataError, match=text):
        Stream(MemorySource(numbered()), seed=0, **settings)


@pytest.mark.parametrize("place", [(-1, 0), (0, 4), (0, -1)])
def test_a_place_that_is_none_is_refused(place: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="an epoch has 4 batches"):
        Stream(MemorySource(numbered()), 5, seed=0).seek(*place)
