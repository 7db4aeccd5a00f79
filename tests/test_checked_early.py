"""Whatever can be refused before anything is built or fetched, is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
from zoo_core.building import builder as building
from zoo_core.cli import main
from zoo_core.errors import IncompatibleError, SettingError, UnknownName, WeightsError


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The classes whose constructors ran, and the repositories that were asked."""
    seen: list[str] = []
    construct = building.constructed

    def constructed(cls: type[Any], *rest: Any, **more: Any) -> Any:
        seen.append(cls.__name__)
        return construct(cls, *rest, **more)

    monkeypatch.setattr(building, "constructed", constructed)

    def download(repo: str, *rest: Any) -> Any:
        seen.append(repo)
        raise WeightsError("there is no network")

    monkeypatch.setattr("zoo_features.weights._download", download)
    return seen


@pytest.mark.parametrize(("settings", "error", "says"), [
    ({"training.epochs": "abc"}, SettingError, r"training\.epochs: should be an integer ≥ 0, got \"abc\""),
    ({"training.epoch": 3}, SettingError, r"training\.epoch: .*did you mean \"epochs\""),
    ({"training": {"batch_size": 0}}, SettingError, r"training\.batch_size: should be an integer ≥ 1, got 0"),
    ({"training.players.autoencoder.lr": -1}, SettingError, r"training\.players\.autoencoder\.lr: should be a number > 0"),
    ({"training.players.autoencoder.rate": 1}, SettingError, r"training\.players\.autoencoder\.rate: "),
    ({"training.players.mine": {"optimizer": "adagrad"}}, SettingError, r"training\.players\.mine\.optimizer: should be one of adam"),
    ({"training.turns": [{"losses": ["fit"], "players": ["autoencoder"], "batches": 0}]}, SettingError, r"training\.turns\[0\]\.batches"),
    ({"training.streams": {"labelled": {"size": 3}}}, SettingError, r"training\.streams"),
    ({"prior.std": "wide"}, SettingError, r"prior\.std: should be a number"),
    ({"decoder.widht": 3}, SettingError, r"decoder\.widht: .*did you mean \"width\""),
    ({"objective.discreg.weight": -1}, SettingError, r"objective\.discreg\.weight: should be"),
    ({"objective.elbo.beta": "big"}, SettingError, r"objective\.elbo\.beta: should be a number"),
    ({"decoder": "cluster-heads", "decoder.net.hiden": [3]}, SettingError, r"decoder\.net\.hiden: "),
    ({"decoder": "cluster-heads", "decoder.net": "mpl"}, UnknownName, 'no decoder "mpl"'),
    ({"image_shape": (2, 32, 32)}, IncompatibleError, r"classifier: \"vgg19\" takes 1 or 3 channels, not 2"),
])  # fmt: skip
def test_what_is_wrong_with_the_last_part_is_told_before_the_first_is_built(
    settings: dict[str, Any], error: type[Exception], says: str, built: list[str]
) -> None:
    with pytest.raises(error, match=says):
        zoo.build("discreg-vae", **settings)
    assert built == []


def test_the_recipe_as_it_is_builds_and_fetches(built: list[str]) -> None:
    """The fixture sees what it should."""
    with pytest.raises(WeightsError, match="no network"):
        zoo.build("discreg-vae", **{"encoder.width": 4, "decoder.width": 4})
    assert built[0] == "DCGANEncoder" and built[-1].startswith("timm/vgg19")


def test_the_command_line_refuses_it_without_a_run_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], built: list[str]
) -> None:
    assert main(["train", "discreg-vae", "--set", "training.epochs=abc", "--out", str(tmp_path / "run")]) == 2
    assert 'training.epochs: should be an integer ≥ 0, got "abc"' in capsys.readouterr().err
    assert not (tmp_path / "run").exists() and built == []
