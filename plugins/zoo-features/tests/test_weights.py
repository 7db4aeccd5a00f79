"""Where weights come from, and what is refused."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from zoo_features.weights import Published, fetch, load_into

import zoo_core as zoo
from zoo_core.errors import WeightsError

SHIPPED = files("zoo_features") / "weights" / "digit-classifier.safetensors"


def test_shipped_weights_come_with_their_digest() -> None:
    tensors, reference = fetch("default", Published("", "digit-classifier.safetensors"), "digit-classifier")
    assert tensors
    assert reference == {
        "package": "zoo-features",
        "file": "digit-classifier.safetensors",
        "sha256": hashlib.sha256(SHIPPED.read_bytes()).hexdigest(),
    }
    assert fetch(reference, None, "digit-classifier")[1] == reference


def test_a_reference_whose_file_changed_is_refused() -> None:
    reference = {"package": "zoo-features", "file": "digit-classifier.safetensors", "sha256": "0" * 64}
    with pytest.raises(WeightsError, match="has sha256"):
        fetch(reference, None, "digit-classifier")


@pytest.mark.parametrize("name", ["../__init__.py", "/etc/hostname", "nothing.safetensors"])
def test_a_reference_cannot_leave_the_package(name: str) -> None:
    with pytest.raises(WeightsError, match="has no weights"):
        fetch({"package": "zoo-features", "file": name, "sha256": "0" * 64}, None, "digit-classifier")


def test_offline_one_line_says_which_repository_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError) as refused:
        zoo.build("discreg-vae", classifier="vgg19", image_size=32)
    assert "timm/vgg19.tv_in1k" in str(refused.value) and '"weights": None' in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"\x80\x04not this")
    with pytest.raises(WeightsError, match="is no safetensors file"):
        fetch(str(tmp_path / "w.safetensors"), None, "net")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no file"):
        fetch(str(tmp_path / "nothing.safetensors"), None, "net")


def test_the_whole_difference_is_told_at_once(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3, 2), "odd": torch.zeros(1)}, tmp_path / "w.safetensors")
    tensors, reference = fetch(str(tmp_path / "w.safetensors"), None, "net")
    assert tensors is not None and reference is None
    with pytest.raises(WeightsError, match=r"missing bias; unexpected odd; weight is \(3, 2\), expected \(2, 2\)"):
        load_into(torch.nn.Linear(2, 2), tensors, "net")


def test_a_frozen_net_with_published_weights_is_not_saved_again(tmp_path: Path) -> None:
    model = zoo.build("discreg-vae", data="digits", latent_dim=4, **{"encoder.width": 4, "decoder.width": 4})
    model.save(tmp_path)
    assert model.config["parts"]["classifier"]["weights"]["package"] == "zoo-features"
    assert not any(name.startswith("parts.classifier") for name in model.published_state())
    again = zoo.load(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values()))


def test_a_hub_that_does_not_answer_is_told_without_the_clients_retries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr("zoo_core.hub.client.getproxies", dict)
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("it waited"))
    with pytest.raises(WeightsError, match="cannot be reached"):
        fetch("hf:org/net", None, "net")
