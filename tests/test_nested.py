"""Components inside components: chosen, set, saved and found again by name, like parts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import zoo_core as zoo
from zoo_core.building.builder import build_part
from zoo_core.cli import main
from zoo_core.errors import ConfigError, PluginMissing, SettingError, UnknownName, WeightsError
from zoo_core.hub.requirements import requirements
from zoo_core.interfaces import Decoder, Labels, Nested
from zoo_core.registry.parameter import parameters

CLASSES = Labels("classes", ("a", "b"))
SMALL: dict[str, Any] = {"encoder.hidden": [4], "decoder.net.hidden": [5], "objective.adversarial-prior.hidden": [4]}
GOLDEN = Path(__file__).parent / "golden" / "0.1"


def heads(seed: int = 0, **settings: Any) -> zoo.Model:
    return zoo.build("aae-dimred", image_shape=(1, 8, 8), labels=CLASSES, seed=seed, **{**SMALL, **settings})


def net_of(model: zoo.Model) -> dict[str, Any]:
    """The entry of the decoder's net."""
    entry: dict[str, Any] = model.config["parts"]["decoder"]["params"]["net"]
    return entry


def scored(**settings: Any) -> zoo.Model:
    """A GAN whose discriminator is a score on a small ResNet."""
    net = {"name": "cifar-resnet20", "weights": None}
    discriminator = {"name": "score-head", "features": 8, "net": net}
    return zoo.build(
        "gan", image_shape=(3, 32, 32), objective="hinge", width=8, discriminator=discriminator, **settings
    )


def same(a: zoo.Model, b: zoo.Model) -> bool:
    first, second = a.published_state(), b.published_state()
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


# ------------------------------------------------------------------------------------------------ settings


def test_it_has_an_entry_of_its_own_with_everything_that_was_decided() -> None:
    entry = net_of(heads())
    assert (entry["kind"], entry["name"], entry["format"]) == ("decoder", "zoo-basics:mlp", 1)
    assert entry["params"]["hidden"] == [5] and entry["params"]["sigma"] == "fixed"
    assert "activation" in entry["params"], "defaults too, so that a saved model does not change when one does"
    assert "latent_dim" not in entry["params"], "which the decoder around it decides"


@pytest.mark.parametrize(
    "settings",
    [
        {"decoder.net.hidden": [7]},
        {"decoder.net": {"hidden": [7]}},
        {"decoder.net": {"name": "mlp", "hidden": [7]}},
        {"decoder.net": "zoo-basics:mlp", "decoder.net.hidden": [7]},
        {"decoder": {"net": {"hidden": [7]}}},
        {"decoder": {"name": "cluster-heads", "net": {"hidden": [7]}}},
    ],
)
def test_it_is_set_by_dots_and_by_tables_and_what_is_not_said_stays_the_recipes(settings: dict[str, Any]) -> None:
    params = net_of(
        zoo.build("aae-dimred", image_shape=(1, 8, 8), labels=CLASSES, **{"encoder.hidden": [4], **settings})
    )["params"]
    assert (params["hidden"], params["sigma"], params["init_std"]) == ([7], "fixed", 0.01)


def test_another_one_starts_without_the_settings_of_the_old_one() -> None:
    model = zoo.build(
        "aae-dimred", image_shape=(1, 16, 16), labels=CLASSES, **{"decoder.net": "resnet", "decoder.net.width": 2}
    )
    assert net_of(model)["name"] == "zoo-basics:resnet" and net_of(model)["params"]["width"] == 2


def test_one_inside_one_is_reached_by_more_dots() -> None:
    deep = {"discriminator.net": "score-head", "discriminator.net.net": "small-cnn", "discriminator.net.net.width": 3}
    model = scored(**deep, **{"discriminator.net.net.layers": ["conv1"]})
    inner = model.config["parts"]["discriminator"]["params"]["net"]["params"]["net"]
    assert (inner["name"], inner["params"]["width"]) == ("zoo-features:small-cnn", 3)


@pytest.mark.parametrize(("settings", "error", "says"), [
    ({"decoder.net.hiden": [7]}, SettingError, r'decoder\.net\.hiden: MLPDecoder has no such parameter; did you mean "hidden"'),
    ({"decoder.net": {"hiden": [7]}}, SettingError, r'decoder\.net\.hiden: MLPDecoder has no such parameter; did you mean "hidden"'),
    ({"decoder.net.hidden": "wide"}, SettingError, r"decoder\.net\.hidden: should be a list of integers"),
    ({"decoder.net": "mpl"}, UnknownName, r'there is no decoder "mpl"; did you mean "mlp"'),
    ({"decoder.net": "small-cnn"}, UnknownName, "of kind feature-extractor"),
    ({"decoder.net": 3}, SettingError, r"decoder\.net: should be the name of a component of kind decoder, .*, got '3'"),
    ({"decoder.net": {"name": 3}}, SettingError, r"decoder\.net: should be the name of a component of kind decoder"),
    ({"decoder.net.latent_dim": 9}, SettingError, r"decoder\.net\.latent_dim: is decided by ClusterHeadDecoder and cannot be set"),
])  # fmt: skip
def test_what_is_wrong_inside_is_told_with_its_place(
    settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        heads(**settings)


def test_info_lists_it_with_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "aae-dimred", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["parts"]["decoder"]["parameters"]
    assert found["net"] == {"type": "decoder", "bounds": "", "default": "mlp"}
    assert found["net.hidden"]["default"] == [1000, 1000] and found["net.activation"]["default"] == "relu"
    assert main(["info", "score-head"]) == 0
    assert "net.width" in capsys.readouterr().out


def test_the_command_line_sets_it_and_tells_what_is_misspelt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = [f"--set={key}={json.dumps(value)}" for key, value in SMALL.items()]
    run = [
        "train",
        "aae-dimred",
        "--data",
        "digits",
        "--epochs",
        "1",
        "--labels",
        "100",
        "--quiet",
        "--device",
        "cpu",
        *small,
    ]
    assert main([*run, "--out", str(tmp_path / "run")]) == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["parts"]["decoder"]["params"]["net"]["params"][
        "hidden"
    ] == [5]
    assert main([*run, "--set", "decoder.net.hiden=[5]", "--out", str(tmp_path / "other")]) == 2
    assert 'decoder.net.hiden: MLPDecoder has no such parameter; did you mean "hidden"' in capsys.readouterr().err
    assert main(["inspect", str(tmp_path / "run")]) == 0
    assert "decoder.net\tzoo-basics:mlp" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------ weights


def test_its_first_weights_come_from_a_seed_of_its_own() -> None:
    first, again, other = heads(), heads(), heads(seed=1)
    name = next(key for key in first.state_dict() if key.startswith("parts.decoder.net.") and key.endswith("weight"))
    assert torch.equal(first.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(first.state_dict()[name], other.state_dict()[name])
    swapped = heads(**{"decoder.net.hidden": [6]})
    assert torch.equal(first.state_dict()["parts.decoder.heads"], swapped.state_dict()["parts.decoder.heads"])


@pytest.mark.parametrize("make", [heads, scored])
def test_a_model_with_one_comes_back_from_its_folder_and_from_its_config(
    make: Callable[[], zoo.Model], tmp_path: Path
) -> None:
    model = make()
    loaded = zoo.load(model.save(tmp_path))
    assert same(model, loaded) and loaded.config == model.config
    assert zoo.build(model.config).config == model.config


def test_weights_that_it_started_from_are_saved_with_it_and_no_path_is(tmp_path: Path) -> None:
    start = scored().parts["discriminator"].net
    save_file(start.state_dict(), tmp_path / "start.safetensors")
    model = scored(**{"discriminator.net.weights": str(tmp_path / "start.safetensors")})
    for name, tensor in start.state_dict().items():
        assert torch.equal(model.parts["discriminator"].net.state_dict()[name], tensor), name
    model.save(tmp_path / "saved")
    assert str(tmp_path) not in (tmp_path / "saved" / "config.json").read_text()
    (tmp_path / "start.safetensors").unlink()
    assert same(model, zoo.load(tmp_path / "saved"))


def test_a_part_taken_from_a_saved_model_brings_it_along(tmp_path: Path) -> None:
    saved = heads().save(tmp_path)
    model = heads(seed=3, decoder=saved)
    assert torch.equal(model.state_dict()["parts.decoder.heads"], zoo.load(saved).state_dict()["parts.decoder.heads"])
    assert net_of(model) == net_of(zoo.load(saved))


# ------------------------------------------------------------------------------------------------ configs


def changed(model: zoo.Model, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The model saved, its config changed."""
    model.save(folder)
    config = copy.deepcopy(model.config)
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_its_plugin_is_required_and_named_where_it_is_missing(tmp_path: Path) -> None:
    assert {one.plugin for one in requirements(heads().config)} == {"zoo-aae", "zoo-basics"}
    only_inside = {
        "parts": {"decoder": {**heads().config["parts"]["decoder"], "name": "zoo-aae:cluster-heads"}},
        "objectives": {},
        "sampler": "",
    }
    assert {one.plugin for one in requirements(only_inside)} == {"zoo-aae", "zoo-basics"}

    def elsewhere(config: dict[str, Any]) -> None:
        config["parts"]["decoder"]["params"]["net"]["name"] = "zoo-elsewhere:mlp"

    with pytest.raises(PluginMissing, match=r"needs what is not installed: zoo-elsewhere"):
        zoo.load(changed(heads(), tmp_path, elsewhere))


def test_one_of_a_later_format_says_what_to_update(tmp_path: Path) -> None:
    def later(config: dict[str, Any]) -> None:
        config["parts"]["decoder"]["params"]["net"]["format"] = 99

    with pytest.raises(
        ConfigError, match=r"parts\.decoder\.net was saved by zoo-basics .* in format 99.*pip install -U zoo-basics"
    ):
        zoo.load(changed(heads(), tmp_path, later))


def test_one_of_another_kind_is_refused(tmp_path: Path) -> None:
    def other(config: dict[str, Any]) -> None:
        config["parts"]["decoder"]["params"]["net"] |= {"kind": "encoder", "name": "zoo-basics:mlp"}

    with pytest.raises(ConfigError, match=r"parts\.decoder\.net should be of kind decoder, is of kind 'encoder'"):
        zoo.load(changed(heads(), tmp_path, other))


def test_a_misspelt_key_of_it_in_a_config_is_told_with_its_place(tmp_path: Path) -> None:
    def misspelt(config: dict[str, Any]) -> None:
        params = config["parts"]["decoder"]["params"]["net"]["params"]
        params["hiden"] = params.pop("hidden")

    with pytest.raises(
        SettingError, match=r'decoder\.net\.hiden: MLPDecoder has no such parameter; did you mean "hidden"'
    ):
        zoo.load(changed(heads(), tmp_path, misspelt))


def test_inspect_shows_it(tmp_path: Path) -> None:
    found = zoo.inspect(heads().save(tmp_path))
    assert found.parts["decoder"] == "zoo-aae:cluster-heads" and found.parts["decoder.net"] == "zoo-basics:mlp"
    dfm = zoo.build(
        "dfm-gan", data="digits", width=2, **{"objective.dfm.denoiser.depth": 1, "discriminator.features": 4}
    )
    assert zoo.inspect(dfm.save(tmp_path / "dfm")).objectives["dfm.denoiser"] == "zoo-dfm:mlp-denoiser"


@pytest.mark.parametrize(
    "named",
    [
        {"name": "cifar-resnet20", "weights": "hf:evil/tracker"},
        {"name": "cifar-resnet20", "weights": "FILE"},
        "vgg11",
        {"name": "vgg11"},
    ],
)
def test_an_older_config_that_names_weights_inside_takes_them_from_its_own_file(
    named: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to format 1 a discriminator's net was a bare table, and its weights came from wherever that said."""
    asked: list[str] = []
    monkeypatch.setattr("zoo_core.hub.download.fetch_file", lambda repo, *rest, **more: asked.append(repo))
    monkeypatch.setattr("zoo_features.weights._parse", lambda content, where: asked.append(where))
    (tmp_path / "bait").write_text("not yours")

    def older(config: dict[str, Any]) -> None:
        entry = config["parts"]["discriminator"]
        entry["format"] = 1
        entry["params"]["net"] = json.loads(json.dumps(named).replace("FILE", str(tmp_path / "bait")))

    folder = changed(scored(), tmp_path / "model", older)
    try:
        zoo.load(folder, allow_external=False)
    except WeightsError as error:
        assert "differ" in str(error) or "missing" in str(error) or "config" in str(error)
    assert not asked


# ------------------------------------------------------------------------------------------------ for authors


def test_a_constructor_called_by_hand_says_how_components_are_built() -> None:
    with pytest.raises(RuntimeError, match="build the component by name"):
        Nested[Decoder]("zoo-basics:mlp").build()


def test_its_default_is_shown_as_a_user_writes_it() -> None:
    decoder = build_part("decoder", {"name": "cluster-heads", "net": {"hidden": [3]}}, image_shape=(1, 8, 8))
    assert parameters(type(decoder))["net"].default == "zoo-basics:mlp"
    assert parameters(type(decoder))["net"].nested == "decoder"
    assert repr(Nested("zoo-basics:mlp", hidden=[3])) == "Nested('zoo-basics:mlp', hidden=[3])"
    assert Nested("a:b", width=1) == Nested("a:b", width=1) != Nested("a:b")


def test_a_card_lists_it_beside_the_part_around_it(tmp_path: Path) -> None:
    from zoo_core.publishing.card import model_card

    card = model_card(
        heads().config,
        repo="org/name",
        licence="mit",
        run=None,
        figures=[],
        pictures=[],
        parameters=1,
        size_bytes=1,
        dtypes=["float32"],
    )
    lines = card.splitlines()
    (outer,) = [line for line in lines if line.startswith("| decoder |")]
    (inner,) = [line for line in lines if line.startswith("| decoder.net |")]
    assert "cluster-heads (decoder)" in outer and "hidden" not in outer
    assert "mlp (decoder)" in inner and "hidden = \\[5\\]" in inner


def test_a_constructor_can_ask_whether_the_chosen_one_has_a_setting() -> None:
    """``classes`` of the component around goes to nets that take it, and not to those that follow the labels."""
    labels = Labels("classes", ("a", "b", "c"))
    given = {"fortified": ["layer1"], "classes": 3}
    net = {"name": "cifar-resnet20", "weights": None}
    spec = {"name": "zoo-fortified:fortified", **given, "net": net}
    asked = build_part("feature-extractor", spec, image_shape=(3, 32, 32), labels=labels)
    assert asked.shapes["logits"] == (3,)
    spec = {**spec, "fortified": ["conv3"], "net": {"name": "small-cnn", "width": 4, "hidden": 8}}
    assert build_part("feature-extractor", spec, image_shape=(3, 32, 32), labels=labels).shapes["logits"] == (3,)
    assert not Nested("zoo-basics:mlp").takes("hidden"), "known once it can be built"
