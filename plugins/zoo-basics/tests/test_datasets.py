"""Named data sets, against raw readings of the same files; folders of pictures and files of arrays."""

from __future__ import annotations

import ast
import gzip
import hashlib
import io
import os
import pickle
import pickletools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from zoo_basics.datasets.celeba import CelebaDataset
from zoo_basics.datasets.cifar10 import Cifar10Dataset
from zoo_basics.datasets.cifar_pickle import read_cifar_batch, unpickle_arrays
from zoo_basics.datasets.digits import DigitsDataset
from zoo_basics.datasets.fashion_mnist import FashionMnistDataset
from zoo_basics.datasets.folder import FolderDataset
from zoo_basics.datasets.idx import read_idx
from zoo_basics.datasets.mnist import MnistDataset
from zoo_basics.datasets.npz import NpzDataset
from zoo_basics.datasets.picture_files import FORMATS
from zoo_basics.datasets.stl10 import Stl10Dataset
from zoo_basics.datasets.svhn import SvhnDataset

from zoo_core.data import Stream, StreamingSource, cut, open_dataset, open_source
from zoo_core.errors import DataError, SettingError
from zoo_core.interfaces import Dataset

SPLITS = ("train", "validation", "test")
SHARED = Path(os.environ.get("ZOO_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no folder with shared data (ZOO_SHARED_DATA)")


def sizes(data: Dataset) -> list[int]:
    return [len(data.split(name)) for name in SPLITS]


# Named sets


def test_digits_are_the_real_ones_enlarged_and_cut_with_seed_0() -> None:
    data = DigitsDataset()
    assert data.image_shape == (1, 32, 32) and data.labels.names == tuple("0123456789")
    assert sizes(data) == [1297, 250, 250]
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
    raw = load_digits()
    train, test = data.split("train"), data.split("test")
    assert train.x.shape == (1297, 1, 32, 32) and train.x.dtype == torch.uint8
    assert train.y.tolist() == raw.target[order[:1297]].tolist()
    assert test.y.tolist() == raw.target[order[1547:]].tolist()
    # A corner of the enlarged image is the corner of the small one; its whole is nearly as bright.
    small = torch.from_numpy(raw.images[order[1547:]]) / 16
    assert torch.equal(test.x[:, 0, 0, 0], (small[:, 0, 0] * 255).round().to(torch.uint8))
    assert ((test.x / 255).mean((1, 2, 3)) - small.mean((1, 2))).abs().max() < 1e-2


@needs_shared
def test_mnist_is_what_the_files_hold() -> None:
    data = MnistDataset(root=str(SHARED))
    train, validation, test = (data.split(name) for name in SPLITS)
    assert [len(s) for s in (train, validation, test)] == [50_000, 10_000, 10_000]
    files = [SHARED / f"mnist/train-{name}-ubyte.gz" for name in ("images-idx3", "labels-idx1")]
    raw, labels = (np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8) for file in files)
    raw, labels = raw[16:].reshape(-1, 28, 28), labels[8:]
    parts = cut(60_000, 10_000)
    for split, name in ((train, "train"), (validation, "validation")):
        assert np.array_equal(split.x[:, 0].numpy(), raw[parts[name]])
        assert np.array_equal(split.y.numpy(), labels[parts[name]])
    assert test.y[:5].tolist() == [7, 2, 1, 0, 4]  # the well-known first test digits


@needs_shared
def test_celeba_is_what_the_file_holds() -> None:
    data = CelebaDataset(root=str(SHARED))
    assert data.image_shape == (3, 64, 64) and data.labels.type == "attributes" and data.labels.count == 40
    with np.load(SHARED / "celeba/celeba64_subset.npz") as raw:
        x, attributes, names = raw["x_test"], raw["attr_test"], raw["attr_names"].tolist()
    test = data.split("test")
    assert np.array_equal(test.x.permute(0, 2, 3, 1).numpy(), x)
    assert test.attributes.dtype == torch.int8
    male = data.labels.names.index("Male")
    assert np.array_equal(test.attributes[:, male].numpy(), attributes[:, names.index("Male")])
    assert sizes(data) == [3600, 400, 1000]


@needs_shared
@pytest.mark.parametrize(
    ("data", "expected", "shape"),
    [
        (FashionMnistDataset, [6855, 1371, 3443], (1, 28, 28)),
        (Cifar10Dataset, [4577, 508, 717], (3, 32, 32)),
        (SvhnDataset, [676, 107, 151], (3, 32, 32)),
    ],
)
def test_parts_of_sets_are_cut_like_the_whole(data: Callable[..., Dataset], expected: list[int], shape: tuple) -> None:
    opened = data(root=str(SHARED))
    splits = [opened.split(name) for name in SPLITS]
    assert [len(s) for s in splits] == expected
    assert all(s.x.shape[1:] == opened.image_shape == shape and s.x.dtype == torch.uint8 for s in splits)
    assert all(len(s.y.unique()) == 10 == opened.labels.count for s in splits)


@needs_shared
def test_the_jpeg_variant_of_cifar10_is_near_the_exact_pixels() -> None:
    jpeg, exact = (Cifar10Dataset(root=str(SHARED), variant=v).split("test") for v in ("jpeg", "exact"))
    with (
        np.load(SHARED / "cifar10/cifar10_jpeg75.npz") as a,
        np.load(SHARED / "cifar10/cifar10_lossless_subset.npz") as b,
    ):
        _, here, there = np.intersect1d(a["index_test"], b["index_test"], return_indices=True)
    assert len(jpeg) == 5000 and len(here) > 100
    assert torch.equal(jpeg.y[here], exact.y[there])
    assert (jpeg.x[here].int() - exact.x[there].int()).abs().float().mean() < 8  # measured: about 5.8 of 255


@needs_shared
def test_the_root_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DATA", str(SHARED))
    assert len(MnistDataset().split("test")) == 10_000


@pytest.mark.parametrize(
    "data", [MnistDataset, FashionMnistDataset, Cifar10Dataset, SvhnDataset, Stl10Dataset, CelebaDataset]
)
def test_a_set_that_is_not_there_says_where_it_looked_and_what_to_do(
    data: Callable[..., Dataset], tmp_path: Path
) -> None:
    missing = data(root=str(tmp_path / "none"))
    assert len(missing.image_shape) == 3 and missing.labels.count in (10, 40)  # known without the files
    with pytest.raises(DataError) as raised:
        missing.split("train")
    text = str(raised.value)
    assert missing.name in text and raised.value.fields["root"] == str(tmp_path / "none")
    assert "--data-root" in text and "--set data.download=true" in text and "\n" not in text


@pytest.mark.parametrize(
    ("data", "function"),
    [
        (MnistDataset, "download_url"),
        (FashionMnistDataset, "download_url"),
        (SvhnDataset, "download_url"),
        (Cifar10Dataset, "download_and_extract_archive"),
        (Stl10Dataset, "download_and_extract_archive"),
        (CelebaDataset, "download_file_from_google_drive"),
    ],
)
def test_a_download_without_a_network_is_a_data_error(
    data: Callable[..., Dataset], function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*args: object, **settings: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(f"torchvision.datasets.utils.{function}", offline)
    with pytest.raises(DataError, match=r"could not be downloaded.*no route to host.*--data-root"):
        data(root=str(tmp_path), download=True).split("test")


# The publishers' file formats


def as_python_2_wrote(value: object) -> bytes:
    """A pickle in which texts and bytes are Python 2's strings, as in the published files."""
    raw = bytearray(pickle.dumps(value, protocol=3))
    strings = {"BINBYTES": b"T", "SHORT_BINBYTES": b"U", "BINUNICODE": b"T"}
    for opcode, _, position in pickletools.genops(bytes(raw)):
        raw[position : position + 1] = strings.get(opcode.name, raw[position : position + 1])
    raw[1] = 2  # the protocol
    return bytes(raw)


def test_cifar10s_batches_are_read_without_pickles_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import CIFAR10

    random = np.random.default_rng(0)
    pixels, lists = [], {"train_list": [], "test_list": []}
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("data_batch_1", "data_batch_2", "test_batch"):
        data = random.integers(256, size=(20, 3072), dtype=np.uint8)
        raw = as_python_2_wrote({"data": data, "labels": [i % 10 for i in range(20)], "batch_label": name})
        (folder / name).write_bytes(raw)
        pixels.append(data.reshape(-1, 3, 32, 32))
        lists["test_list" if name == "test_batch" else "train_list"].append([name, hashlib.md5(raw).hexdigest()])
    for key, value in lists.items():
        monkeypatch.setattr(CIFAR10, key, value)
    data = Cifar10Dataset(root=str(tmp_path))
    assert sizes(data) == [36, 4, 20]
    assert np.array_equal(data.split("test").x.numpy(), pixels[2])
    assert np.array_equal(data.split("validation").x.numpy(), np.concatenate(pixels[:2])[cut(40, 4)["validation"]])


@pytest.mark.parametrize(
    "raw",
    [
        b"cposix\nsystem\n(S'touch pwned'\ntR.",
        b"cos\nsystem\n(S'touch pwned'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
    ],
)
def test_a_pickle_that_asks_for_more_than_arrays_is_refused(
    raw: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="only arrays and containers"):
        unpickle_arrays(raw)
    assert not list(tmp_path.iterdir())


def test_the_restricted_unpickler_reads_arrays_and_containers() -> None:
    held = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "b": [1, 2.5, "c", None, (True, {"d": b"e"})]}
    for protocol in (3, 4):
        read = unpickle_arrays(pickle.dumps({"a": held["a"]}, protocol=protocol))
        assert np.array_equal(read["a"], held["a"]) and read["a"].dtype == np.int16
    assert unpickle_arrays(pickle.dumps(held["b"], protocol=4)) == held["b"]


def test_a_batch_file_with_other_bytes_than_the_published_ones_is_not_unpickled(tmp_path: Path) -> None:
    (tmp_path / "batch").write_bytes(pickle.dumps({}))
    with pytest.raises(DataError, match="not the published file"):
        read_cifar_batch(tmp_path / "batch", "0" * 32)


def test_svhns_matlab_files_are_turned_upright_and_digit_0_is_class_0(tmp_path: Path) -> None:
    from scipy.io import savemat

    x = np.random.default_rng(0).integers(256, size=(32, 32, 3, 8), dtype=np.uint8)
    savemat(tmp_path / "test_32x32.mat", {"X": x, "y": np.arange(3, 11)[:, None]})
    test = SvhnDataset(root=str(tmp_path)).split("test")
    assert test.y.tolist() == [3, 4, 5, 6, 7, 8, 9, 0]
    assert np.array_equal(test.x[5].permute(1, 2, 0).numpy(), x[..., 5])


def test_stl10s_columns_become_rows_and_unlabelled_images_have_no_class(tmp_path: Path) -> None:
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    x = np.random.default_rng(0).integers(256, size=(20, 3, 96, 96), dtype=np.uint8)
    for name in ("train_X.bin", "test_X.bin", "unlabeled_X.bin"):
        (folder / name).write_bytes(x.transpose(0, 1, 3, 2).tobytes())
    for name in ("train_y.bin", "test_y.bin"):
        (folder / name).write_bytes(bytes(i % 10 + 1 for i in range(20)))
    data = Stl10Dataset(root=str(tmp_path))
    assert sizes(data) == [18, 2, 20]
    assert np.array_equal(data.split("test").x.numpy(), x)
    assert data.split("test").y.tolist() == [i % 10 for i in range(20)]
    more = Stl10Dataset(root=str(tmp_path), unlabelled=True).split("train")
    assert len(more) == 38 and (more.y == -1).sum() == 20 and np.array_equal(more.x[18:].numpy(), x)


def test_nobody_in_the_part_of_celeba_is_in_two_splits(tmp_path: Path) -> None:
    people = np.arange(60) // 3
    (tmp_path / "celeba").mkdir()
    arrays = {}
    for name, identity in (("train", people), ("test", people + 100)):
        arrays |= {
            f"x_{name}": np.zeros((60, 64, 64, 3), np.uint8),
            f"attr_{name}": np.zeros((60, 40), np.uint8),
            f"identity_{name}": identity.astype(np.int32),
        }
    np.savez(tmp_path / "celeba/celeba64_subset.npz", attr_names=np.array(CelebaDataset.ATTRIBUTES), **arrays)
    data = CelebaDataset(root=str(tmp_path), size=8)
    train, validation, test = (data.split(name).groups for name in ("train", "validation", "test"))
    assert train is not None and validation is not None and test is not None
    assert (len(train), len(validation), len(test)) == (54, 6, 60)
    assert not set(train.tolist()) & set(validation.tolist())


@pytest.fixture
def celeba(tmp_path: Path) -> Path:
    """A set in CelebA's own layout: pictures numbered by their grey level."""
    folder = tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{i:06}.jpg" for i in range(1, 7)]
    for place, name in enumerate(names):
        Image.new("RGB", (178, 218), (20 * place,) * 3).save(folder / "img_align_celeba" / name, quality=95)
    (folder / "list_eval_partition.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(names, [0, 0, 0, 1, 2, 2])))
    rows = [
        f"{n} " + "  ".join("1" if (place + a) % 3 == 0 else "-1" for a in range(40)) for place, n in enumerate(names)
    ]
    (folder / "list_attr_celeba.txt").write_text("\n".join(["6", " ".join(CelebaDataset.ATTRIBUTES), *rows]) + "\n")
    return tmp_path


def test_celebas_own_layout_gives_the_official_partition(celeba: Path) -> None:
    data = CelebaDataset(root=str(celeba))
    assert sizes(data) == [3, 1, 2]
    test = data.split("test")
    assert test.x[0].shape == (3, 64, 64) and int(test.x[1].float().mean().round()) == 100
    assert test.attributes[0].tolist() == [int((4 + a) % 3 == 0) for a in range(40)]


def test_people_of_the_whole_celeba_are_groups_where_the_list_is_there(celeba: Path) -> None:
    assert CelebaDataset(root=str(celeba)).split("train").groups is None
    people = celeba / "celeba/identity_CelebA.txt"
    people.write_text("".join(f"{place:06}.jpg {person}\n" for place, person in enumerate([7, 3, 7, 12, 5, 5], 1)))
    data = CelebaDataset(root=str(celeba))
    groups = [data.split(name).groups for name in ("train", "validation", "test")]
    assert [one.tolist() for one in groups if one is not None] == [[7, 3, 7], [12], [5, 5]]
    assert groups[0] is not None and groups[0].dtype == torch.int64
    for damaged in ("000001.jpg 7\n", "000001.jpg seven\n", "000001.jpg\n"):
        people.write_text(damaged)
        with pytest.raises(DataError, match=r"does not fit list_eval_partition\.txt"):
            data.split("train")


def test_a_set_of_celeba_keeps_its_rows_columns_and_people(celeba: Path) -> None:
    (celeba / "celeba/identity_CelebA.txt").write_text("".join(f"{place:06}.jpg {place}\n" for place in range(1, 7)))
    whole = CelebaDataset(root=str(celeba)).split("train")
    made = open_dataset(
        "celeba:Eyeglasses", root=str(celeba), settings={"negatives": 1, "negatives_order": "first"}
    ).split("train")
    glasses = whole.attributes[:, CelebaDataset.ATTRIBUTES.index("Eyeglasses")]
    kept = [int(glasses.argmax()), int((glasses == 0).nonzero()[0])]
    assert (
        len(made) == 2
        and made.groups is not None
        and sorted(made.groups.tolist()) == sorted(whole.groups[kept].tolist())
    )
    assert made.attributes is not None and torch.equal(made.attributes[:, 0], glasses[sorted(kept)])
    assert torch.equal(made.x[0], whole.x[min(kept)])


IN_PAPER = {
    "Eye": ("Eyeglasses", 2),
    "Facial": ("facial-hair=Goatee|Mustache|!No_Beard", 1),
    "EyeFacial": ("Eyeglasses, facial-hair=Goatee|Mustache|!No_Beard", 1),
}


@needs_shared
@pytest.mark.parametrize("name", IN_PAPER)
def test_introvacs_sets_of_the_real_celeba_are_those_made_by_hand(name: str) -> None:
    expression, negatives = IN_PAPER[name]
    settings = {"negatives": negatives, "negatives_order": "first"}
    made = open_dataset(f"celeba:{expression}", root=str(SHARED), settings=settings).split("test")
    whole = CelebaDataset(root=str(SHARED)).split("test")
    column = {one: whole.attributes[:, place].bool() for place, one in enumerate(CelebaDataset.ATTRIBUTES)}
    glasses, hair = column["Eyeglasses"], column["Goatee"] | column["Mustache"] | ~column["No_Beard"]
    wanted = torch.stack({"Eye": [glasses], "Facial": [hair], "EyeFacial": [glasses, hair]}[name], 1)
    positive = wanted.any(1)
    others = (~positive).nonzero().flatten()[: negatives * int(positive.sum())]
    rows = torch.cat([positive.nonzero().flatten(), others]).sort().values
    assert torch.equal(made.x, whole.x[rows]) and torch.equal(made.attributes.bool(), wanted[rows])
    assert torch.equal(made.groups, whole.groups[rows]) and len(rows) == (1 + negatives) * int(positive.sum())


def test_a_face_is_resized_to_78_by_64_and_loses_seven_rows_above_and_below(celeba: Path) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(218, 178, 3), dtype=np.uint8)
    path = celeba / "celeba/img_align_celeba/000005.jpg"
    Image.fromarray(pixels).save(path)
    picture = np.asarray(Image.open(path).resize((64, 78), Image.Resampling.LANCZOS))
    ours = CelebaDataset(root=str(celeba)).split("test").x[0]
    assert np.array_equal(ours.permute(1, 2, 0).numpy(), picture[7:71])
    assert CelebaDataset(root=str(celeba), size=(128, 96)).split("test").x[0].shape == (3, 128, 96)


@needs_shared
def test_the_part_of_celeba_is_not_blown_up() -> None:
    with pytest.raises(DataError, match="faces at 64×64, 128×128 was asked for"):
        CelebaDataset(root=str(SHARED), size=128).split("test")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\0\0\x08\x01\0\0\0\x05abc", "has 3 values, its header says 5"),
        (b"\0\0\x0d\x01\0\0\0\x01abcd", "not an idx file of unsigned bytes"),
        (b"", "not an idx file"),
    ],
)
def test_damaged_idx_files_are_refused(raw: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(raw)
    with pytest.raises(DataError, match=text):
        read_idx(tmp_path / "file")
    (tmp_path / "file.gz").write_bytes(gzip.compress(raw)[:-4])
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path / "file.gz")


# Folders


def save(path: Path, *shape: int, seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for label in ("dog", "cat"):
        for i in range(15):
            save(tmp_path / label / f"{i:02}.png", 6, 9, 3, seed=i + 100 * (label == "dog"))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_folders_one_level_down_are_classes(pets: Path) -> None:
    data = FolderDataset(path=str(pets))
    assert data.labels.names == ("cat", "dog") and data.image_shape == (3, 6, 9)
    assert sizes(data) == [24, 3, 3]
    parts = cut(30, 3, 3)
    for name in SPLITS:
        split = data.split(name)
        for place, number in enumerate(parts[name].tolist()):
            label, i = divmod(number, 15)
            pixels = np.asarray(Image.open(pets / ("cat", "dog")[label] / f"{i:02}.png"))
            assert split.y[place] == label
            assert np.array_equal(split.x[place].permute(1, 2, 0).numpy(), pixels)


def test_a_folder_streams_the_same_batches_as_it_has_in_memory(pets: Path) -> None:
    split = FolderDataset(path=str(pets), size=(8, 5)).split("train")
    memory, streaming = (Stream(s, 5, seed=1) for s in (open_source(split), StreamingSource(split, workers=1)))
    for _ in range(6):
        a, b = memory.next(), streaming.next()
        assert a.x.shape == (5, 3, 8, 5) and torch.equal(a.x, b.x) and torch.equal(a.y, b.y)


def test_pictures_are_read_only_when_asked_for(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(Image, "open", lambda path, open=Image.open, **how: opened.append(path) or open(path, **how))
    split = FolderDataset(path=str(pets)).split("train")
    assert len(opened) == 1  # the first one's header, for the size
    split.x[3]
    assert len(opened) == 2


def test_folders_named_after_splits_are_splits(tmp_path: Path) -> None:
    for i in range(10):
        save(tmp_path / "train" / f"{i}.png", 4, 4, seed=i)
    last = save(tmp_path / "test" / "0.png", 4, 4, seed=99)
    data = FolderDataset(path=str(tmp_path))
    assert sizes(data) == [9, 1, 1] and data.labels.type == "none" and data.image_shape == (1, 4, 4)
    assert np.array_equal(data.split("test").x[0][0].numpy(), last)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for label in ("train", "car"):
        for i in range(3):
            save(tmp_path / label / f"{i}.png", 4, 4, seed=i)
    assert FolderDataset(path=str(tmp_path)).labels.names == ("car", "train")


def test_pictures_of_any_size_and_mode_come_at_the_size_and_channels_asked_for(tmp_path: Path) -> None:
    for i, shape in enumerate([(10, 20), (30, 12, 3), (7, 7, 4), (8, 8)]):
        save(tmp_path / f"{i}.png", *shape)
    for channels in (1, 3):
        split = FolderDataset(path=str(tmp_path), size=(6, 8), channels=channels, validation=0, test=0).split("train")
        assert {tuple(split.x[i].shape) for i in range(4)} == {(channels, 6, 8)}


def test_a_picture_is_cropped_in_the_middle(tmp_path: Path) -> None:
    pixels = save(tmp_path / "0.png", 8, 14)
    assert np.array_equal(
        FolderDataset(path=str(tmp_path), size=8, validation=0, test=0).split("train").x[0][0].numpy(), pixels[:, 3:11]
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:60]),
        lambda path: path.write_bytes(b"no picture at all"),
        lambda path: path.unlink(),
        lambda path: Image.fromarray(np.zeros((6, 9), np.uint16)).save(path),
        lambda path: Image.new("RGB", (3, 3)).save(path),
    ],
)
def test_a_picture_that_cannot_be_read_is_named(damage: Callable[[Path], object], pets: Path) -> None:
    data = FolderDataset(path=str(pets), validation=0, test=0)
    damage(pets / "dog" / "11.png")
    split = data.split("train")
    with pytest.raises(DataError, match=r"dog/11\.png") as raised:
        for i in range(len(split)):
            split.x[i]
    assert raised.value.hint and "\n" not in str(raised.value)


# Opens a folder's pictures with a stand-in for Ghostscript first in PATH, and prints which programs were started.
STARTED = """
import subprocess, sys
from PIL import Image
from zoo_basics.datasets.folder import FolderDataset
from zoo_core.errors import DataError

started = []
sys.addaudithook(lambda event, args: started.append(args[1][0]) if event == "subprocess.Popen" else None)
folder, careless = sys.argv[1:]
if careless == "careless":
    Image.open(folder + "/1.png").load()
else:
    images = FolderDataset(path=folder, validation=0, test=0).split("train").x
    for index in range(len(images)):
        try:
            images[index]
        except DataError as error:
            print(error.what.rpartition("/")[2], file=sys.stderr)
print(started)
"""


@pytest.mark.parametrize("careless", [True, False])
def test_a_picture_never_starts_ghostscript(careless: bool, tmp_path: Path) -> None:
    programs, called = tmp_path / "bin", tmp_path / "called"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\necho called >> {called}\nexit 1\n")
    (programs / "gs").chmod(0o755)
    pictures = tmp_path / "pictures"
    for name in ("0.png", "2.png"):
        save(pictures / name, 8, 8, 3)
    (pictures / "1.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        [sys.executable, "-c", STARTED, str(pictures), "careless" if careless else ""],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        timeout=120,
    )
    if careless:  # the trap works: Pillow left to itself goes by the content
        assert called.exists() and "gs" in ran.stderr
        return
    assert ran.stdout.strip() == "[]" and not called.exists()
    assert ran.stderr.splitlines() == ["1.png cannot be read as a picture: its content is not PNG"]


@pytest.mark.parametrize(
    "name, content, ends", [("3.png", "JPEG", ".jpg"), ("3.jpg", "PNG", ".png"), ("3.tiff", "BMP", ".bmp")]
)
def test_a_picture_of_another_format_than_its_name_says_is_refused_with_both(
    name: str, content: str, ends: str, tmp_path: Path
) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / name, format=content)
    with pytest.raises(
        DataError, match=rf"the name of .*{name} says \w+, its content is {content}; rename it to end in \{ends}"
    ):
        FolderDataset(path=str(tmp_path))


def test_pictures_are_opened_in_every_format_that_is_taken(tmp_path: Path) -> None:
    for place, suffix in enumerate(FORMATS):
        Image.new("L" if suffix == ".pgm" else "RGB", (4, 4)).save(
            tmp_path / f"{place:02}{suffix.upper()}", format=FORMATS[suffix]
        )
    images = FolderDataset(path=str(tmp_path), channels=3, validation=0, test=0).split("train").x
    assert [tuple(images[i].shape) for i in range(len(images))] == [(3, 4, 4)] * len(FORMATS)


def test_every_picture_is_opened_by_named_formats() -> None:
    """What is not named is decided by the file's content, which may start other programs."""
    root = Path(__file__).parents[3]
    calls = [
        (path, call)
        for where in ("zoo_core", "plugins", "experiments", "benchmarks")
        for path in (root / where).rglob("*.py")
        if "tests" not in path.relative_to(root).parts
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("Image.open", "PIL.Image.open")
    ]
    assert calls and not [str(path) for path, call in calls if "formats" not in [k.arg for k in call.keywords]]


def test_a_picture_in_the_jpeg_variant_of_cifar10_is_a_jpeg_or_refused(tmp_path: Path) -> None:
    files = io.BytesIO(), io.BytesIO()
    for file, content in zip(files, ("JPEG", "PNG")):
        Image.new("RGB", (32, 32)).save(file, format=content)
    sizes = [0, *(len(file.getvalue()) for file in files)]
    (tmp_path / "cifar10").mkdir()
    np.savez(
        tmp_path / "cifar10" / "cifar10_jpeg75.npz",
        y_test=np.zeros(2, np.uint8),
        test_offsets=np.cumsum(sizes),
        test_jpeg=np.frombuffer(b"".join(file.getvalue() for file in files), np.uint8),
    )
    with pytest.raises(DataError, match=r"picture 1 of .* cannot be read as a JPEG file"):
        Cifar10Dataset(root=str(tmp_path), variant="jpeg").split("test")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no picture"):
        FolderDataset(path=str(tmp_path))


def test_a_size_of_nothing_is_refused(pets: Path) -> None:
    with pytest.raises(SettingError, match="at least 1"):
        FolderDataset(path=str(pets), size=0)


# Files of arrays


def stored(path: Path, **arrays: np.ndarray) -> str:
    np.savez(path / "data.npz", **arrays)
    return str(path / "data.npz")


PIXELS = np.random.default_rng(0).integers(256, size=(40, 6, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (PIXELS, (3, 6, 9)),
        (np.ascontiguousarray(PIXELS.transpose(0, 3, 1, 2)), (3, 6, 9)),
        (PIXELS[..., 0], (1, 6, 9)),
        (PIXELS[..., :1], (1, 6, 9)),
    ],
)
def test_every_order_of_axes_is_understood(x: np.ndarray, shape: tuple[int, ...], tmp_path: Path) -> None:
    data = NpzDataset(path=stored(tmp_path, x=x, y=np.arange(40) % 4))
    assert data.image_shape == shape and data.labels.names == ("0", "1", "2", "3")
    assert sizes(data) == [32, 4, 4]
    indices = cut(40, 4, 4)["train"]
    expected = torch.from_numpy(PIXELS[indices]).permute(0, 3, 1, 2)[:, : shape[0]]
    assert torch.equal(data.split("train").x, expected)
    assert torch.equal(data.split("train").y, indices % 4)


def test_splits_in_the_file_are_kept_and_the_missing_one_is_cut_from_train(tmp_path: Path) -> None:
    marks = np.arange(80).reshape(40, 2) % 2
    path = stored(
        tmp_path,
        x_train=PIXELS,
        attr_train=marks,
        x_test=PIXELS[:5],
        attr_test=marks[:5],
        attr_names=np.array(["Even", "Odd"]),
    )
    data = NpzDataset(path=path, validation=0.25)
    assert data.labels.type == "attributes" and data.labels.names == ("Even", "Odd")
    assert sizes(data) == [30, 10, 5]
    assert np.array_equal(data.split("test").x.permute(0, 2, 3, 1).numpy(), PIXELS[:5])
    assert data.split("test").attributes.tolist() == marks[:5].tolist()


def test_where_the_channels_stand_can_be_said(tmp_path: Path) -> None:
    path = stored(tmp_path, x=np.zeros((20, 3, 8, 3), np.uint8))
    with pytest.raises(DataError, match=r"data\.layout"):
        NpzDataset(path=path)
    assert NpzDataset(path=path, layout="nchw").image_shape == (3, 8, 3)
    assert NpzDataset(path=path, layout="nhwc").image_shape == (3, 3, 8)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"images": PIXELS}, "neither x_train nor x; it has images"),
        ({"x": PIXELS / 255}, "is float64 of shape"),
        ({"x": PIXELS, "y": np.arange(39)}, r"expected integers of shape \(40\)"),
        ({"x": PIXELS, "y": np.array([None] * 40)}, "cannot be read"),
    ],
)
def test_files_without_fitting_arrays_are_refused(arrays: dict[str, np.ndarray], text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=text):
        NpzDataset(path=stored(tmp_path, **arrays)).split("train")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(DataError, match=r"cannot be read as an \.npz file"):
        NpzDataset(path=str(tmp_path / "data.npz"))
    whole = io.BytesIO()
    np.savez(whole, x=PIXELS)
    (tmp_path / "data.npz").write_bytes(whole.getvalue()[:2000])
    with pytest.raises(DataError, match=r"cannot be read as an \.npz file"):
        NpzDataset(path=str(tmp_path / "data.npz"))
