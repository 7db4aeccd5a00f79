"""build: names, settings and configs to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.building import build_part
from zoo_core.catalogue import catalogue
from zoo_core.errors import PluginFailed, SeamError, SettingError, UnknownName
from zoo_core.interfaces import Labels

SHAPE = (1, 8, 8)
TINY: dict[str, Any] = {"encoder.hidden": [6], "decoder.hidden": [5], "latent_dim": 4}


def tiny(**settings: Any) -> zoo.Model:
    """A VAE of a few hundred weights at 8x8 pixels."""
    return zoo.build("vae-mlp", image_shape=SHAPE, **{**TINY, **settings})


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """The same names and the same bits."""
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) and a[name].dtype == b[name].dtype for name in a)


def test_a_part_is_swapped_by_name_and_keeps_none_of_the_old_parameters() -> None:
    model = zoo.build("vae-mlp", image_shape=(1, 32, 32), encoder="dcgan", decoder={"name": "mlp", "hidden": [5]},
                      **{"encoder.width": 4})
    entry = model.config["parts"]["encoder"]
    assert entry["name"] == "zoo-basics:dcgan"
    assert (entry["params"]["width"], entry["params"]["latent_dim"]) == (4, 64)
    assert "hidden" not in entry["params"]


def test_a_part_is_given_as_a_table() -> None:
    model = tiny(decoder={"name": "mlp", "hidden": [3], "likelihood": "gaussian"})
    assert model.config["parts"]["decoder"]["params"]["likelihood"] == "gaussian"
    assert model.parts["decoder"].head.in_features == 5, "a dotted key goes further in than a table"


@pytest.mark.parametrize(("value", "got"), [(0, "0"), ("wide", '"wide"')])
def test_a_wrong_shared_parameter_is_told_by_the_name_that_was_typed(value: object, got: str) -> None:
    with pytest.raises(SettingError) as caught:
        zoo.build("vae", image_shape=(1, 32, 32), latent_dim=value)
    assert str(caught.value).startswith("latent_dim: should be an integer")
    assert f"got {got}" in str(caught.value)
    assert "encoder" not in str(caught.value)
    default = catalogue().recipe("vae").shared["latent_dim"].default
    assert caught.value.hint == f"for instance latent_dim={default}"


def test_a_shared_parameter_reaches_every_part_and_one_part_may_say_otherwise() -> None:
    model = tiny(latent_dim=7)
    assert {part["params"]["latent_dim"] for part in model.config["parts"].values()} == {7}
    with pytest.raises(SeamError, match=r'"encoder".*width 3.*"decoder".*width 4.*latent_dim='):
        tiny(**{"encoder.latent_dim": 3})


def test_a_setting_of_an_objective_without_its_prefix_is_told_with_it() -> None:
    with pytest.raises(SettingError, match=r"elbo is an objective of vae") as caught:
        zoo.build("vae", image_shape=(1, 32, 32), **{"elbo.beta": 2.0})
    assert caught.value.hint == "write objective.elbo.beta=…"


def test_dotted_keys_reach_parts_objectives_and_training() -> None:
    model = tiny(**{"objective.elbo.beta": 4.0, "training.players.autoencoder.lr": 0.5, "training.batch_size": 3})
    config = model.config
    assert config["objectives"]["elbo"]["params"]["beta"] == 4.0
    assert config["training"]["players"]["autoencoder"]["lr"] == 0.5
    assert config["training"]["batch_size"] == 3


def test_objectives_are_swapped_and_one_that_stays_keeps_its_parameters(toys: None) -> None:
    assert list(tiny(objective="reconstruction").objectives) == ["reconstruction"]
    model = tiny(objective=["elbo", {"name": "discreg", "weight": 2.0}], classifier="toy-net",
                 **{"objective.elbo.beta": 3.0})
    assert list(model.objectives) == ["elbo", "discreg"]
    assert model.config["objectives"]["elbo"]["params"]["beta"] == 3.0
    assert model.config["objectives"]["discreg"]["params"]["weight"] == 2.0
    assert model.config["training"]["players"]["autoencoder"]["trains"] == ["encoder", "decoder", "discreg"]


def test_a_part_that_an_objective_asks_for_is_trained_unless_it_is_a_feature_extractor(toys: None) -> None:
    model = tiny(objective=["elbo", "toy-critical"], critic="toy-critic")
    assert not model.frozen
    assert model.config["training"]["players"]["critic"]["trains"] == ["critic"]
    assert tiny(objective=["elbo", "discreg"], classifier="toy-net").frozen == {"classifier"}


def test_a_setting_inside_a_table_leaves_the_rest_of_it_and_the_recipe_as_they_are() -> None:
    def nets(**settings: Any) -> list[Any]:
        two = Labels("classes", ("a", "b"))
        built = zoo.build("aae-dimred", image_shape=(1, 8, 8), labels=two, **{"encoder.hidden": [4], **settings})
        params = built.config["parts"]["decoder"]["params"]["net"]["params"]
        return [params["hidden"], params["sigma"]]

    assert nets(**{"decoder.net.hidden": [5]}) == [[5], "fixed"]
    assert nets() == [[1000, 1000], "fixed"]


def test_settings_for_a_data_set_hold_with_it_and_only_with_it() -> None:
    with_digits = zoo.build("vae", data="digits", **{"encoder.width": 2, "decoder.width": 2})
    without = zoo.build("vae", **{"encoder.width": 2, "decoder.width": 2})
    assert with_digits.config["parts"]["decoder"]["params"]["sigma"] == "shared"
    assert without.config["parts"]["decoder"]["params"]["sigma"] == "unit"
    assert with_digits.labels == Labels("classes", tuple("0123456789"))
    assert with_digits.image_shape == (1, 32, 32)
    chosen = zoo.build("vae", data="digits", **{"encoder.width": 2, "decoder.width": 2, "decoder.sigma": "channel"})
    assert chosen.config["parts"]["decoder"]["params"]["sigma"] == "channel", "what is given stands above them"


def test_settings_for_a_data_set_do_not_reach_into_a_part_that_was_swapped_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_registry: Any
) -> None:
    (tmp_path / "registry.toml").write_text(
        'format = 1\n[recipes.mine]\nlike = "vae-mlp"\nsummary = "x"\non.digits."decoder.hidden" = [5]\n'
    )
    monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / "registry.toml"))
    fresh_registry()
    assert zoo.build("mine", data="digits").config["parts"]["decoder"]["params"]["hidden"] == [5]
    swapped = zoo.build("mine", data="digits", decoder={"name": "dcgan", "width": 2})
    assert swapped.config["parts"]["decoder"]["params"]["width"] == 2


def test_image_size_wins_over_the_data_sets() -> None:
    assert zoo.build("vae-mlp", data="digits", image_size=[8, 12], **TINY).image_shape == (1, 8, 12)
    assert zoo.build("vae-mlp", image_shape=(3, 8, 8), **TINY).image_shape == (3, 8, 8)


@pytest.mark.parametrize(("settings", "error", "says"), [
    ({"encoder": "dcgna"}, UnknownName, 'did you mean "dcgan"'),
    ({"encodr": "mlp"}, SettingError, 'did you mean "encoder"'),
    ({"encoder.hiden": [3]}, SettingError, 'did you mean "hidden"'),
    ({"encoder.hidden": []}, SettingError, "at least 1 long"),
    ({"latent_dim": 0}, SettingError, "≥ 1"),
    ({"latent_dim": "many"}, SettingError, "integer"),
    ({"objective": []}, SettingError, "a name or a list of names"),
    ({"objective": ["elbo", "elbo"]}, SettingError, "twice"),
    ({"objective": [{"beta": 1}]}, SettingError, "needs a name"),
    ({"objective.elbow.beta": 1}, SettingError, 'did you mean "elbo"'),
    ({"sampler": "priro"}, UnknownName, 'did you mean "prior"'),
    ({"image_size": 0}, SettingError, "from 1 to 4096"),
    ({"image_shape": [1, 8]}, SettingError, "channels, height, width"),
    ({"encoder.trainable": "no"}, SettingError, "true or false"),
    ({"encoder": 3}, SettingError, "a component's name"),
    ({"encoder.image_shape": [1, 8, 8]}, SettingError, "filled in from the model"),
    ({"training.epochs": -1}, SettingError, "≥ 0"),
    ({"training.lr": 1}, SettingError, "no such parameter"),
    ({"training.players": 5}, SettingError, "training.players"),
    ({"training.players.autoencoder": 5}, SettingError, "training.players"),
    ({"training.players.autoencoder.lr": float("nan")}, SettingError, "lr"),
    ({"training.batch_size.x": 5}, SettingError, "is a value, not a table"),
    ({"encoder.hidden.x": 5}, SettingError, "is a value, not a table"),
    ({"encoder.hiden.x": 5}, SettingError, 'did you mean "hidden"'),
    ({"pretrained": True}, SettingError, "zoo.load"),
    ({"encoder": "./nowhere"}, zoo.ZooError, "no saved model"),
    ({"encoder": "a" * 5000}, UnknownName, "no encoder"),
])
def test_what_is_wrong_is_refused_in_words_that_help(settings: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        zoo.build("vae-mlp", **{**TINY, **settings})


def test_a_part_that_an_objective_names_after_a_setting_is_shown_in_one_short_line() -> None:
    for name in ("\x1f", "a" * 100_000):
        with pytest.raises(SeamError, match="needs part") as refused:
            tiny(objective=["elbo", {"name": "dfm", "extractor": name}])
        assert len(str(refused.value)) < 1000 and str(refused.value).isprintable()


def test_a_missing_part_is_refused_with_what_could_fill_it(toys: None) -> None:
    with pytest.raises(SeamError, match=r'"discreg" needs part "classifier" \(of kind feature-extractor\); try classifier=') as told:
        tiny(objective=["elbo", "discreg"])
    assert told.value.fields == {"part": "classifier", "kind": "feature-extractor"}


def test_a_missing_capability_is_refused(toys: None) -> None:
    with pytest.raises(SeamError, match=r'"toy-wishful" needs "prior.magic" of part "prior", and "gaussian"'):
        tiny(objective="toy-wishful")


def test_a_component_that_fails_is_a_clear_error(toys: None) -> None:
    with pytest.raises(PluginFailed, match=r"prior: Bomb \(parts.py\) could not be built: KeyError"):
        tiny(prior="toy-bomb")
    with pytest.raises(PluginFailed, match="Missing"):
        tiny(prior="toy-missing")


def test_a_part_name_that_torch_needs_is_refused() -> None:
    config = tiny().config
    config["parts"]["items"] = config["parts"]["prior"]
    with pytest.raises(SettingError, match="'items'"):
        zoo.build(config)


def test_the_same_seed_gives_the_same_weights_and_another_others() -> None:
    torch.manual_seed(5)
    first = tiny(seed=1).state_dict()
    before = torch.get_rng_state()
    again = tiny(seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), before), "building must not touch the global generator"
    assert same(first, again)
    assert not torch.equal(first["parts.encoder.head.weight"], tiny(seed=2).state_dict()["parts.encoder.head.weight"])


def test_swapping_one_part_leaves_the_weights_of_the_others_as_they_were(toys: None) -> None:
    before = tiny().state_dict()
    after = zoo.build("vae-mlp", image_shape=SHAPE, encoder="toy-dropout", objective=["elbo", "toy-owner"], latent_dim=4,
                      **{"decoder.hidden": [5]}).state_dict()
    untouched = [name for name in before if name.startswith(("parts.decoder", "parts.prior"))]
    assert untouched and all(torch.equal(before[name], after[name]) for name in untouched)


@pytest.mark.parametrize("recipe", ["vae", "vae-mlp", "autoencoder"])
def test_the_config_of_a_config_is_the_config(recipe: str) -> None:
    model = zoo.build(recipe, data="digits", latent_dim=3, seed=4)
    again = zoo.build(model.config, seed=4)
    assert again.config == model.config
    assert same(again.state_dict(), model.state_dict())


def test_a_config_keeps_what_is_frozen_and_where_its_weights_come_from(toys: None) -> None:
    model = tiny(objective=["elbo", "discreg"], classifier={"name": "toy-net", "weights": "default", "layers": ["b"]})
    entry = model.config["parts"]["classifier"]
    assert entry["trainable"] is False
    assert entry["weights"]["repo"] == "toys/net"
    assert entry["params"]["layers"] == ["b"] and "weights" not in entry["params"]
    again = zoo.build(model.config)
    assert again.config == model.config
    assert torch.equal(again.parts["classifier"].b.weight, model.parts["classifier"].b.weight)


def test_a_config_takes_no_settings() -> None:
    with pytest.raises(SettingError, match="built as it is"):
        zoo.build(tiny().config, encoder="dcgan")


def test_device_and_dtype_are_not_in_the_config() -> None:
    wide = tiny(dtype=torch.float64, device="cpu")
    assert wide.dtype == torch.float64 and wide.config == tiny().config


def test_frozen_parts_stay_in_eval_mode_and_get_no_gradients(toys: None) -> None:
    model = tiny(objective=["elbo", "discreg"], classifier="toy-net")
    model.train()
    classifier = model.parts["classifier"]
    assert model.parts["encoder"].training and not any(module.training for module in classifier.modules())
    assert not any(p.requires_grad for p in classifier.parameters())
    before = {name: tensor.clone() for name, tensor in classifier.state_dict().items()}
    zoo.train(model, torch.rand(40, *SHAPE), epochs=1, batch_size=10, progress=False)
    assert same(before, classifier.state_dict()), "nor do its running statistics move"


# ------------------------------------------------------------------------------------------------ parts from saved models


def saved(folder: Path, **settings: Any) -> zoo.Model:
    """A tiny model with seed 9, saved."""
    model = tiny(seed=9, **settings)
    model.save(folder)
    return model


def test_a_part_given_by_path_is_inlined_and_its_weights_are_saved(tmp_path: Path) -> None:
    source = saved(tmp_path / "source", **{"encoder.hidden": [3]})
    model = zoo.build("vae-mlp", image_shape=SHAPE, encoder=tmp_path / "source", latent_dim=4, **{"decoder.hidden": [5]})
    assert same(model.parts["encoder"].state_dict(), source.parts["encoder"].state_dict())
    assert model.config["parts"]["encoder"]["params"]["hidden"] == [3]
    assert str(tmp_path) not in repr(model.config)
    model.save(tmp_path / "copy")
    (tmp_path / "source").rename(tmp_path / "gone")
    assert same(zoo.load(tmp_path / "copy").state_dict(), model.state_dict())


def test_a_component_name_wins_over_a_folder_and_a_folder_over_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = saved(Path("mlp"))
    saved(Path("runs/mine"))
    assert not same(tiny(encoder="mlp").parts["encoder"].state_dict(), source.parts["encoder"].state_dict())
    assert same(tiny(encoder="./mlp").parts["encoder"].state_dict(), source.parts["encoder"].state_dict())
    assert same(tiny(encoder="runs/mine").parts["encoder"].state_dict(), source.parts["encoder"].state_dict())


def test_a_path_without_such_a_part_is_refused(tmp_path: Path, toys: None) -> None:
    saved(tmp_path)
    with pytest.raises(SettingError, match="has no feature extractor; its parts are"):
        tiny(objective=["elbo", "discreg"], classifier=tmp_path)


def test_a_trained_classifier_by_path_is_frozen_and_looked_through(tmp_path: Path, toys: None) -> None:
    source = tiny(objective=["elbo", "discreg"], classifier={"name": "toy-net", "width": 2, "layers": ["b"]}, seed=3)
    source.save(tmp_path)
    model = tiny(objective=["elbo", "discreg"], classifier=str(tmp_path))
    assert model.frozen == {"classifier"}
    assert same(model.parts["classifier"].state_dict(), source.parts["classifier"].state_dict())
    entry = model.config["parts"]["classifier"]
    assert "weights" not in entry
    assert entry["params"]["layers"] == ["a", "b"], "which layers are looked at is not taken over"
    assert "parts.classifier.b.weight" in model.published_state()


def test_a_missing_capability_is_refused_with_the_setting_and_the_parts_that_would_give_it() -> None:
    with pytest.raises(SeamError) as refused:
        zoo.build("vae", data="digits", encoder={"name": "dcgan", "posterior": "deterministic"})
    assert "set encoder.posterior=gaussian, or encoder=" in refused.value.hint and "mlp" in refused.value.hint
    zoo.build("vae", data="digits", encoder={"name": "dcgan", "posterior": "gaussian"})
    for other in refused.value.hint.partition("encoder=")[2].removesuffix(" …").split(" or "):
        zoo.build("vae", data="digits", encoder=other)


def test_dots_reach_into_a_component_that_an_objective_names() -> None:
    model = zoo.build("dfm-gan", data="digits", width=2, **{"objective.dfm.denoiser.depth": 1, "discriminator.features": 4})
    spec = model.config["objectives"]["dfm"]["params"]["denoiser"]
    assert (spec["kind"], spec["name"], spec["params"]["depth"]) == ("network", "zoo-dfm:mlp-denoiser", 1)


def test_layers_that_learn_their_width_from_an_image_draw_their_weights_from_the_seed(toys: None) -> None:
    def weights(seed: int) -> torch.Tensor:
        spec = {"name": "toy-nest", "net": {"name": "mlp", "hidden": [4], "layers": ["hidden1"]}}
        part = build_part("feature-extractor", spec, image_shape=(1, 8, 8), seed=seed)
        return part.state_dict()["head.weight"]

    torch.manual_seed(1)
    first = weights(0)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(weights(0), first) and not torch.equal(weights(1), first)
    assert torch.equal(torch.get_rng_state(), state)
