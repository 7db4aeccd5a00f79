"""What a user may say of data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoo_core.data import ArrayDataset, open_dataset
from zoo_core.errors import DataError, SettingError, UnknownName


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place in range(4):
        Image.new("L", (10 + place, 8), place).save(tmp_path / f"{place}.png")
    return tmp_path


@pytest.mark.parametrize("name", ["digits", "zoo-basics:digits"])
def test_a_set_is_found_by_its_short_and_its_full_name(name: str) -> None:
    assert open_dataset(name, root="unused").image_shape == (1, 32, 32)


@pytest.mark.parametrize("name", ["folder", "zoo-basics:folder"])
def test_what_follows_the_name_is_a_path(name: str, folder: Path) -> None:
    data = open_dataset(f"{name}:{folder}")
    assert data.image_shape == (1, 8, 10) and data.name == f"folder:{folder}"


def test_a_path_may_have_colons(folder: Path) -> None:
    odd = folder / "a:b:c"
    odd.mkdir()
    Image.new("RGB", (3, 3)).save(odd / "0.png")
    assert open_dataset(f"folder:{odd}").image_shape == (3, 3, 3)


def test_a_set_without_a_size_of_its_own_is_resized() -> None:
    data = open_dataset("digits", image_size=(16, 24))
    assert data.image_shape == (1, 16, 24)
    assert data.split("test").x.shape == (250, 1, 16, 24)


def test_a_set_with_a_size_of_its_own_reads_at_the_image_size(folder: Path) -> None:
    split = open_dataset(f"folder:{folder}", image_size=6).split("train")
    assert [tuple(split.x[i].shape) for i in range(len(split))] == [(1, 6, 6)] * 2


def test_the_folder_with_data_sets_reaches_those_that_look_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=str(tmp_path.name)):
        open_dataset("mnist", root=str(tmp_path)).split("train")


def test_settings_are_checked(folder: Path) -> None:
    assert open_dataset(f"folder:{folder}", settings={"channels": 3, "size": 5}).image_shape == (3, 5, 5)
    with pytest.raises(SettingError):
        open_dataset("digits", settings={"colour": True})
    with pytest.raises(SettingError):
        open_dataset(f"folder:{folder}", settings={"validation": 1.5})


def test_objects_are_taken_as_they_are() -> None:
    x, y = torch.zeros(10, 1, 4, 4, dtype=torch.uint8), torch.zeros(10, dtype=torch.int64)
    own = ArrayDataset(x)
    assert open_dataset(own) is own
    assert open_dataset(own, image_size=4) is own
    assert open_dataset((x, y)).labels.type == "classes"
    assert open_dataset(np.zeros((10, 4, 4), np.uint8)).image_shape == (1, 4, 4)


@pytest.mark.parametrize(
    ("reference", "error", "text"),
    [
        ("digitz", UnknownName, "digits"),
        ("digits:./here", DataError, 'data set "digits" takes no path; type "digits"'),
        ("digits:here", DataError, 'digits has no class "here"; its classes are 0, 1'),
        ("folder", DataError, "folder:PATH"),
        ("./pictures", DataError, "folder:./pictures"),
        ("folder:/nowhere/at/all", DataError, "no folder /nowhere/at/all"),
        ("npz:/nowhere.npz", DataError, "no file /nowhere.npz"),
        (3, DataError, "data are a int"),
    ],
)
def test_references_that_mean_nothing_are_refused(reference: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        open_dataset(reference)
